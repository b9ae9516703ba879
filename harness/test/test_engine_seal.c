/* SPDX-License-Identifier: MIT */
/* Steps and expectations on the seal of the System volume. */
#include "sim/base/test.h"

#include <stdio.h>
#include <string.h>

#include "harness/test/engine_world.h"
#include "images/seal_break.h"

static void break_at_shutdown(struct fake *f)
{
	strcpy(f->seal.live, "broken");
	strcpy(f->seal.root_hash, "02");
	strcpy(f->seal.verify, "data: /bin/ls");
}

static void seals_are_judged(void)
{
	static const char *const rows[][2] = {
		{"{live: broken, snapshot: yes, tagged: false, snapshots: 1, unchanged: "
		 "false, root: \"com.apple.os.*\", verify: \"data*\"}",
		 NULL},
		{"{live: yes}", "seal.live"},
		{"{snapshot: none}", "seal.snapshot"},
		{"{root: \"com.apple.bless.*\"}", "seal.root"},
		{"{tagged: true}", "seal.tagged"},
		{"{unchanged: true}", "seal.unchanged"},
		{"{verify: ok}", "seal.verify"},
		{"{snapshots: 2}", "seal.snapshots"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct world w;

		world_init(&w);
		w.fake.seal = (struct seal_state){"yes", "yes", "com.apple.os.update-01",
						  false, "01",  1,
						  "ok"};
		w.fake.at_shutdown = break_at_shutdown;
		w.fake.lie = ""; /* there is no Preboot with a kernel */
		snprintf(text, sizeof(text),
			 "name: x\nsummary: x\nmachine: m1\nrelease: 11.0.1\n"
			 "steps: [{boot: }]\nexpect: {seal: %s}\n",
			 rows[i][0]);
		expect_run(&w, text, rows[i][1] ? VERDICT_FAILED : VERDICT_PASSED,
			   rows[i][1]);
		world_release(&w);
	}
}

static void a_seal_is_broken_by_name(void)
{
	static const char form[] = "name: x\nsummary: x\nmachine: m1\nrelease: 11.0.1\n"
				   "steps: [{seal_break: {kind: %s%s}}, {expect: {seal: "
				   "{verify: broken}}}]\n";

	for (unsigned k = 0; k < SEAL_BREAK_N; k++) {
		const struct seal_break_row *row = &seal_break_rows[k];
		char text[512], log[64];
		struct world w;

		world_init(&w);
		snprintf(text, sizeof(text), form, row->name,
			 row->needs_path ? ", path: /bin/ls" : "");
		snprintf(log, sizeof(log), "break %s\n", row->name);
		expect_run(&w, text, VERDICT_PASSED, NULL);
		CU_ASSERT_PTR_NOT_NULL(strstr(w.fake.log, log));
		world_release(&w);
	}
}

static void a_seal_is_made_whole(void)
{
	static const char form[] = "name: x\nsummary: x\nmachine: m1\nrelease: 11.0.1\n"
				   "steps: [{seal_break: {kind: node}}, {%s}]\n"
				   "expect: {seal: {verify: ok}}\n";
	static const char *const rows[][2] = {
		{"reinstall: ", "reinstall 11.0.1\n"},
		{"reinstall: 11.1", "reinstall 11.1\n"},
		{"reinstall: {release: 11.1}", "reinstall 11.1\n"},
		{"seal_fix: {revert: true}", "fix revert\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct world w;

		world_init(&w);
		snprintf(text, sizeof(text), form, rows[i][0]);
		expect_run(&w, text, VERDICT_PASSED, NULL);
		CU_ASSERT_PTR_NOT_NULL(strstr(w.fake.log, rows[i][1]));
		world_release(&w);
	}
}

static void what_cannot_be_fixed_fails(void)
{
	struct world w;

	world_init(&w);
	expect_run(&w,
		   "name: x\nsummary: x\nmachine: m1\nrelease: 11.0.1\n"
		   "steps: [{seal_break: {kind: node}}, {seal_fix: }]\n",
		   VERDICT_FAILED, "seal_fix");
	world_release(&w);
}

TEST_MAIN("engine-seal", {"seals are judged", seals_are_judged},
	  {"a seal is broken by name", a_seal_is_broken_by_name},
	  {"a seal is made whole", a_seal_is_made_whole},
	  {"what cannot be fixed fails", what_cannot_be_fixed_fails})
