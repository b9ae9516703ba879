/* SPDX-License-Identifier: MIT */
#include "harness/test/engine_world.h"

#include <stdio.h>
#include <string.h>

#include "sim/base/test.h"

static const struct judge no_judges[] = {{NULL, {NULL}, {NULL}}};

void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	fake_init(&w->fake);
	fake_system_kernel(&w->fake, "com.example.filter 1.0\n");
	fake_staged_kernel(&w->fake, "com.example.filter 1.0\n");
	w->judges = no_judges;
}

void world_run(struct world *w, const char *text)
{
	struct plan_options o = {.build_dir = test_tmpdir()};
	struct machine m = fake_machine(&w->fake);
	struct err e = ERR_INIT;
	struct engine_config cfg;

	if (scenario_parse("f.yaml", text, strlen(text), &w->scn, &e) ||
	    plan_make(w->scn, &o, &w->plan, &e)) {
		test_note(__FILE__, __LINE__, text, &e);
		CU_FAIL_FATAL("scenario");
	}
	ASSERT_OK(evidence_init(&w->ev, NULL, &e), &e);
	w->fake.sink = evidence_sink(&w->ev);
	w->res = result_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(w->res);
	cfg = (struct engine_config){
		.plan = w->plan,
		.machine = &m,
		.evidence = &w->ev,
		.result = w->res,
		.scratch_dir = test_tmpdir(),
		.read_kernel = fake_read_kernel,
		.judges = w->judges,
		.timeout_scale = w->timeout_scale,
	};
	w->r = engine_run(&cfg, &w->e);
}

void world_release(struct world *w)
{
	result_free(w->res);
	evidence_release(&w->ev);
	plan_free(w->plan);
	scenario_free(w->scn);
	fake_release(&w->fake);
}

void expect_run(struct world *w, const char *text, enum verdict want,
		const char *failing)
{
	size_t failed = 0;

	world_run(w, text);
	CU_ASSERT_EQUAL(w->res->verdict, want);
	for (size_t i = 0; i < w->res->n_steps; i++)
		for (size_t k = 0; k < w->res->steps[i].n; k++) {
			const struct check *c = &w->res->steps[i].checks[k];

			if (c->ok)
				continue;
			failed++;
			CU_ASSERT_PTR_NOT_NULL(failing);
			if (failing)
				CU_ASSERT_STRING_EQUAL(c->name, failing);
			if (!failing || strcmp(c->name, failing))
				printf("# %s: want %s, got %s\n", c->name, c->expected,
				       c->got);
		}
	CU_ASSERT_EQUAL(failed, failing ? 1 : 0);
	if (w->r)
		printf("# ended: %s\n", w->e.msg);
}
