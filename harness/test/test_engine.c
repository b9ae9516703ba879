/* SPDX-License-Identifier: MIT */
/* The engine on a machine that plays from a script. */
#include "sim/base/test.h"

#include <stdio.h>
#include <string.h>

#include "harness/match.h"
#include "harness/test/engine_world.h"
#include "sim/base/fsio.h"

#define HEAD "name: x\nsummary: s\nrelease: \"10.15.0\"\n"
#define PLIST                                                                            \
	"<?xml version=\"1.0\"?><plist version=\"1.0\"><dict>"                           \
	"<key>CFBundleIdentifier</key><string>%s</string>"                               \
	"<key>CFBundleVersion</key><string>%s</string>"                                  \
	"<key>CFBundlePackageType</key><string>KEXT</string></dict></plist>"

static void copy_at_shutdown(struct fake *f)
{
	fake_system_kernel(f, "com.example.filter 2.0\n");
	fake_staged_kernel(f, "com.example.filter 2.0\n");
}

static void one_run_from_start_to_end(void)
{
	static const char *const down[] = {"going down", NULL};
	static const struct fake_reply replies[] = {
		{"/usr/sbin/kextstat", 0,
		 "Index Refs Address Size Wired Name (Version) UUID <Linked Against>\n"
		 "    1    0 0x0 0x0 0x0 com.example.filter (1.0) 00 <>\n",
		 NULL, false, 0},
		{NULL, 0, NULL, NULL, false, 0},
	};
	struct world w;

	world_init(&w);
	w.fake.at_shutdown = copy_at_shutdown;
	w.fake.down_lines = down;
	w.fake.replies = replies;
	expect_run(
		&w,
		HEAD
		"steps:\n"
		"  - boot:\n"
		"  - touch: /Library/Extensions\n"
		"  - expect: {running: {com.example.filter: \"1.0\", b: absent}}\n"
		"  - reboot:\n"
		"expect:\n"
		"  system_kernel: {kexts: {com.example.filter: \"2.0\"}, unchanged: "
		"false,\n"
		"                  equal_to: staged_kernel, same_id_as: staged_kernel,\n"
		"                  verify: ok, darwin: Darwin*}\n"
		"  booted_kernel: {kexts: {com.example.filter: \"2.0\"}}\n"
		"  files: {/private/var/install/shove_kernels: absent}\n"
		"  console: [\"going*\"]\n"
		"  nvram: {csr-active-config: \"00000000\", boot-args: absent}\n",
		VERDICT_PASSED, NULL);
	CU_ASSERT_EQUAL(w.r, 0);
	CU_ASSERT_STRING_EQUAL(w.fake.log, "boot normal\n"
					   "exec /usr/bin/touch -c /Library/Extensions\n"
					   "exec /usr/sbin/kextstat\n"
					   "exec /sbin/shutdown -r now\ndown \n"
					   "boot normal\n"
					   "exec /sbin/shutdown -h now\ndown \n");
	/* four steps, the shutdown at the end, the end state */
	CU_ASSERT_EQUAL(w.res->n_steps, 6);
	CU_ASSERT_EQUAL(w.res->n_end_state, 4);
	CU_ASSERT_STRING_EQUAL(w.res->end_state[3], "pending script none");
	world_release(&w);
}

struct expectation {
	const char *expect;  /* YAML below "expect:" */
	const char *failing; /* check that fails, NULL: none */
};

/* Each kind of expectation holds for what is so, and fails for what is not. */
static const struct expectation expectations[] = {
	{"{system_kernel: {exists: false}}", "system_kernel.exists"},
	{"{system_kernel: {kexts: {com.example.filter: \"2.0\"}}}",
	 "system_kernel.kexts.com.example.filter"},
	{"{system_kernel: {kexts: {com.example.filter: absent}}}",
	 "system_kernel.kexts.com.example.filter"},
	{"{system_kernel: {kexts: {com.other: absent}}}", NULL},
	{"{staged_kernel: {equal_to: system_kernel}}", "staged_kernel.equal_to"},
	{"{staged_kernel: {equal_to: staged_kernel, unchanged: true}}", NULL},
	{"{staged_kernel: {unchanged: false}}", "staged_kernel.unchanged"},
	{"{system_kernel: {verify: \"*broken*\"}}", "system_kernel.verify"},
	{"{system_kernel: {darwin: \"Darwin 20\"}}", "system_kernel.darwin"},
	{"{booted_kernel: {equal_to: staged_kernel}}", "booted_kernel.equal_to"},
	{"{files: {/var/db/x: {volume: Data, mode: \"0640\", uid: 5, gid: 6, size: 3,"
	 " content: abc, type: file}}}",
	 NULL},
	{"{files: {/var/db/x: {mode: \"0644\"}}}", "files./var/db/x.mode"},
	{"{files: {/var/db/x: {uid: 0}}}", "files./var/db/x.uid"},
	{"{files: {/var/db/x: {gid: 0}}}", "files./var/db/x.gid"},
	{"{files: {/var/db/x: {size: 4}}}", "files./var/db/x.size"},
	{"{files: {/var/db/x: {type: folder}}}", "files./var/db/x.type"},
	{"{files: {/var/db/x: {volume: System}}}", "files./var/db/x.volume"},
	{"{files: {/var/db/x: {content: {contains: z}}}}",
	 "files./var/db/x.content.contains"},
	{"{files: {/var/db/x: {content: {regex: \"^a.c$\"}}}}", NULL},
	{"{files: {/var/db/x: {sha256: \"00\"}}}", "files./var/db/x.sha256"},
	{"{files: {/var/db/x: {same_as: /var/db/y}}}", "files./var/db/x.same_as"},
	{"{files: {/var/db/x: {same_as: /private/var/db/x}}}", NULL},
	{"{files: {/var/db/x: absent}}", "files./var/db/x"},
	{"{files: {/var/db/z: present}}", "files./var/db/z"},
	{"{files: {/var/db/z: absent, /var: {link: private/var, volume: System}}}", NULL},
	{"{files: {/var: {link: elsewhere}}}", "files./var.link"},
	{"{console: {since: boot, lines: [one, two, \"th*\"]}}", NULL},
	{"{console: {since: boot, lines: [two, one]}}", "console.lines.2"},
	{"{console: {since: boot, lines: [four]}}", "console.lines.1"},
	{"{console: {since: boot, lines: [{regex: \"^o.e$\"}]}}", NULL},
	{"{console: {since: boot, absent: [four]}}", NULL},
	{"{console: {since: boot, absent: [\"*hree\"]}}", "console.absent.1"},
	{"{console: [one]}", "console.lines.1"}, /* was before the shutdown */
	{"{events: [{event: sip.denied, with: {op: rem*, errno: \"1\"}}]}", NULL},
	{"{events: [{event: sip.denied, with: {op: write}}]}", "events.sip.denied"},
	{"{events: [{event: sip.denied, absent: true}]}", "events.sip.denied"},
	{"{events: [{event: sip.other, absent: true}]}", NULL},
	{"{nvram: {csr-active-config: \"77000000\"}}", "nvram.csr-active-config"},
};

static void each_expectation_can_fail(void)
{
	static const char *const lines[] = {"one", "two", "three", NULL};

	for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
		const struct expectation *x = &expectations[i];
		struct fs_node *n = NULL;
		struct world w;
		char text[1024];

		world_init(&w);
		fake_staged_kernel(&w.fake, "com.example.filter 3.0\n");
		(void)!fs_tree_file(&w.fake.data, "/private/var/db/x", 0640, "abc", 3, &n,
				    NULL);
		n->uid = 5;
		n->gid = 6;
		(void)!fs_tree_file(&w.fake.data, "/private/var/db/y", 0640, "abd", 3, &n,
				    NULL);
		w.fake.boot_lines = lines;
		w.fake.event =
			"{\"event\":\"sip.denied\",\"op\":\"remount\",\"errno\":1}";
		snprintf(text, sizeof(text), HEAD "steps: [{boot: }]\nexpect: %s\n",
			 x->expect);
		expect_run(&w, text, x->failing ? VERDICT_FAILED : VERDICT_PASSED,
			   x->failing);
		world_release(&w);
	}
}

static void commands_are_checked(void)
{
	static const struct fake_reply replies[] = {
		{"*echo*", 3, "out\n", "err\n", false, 0},
		{"/bin/rm *", 1, NULL, "rm: /x: Operation not permitted\n", false, 0},
		{NULL, 0, NULL, NULL, false, 0},
	};
	static const struct expectation cases[] = {
		{"{run: {sh: echo, status: 3, stdout: out, stderr: {contains: rr}}}",
		 NULL},
		{"{run: {sh: echo}}", "run.status"},
		{"{run: {sh: echo, status: 3, stdout: other}}", "run.stdout.equals"},
		{"{run: {sh: echo, status: 3, stderr: {like: x*}}}", "run.stderr.like"},
		{"{remove: /x}", "remove"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		char text[512];

		world_init(&w);
		w.fake.replies = replies;
		snprintf(text, sizeof(text), HEAD "steps: [{boot: }, %s]\n",
			 cases[i].expect);
		expect_run(&w, text, cases[i].failing ? VERDICT_FAILED : VERDICT_PASSED,
			   cases[i].failing);
		world_release(&w);
	}
}

static void refusal_is_an_answer(void)
{
	struct world w;

	world_init(&w);
	w.fake.refuse = "prelinkedkernel: bad checksum";
	expect_run(&w, HEAD "steps: [{boot: {refused: \"*bad checksum*\"}}]\n",
		   VERDICT_PASSED, NULL);
	world_release(&w);

	world_init(&w);
	w.fake.refuse = "no disk";
	expect_run(&w, HEAD "steps: [{boot: {refused: \"*bad checksum*\"}}]\n",
		   VERDICT_FAILED, "boot.refused");
	world_release(&w);

	/* Refused where it should not be: the steps that need it are skipped. */
	world_init(&w);
	w.fake.refuse = "no disk";
	expect_run(&w, HEAD "steps: [{boot: }, {touch: /a}]\n", VERDICT_FAILED,
		   "boot.up");
	CU_ASSERT_EQUAL(w.res->steps[1].verdict, VERDICT_SKIPPED);
	world_release(&w);

	world_init(&w);
	expect_run(&w, HEAD "steps: [{boot: {refused: \"*\"}}]\n", VERDICT_FAILED,
		   "boot.refused");
	CU_ASSERT_FALSE(w.fake.on);
	world_release(&w);
}

static void a_lie_of_the_guest_is_found(void)
{
	struct world w;

	world_init(&w);
	w.fake.lie = "0000";
	expect_run(&w, HEAD "steps: [{boot: }]\n", VERDICT_FAILED, "boot.kernel");
	world_release(&w);
}

static void a_lost_machine_ends_the_steps(void)
{
	static const struct fake_reply replies[] = {
		{"*crash*", 0, NULL, NULL, true, 0},
		{NULL, 0, NULL, NULL, false, 0},
	};
	struct world w;

	world_init(&w);
	w.fake.replies = replies;
	expect_run(&w, HEAD "steps: [{boot: }, {run: crash}, {touch: /a}]\n",
		   VERDICT_FAILED, "machine.up");
	CU_ASSERT_EQUAL(w.res->steps[2].verdict, VERDICT_SKIPPED);
	CU_ASSERT_STRING_EQUAL(w.fake.log, "boot normal\nexec /bin/sh -c crash\ndown \n");
	world_release(&w);
}

static void trouble_is_no_failure(void)
{
	static const struct {
		int fails;
		enum verdict want;
	} cases[] = {
		{E_INFRA, VERDICT_ERROR},
		{E_TIMEOUT, VERDICT_TIMEOUT},
		{E_CANCELED, VERDICT_CANCELED},
		{E_NOSPC, VERDICT_ERROR},
	};
	static const char *const panic[] = {"[ 1.0] Kernel panic - not syncing: x", NULL};
	struct world w;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fake_reply replies[] = {
			{"*touch*", 0, NULL, NULL, false, cases[i].fails},
			{NULL, 0, NULL, NULL, false, 0},
		};

		world_init(&w);
		w.fake.replies = replies;
		expect_run(&w, HEAD "steps: [{boot: }, {touch: /a}]\n", cases[i].want,
			   NULL);
		CU_ASSERT_STRING_EQUAL(w.res->error, "as told");
		CU_ASSERT_EQUAL(w.res->steps[1].verdict, cases[i].want);
		world_release(&w);
	}
	world_init(&w);
	w.fake.boot_lines = panic;
	expect_run(&w, HEAD "steps: [{boot: }]\n", VERDICT_ERROR, NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.res->error, "kernel panic of the carrier"));
	CU_ASSERT_EQUAL(w.res->n_tail, 1);
	world_release(&w);

	world_init(&w);
	w.timeout_scale = 1e-12;
	expect_run(&w, HEAD "steps: [{boot: }]\n", VERDICT_TIMEOUT, NULL);
	world_release(&w);
}

/* Why a kext is not in the kernel stands in the Mac's system.log alone. */
static void kextcache_is_quoted(void)
{
	static const char log[] =
		"Oct  8 10:00:01 Mac com.apple.kextd[3]: Reading extensions.\n"
		"Oct  8 10:00:02 Mac com.apple.kextcache[9]: symbols are unresolved:\n"
		"\t_no_such_symbol\n"
		"Oct  8 10:00:03 Mac shutdown[31]: halt by root:\n";
	char path[512];
	struct buf copy = BUF_INIT;
	struct err e = ERR_INIT;
	struct world w;

	world_init(&w);
	fake_data_file(&w.fake, "/private/var/log/system.log", log);
	expect_run(&w,
		   HEAD
		   "steps: [{boot: }]\nexpect: {system_kernel: {kexts: {a: \"1\"}}}\n",
		   VERDICT_FAILED, "system_kernel.kexts.a");
	CU_ASSERT_EQUAL_FATAL(w.res->n_kextcache, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.res->kextcache[0], "unresolved"));
	CU_ASSERT_STRING_EQUAL(w.res->kextcache[1], "\t_no_such_symbol");
	snprintf(path, sizeof(path), "%s/system.log", test_tmpdir());
	ASSERT_OK(fsio_read(path, 4096, &copy, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&copy), log);
	buf_release(&copy);
	world_release(&w);

	world_init(&w);
	fake_data_file(&w.fake, "/private/var/log/system.log", log);
	expect_run(&w, HEAD "steps: [{boot: }]\n", VERDICT_PASSED, NULL);
	CU_ASSERT_EQUAL(w.res->n_kextcache, 0);
	world_release(&w);
}

static void make_kext(const char *file, const char *id, const char *version)
{
	char dir[512], path[600], text[1024];
	struct err e = ERR_INIT;
	FILE *f;

	snprintf(dir, sizeof(dir), "%s/fixtures/%s/Contents", test_tmpdir(), file);
	CU_ASSERT_EQUAL_FATAL(test_shell("mkdir -p %s", dir), 0);
	snprintf(path, sizeof(path), "%s/Info.plist", dir);
	snprintf(text, sizeof(text), PLIST, id, version);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	(void)e;
}

/* "@update": "@previous" follows whatever bundle is the update. */
static void versions_follow_the_bundles(void)
{
	static const char bundles[] =
		HEAD "bundles: {previous: fixtures/A.kext, update: fixtures/%s}\n"
		     "steps: [{boot: }, {install: \"@update\"}]\n"
		     "expect: {system_kernel: {kexts: {\"@update\": \"@previous\"}},\n"
		     "         staged_kernel: {kexts: {\"@update\": \"@update\"}}}\n";
	struct world w;
	char text[1024];

	make_kext("A.kext", "com.example.filter", "1.0");
	make_kext("B.kext", "com.example.filter", "2.0");
	make_kext("C.kext", "com.example.other", "7");
	world_init(&w);
	fake_staged_kernel(&w.fake, "com.example.filter 2.0\n");
	snprintf(text, sizeof(text), bundles, "B.kext");
	expect_run(&w, text, VERDICT_PASSED, NULL);
	world_release(&w);

	world_init(&w);
	fake_staged_kernel(&w.fake, "com.example.other 7\n");
	snprintf(text, sizeof(text), bundles, "C.kext");
	expect_run(&w, text, VERDICT_PASSED, NULL);
	world_release(&w);

	world_init(&w);
	snprintf(text, sizeof(text), bundles, "C.kext");
	expect_run(&w, text, VERDICT_FAILED, "staged_kernel.kexts.com.example.other");
	world_release(&w);
}

static void judges_are_heard(void)
{
	static const struct judge ok[] = {{"apfsck", {"test", "-f", "@", NULL}, {NULL}},
					  {NULL, {NULL}, {NULL}}};
	static const struct judge bad[] = {
		{"7zz", {"sh", "-c", "echo broken; exit 2", NULL}, {NULL}},
		{NULL, {NULL}, {NULL}}};
	static const struct judge when_tagged[] = {
		{"apfsck", {"false", NULL}, {"true", NULL}}, {NULL, {NULL}, {NULL}}};
	static const struct judge none[] = {{"apfsck", {"/no/such/judge", NULL}, {NULL}},
					    {NULL, {NULL}, {NULL}}};
	struct world w;

	world_init(&w);
	w.judges = ok;
	expect_run(&w, HEAD "steps: []\n", VERDICT_PASSED, NULL);
	world_release(&w);

	world_init(&w);
	w.judges = bad;
	expect_run(&w, HEAD "steps: []\n", VERDICT_FAILED, "judges.7zz");
	world_release(&w);

	world_init(&w);
	w.judges = bad;
	expect_run(&w, HEAD "steps: []\nexpect: {judges: {7zz: ignore}}\n",
		   VERDICT_PASSED, NULL);
	world_release(&w);

	world_init(&w);
	w.judges = when_tagged;
	expect_run(&w, HEAD "steps: []\n", VERDICT_FAILED, "judges.apfsck");
	world_release(&w);
	world_init(&w);
	w.judges = when_tagged;
	w.fake.tagged = true;
	expect_run(&w, HEAD "steps: []\n", VERDICT_PASSED, NULL);
	world_release(&w);

	world_init(&w);
	w.judges = bad;
	w.fake.more_containers = 1;
	world_run(&w, HEAD "steps: []\n");
	CU_ASSERT_STRING_EQUAL(w.res->steps[0].checks[0].name, "judges.7zz");
	CU_ASSERT_STRING_EQUAL(w.res->steps[0].checks[1].name, "judges.7zz.disk2");
	world_release(&w);

	world_init(&w);
	w.judges = none;
	expect_run(&w, HEAD "steps: []\n", VERDICT_PASSED, NULL);
	CU_ASSERT_TRUE(w.res->steps[0].checks[0].skipped);
	world_release(&w);
}

static void steps_reach_the_machine(void)
{
	struct world w;

	world_init(&w);
	expect_run(&w,
		   HEAD "volumes: {system_name: My Disk}\n"
			"steps:\n"
			"  - sip: disabled\n"
			"  - upgrade: 10.15.1\n"
			"  - boot: {mode: recovery}\n"
			"  - unlock: {volume: \"@{system}\", passphrase: p}\n"
			"  - mount: \"@{data}\"\n"
			"  - csrutil: disable\n"
			"  - touch: {path: \"/Volumes/@{system}/x\", create: true}\n"
			"  - power_cut:\n",
		   VERDICT_PASSED, NULL);
	CU_ASSERT_EQUAL(w.fake.csr, 0x77);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(w.fake.log, "update 10.15.1\nboot recovery\nexec /bin/sh"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(w.fake.log, "upgrade My Disk\nexec /sbin/halt -q\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(w.fake.log,
		       "exec /usr/sbin/diskutil apfs unlockVolume My Disk -passphrase p\n"
		       "exec /usr/sbin/diskutil mount My Disk - Data\n"
		       "exec /usr/bin/csrutil disable\n"
		       "exec /usr/bin/touch /Volumes/My Disk/x\n"
		       "cut"));
	world_release(&w);
}

static void a_user_allows_a_kext(void)
{
	struct world w;

	make_kext("A.kext", "com.example.filter", "1.0");
	world_init(&w);
	expect_run(&w, HEAD "bundles: {update: fixtures/A.kext}\napproved: []\nsteps:\n"
			"  - boot:\n  - allow_kext: \"@update\"\n"
			"  - allow_kext: {bundle: fixtures/A.kext, no_button: true}\n",
		   VERDICT_PASSED, NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.fake.log, "\n allowclick com.example.filter\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(w.fake.log, "\n allowclick -n com.example.filter\n"));
	world_release(&w);
}

/* The log is waited for where it is written; that the time is up is a failed check. */
static void waits_for_a_line_of_the_log(void)
{
	static const struct fake_reply too_late[] = {
		{"*logwait 30000 *", 124, "", "no line like that", false, 0},
		{NULL, 0, NULL, NULL, false, 0},
	};
	static const char text[] = HEAD "steps:\n"
					"  - boot:\n"
					"  - wait: {log: \"*; aborting prelink.\", timeout_s: 30}\n";
	struct world w;

	world_init(&w);
	expect_run(&w, text, VERDICT_PASSED, NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.fake.log, " logwait 30000 *; aborting prelink.\n"));
	world_release(&w);
	world_init(&w);
	w.fake.replies = too_late;
	expect_run(&w, text, VERDICT_FAILED, "wait.log");
	world_release(&w);
}

static void power_is_cut_where_the_mac_holds(void)
{
	static const char text[] = HEAD "steps:\n"
					"  - boot: {hold: sep-11}\n"
					"  - power_cut: {held: sep-11}\n";
	struct world w;

	world_init(&w);
	w.fake.event = "{\"event\":\"hold\",\"at\":\"sep-11\"}";
	expect_run(&w, text, VERDICT_PASSED, NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.fake.log, "hold sep-11\nboot normal\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(w.fake.log, "cut"));
	world_release(&w);
	world_init(&w);
	w.fake.event = "{\"event\":\"hold\",\"at\":\"sep-12\"}";
	expect_run(&w, text, VERDICT_FAILED, "power_cut.held");
	world_release(&w);
	world_init(&w);
	w.timeout_scale = 0.01;
	world_run(&w, text);
	CU_ASSERT_EQUAL(w.res->verdict, VERDICT_TIMEOUT);
	world_release(&w);
}

static void the_boot_is_shown(void)
{
	struct world w;

	world_init(&w);
	w.fake.event = "{\"event\":\"log\",\"seq\":7,\"stamp\":\"14.827815\",\"process\":"
		       "\"kernel\",\"sender\":\"apfs\",\"message\":\"mounting\\nat /\"}";
	world_run(&w, HEAD "show_boot: true\nsteps:\n  - boot:\n");
	CU_ASSERT_EQUAL_FATAL(w.res->n_story, 3);
	CU_ASSERT_STRING_EQUAL(w.res->story[1], "    7  14.827815 apfs mounting");
	CU_ASSERT_STRING_EQUAL(w.res->story[2], "       at /");
	{
		struct buf log = BUF_INIT;
		struct err e = ERR_INIT;
		char path[512];

		snprintf(path, sizeof(path), "%s/unified.log", test_tmpdir());
		ASSERT_OK(fsio_read(path, 4096, &log, &e), &e);
		CU_ASSERT_STRING_EQUAL(buf_str(&log),
				       "     7 14.827815 kernel: (apfs) mounting\n"
				       "       at /\n");
		buf_release(&log);
	}
	world_release(&w);
	world_init(&w);
	w.fake.event = "{\"event\":\"boot.stage\",\"stage\":\"cores\",\"us\":1500,"
		       "\"detail\":\"10 of 10\"}";
	world_run(&w, HEAD "show_boot: true\nsteps:\n  - boot:\n");
	CU_ASSERT_EQUAL_FATAL(w.res->n_story, 2);
	CU_ASSERT_STRING_EQUAL(w.res->story[1],
			       "     1.500 ms  cores          10 of 10");
	world_release(&w);
	world_init(&w);
	w.fake.event = "{\"event\":\"boot.stage\",\"stage\":\"cores\"}";
	world_run(&w, HEAD "show_boot: false\nsteps:\n  - boot:\n");
	CU_ASSERT_EQUAL(w.res->n_story, 0);
	world_release(&w);
}

static bool same(void *ctx, size_t i, const char *line)
{
	return match_like(((const char *const *)ctx)[i], line);
}

static void patterns(void)
{
	static const char *const want[] = {"a*", "b", "a*"};
	static const char *const lines[] = {"b", "ax", "c", "b", "ay"};
	size_t at[3];
	bool ok;
	struct err e = ERR_INIT;

	CU_ASSERT_TRUE(match_like("a*b*c", "a[1] <b>bc"));
	CU_ASSERT_TRUE(match_like("*", ""));
	CU_ASSERT_FALSE(match_like("a*b", "a b "));
	CU_ASSERT_FALSE(match_like("[a]", "a"));
	CU_ASSERT_TRUE(match_like("*aab", "aaab"));
	CU_ASSERT_TRUE(match_like_line("b*", "a\nbc\nd"));
	CU_ASSERT_FALSE(match_like_line("a*d", "a\nd"));
	CU_ASSERT_TRUE(match_equals("a\n", "a"));
	CU_ASSERT_FALSE(match_equals("a\nb", "a"));
	ASSERT_FAILS(match_regex("(", "a", &ok, &e), E_INVAL);
	CU_ASSERT_EQUAL(match_ordered(3, same, (void *)(uintptr_t)want, lines, 5, at), 3);
	CU_ASSERT_EQUAL(at[0], 1);
	CU_ASSERT_EQUAL(at[1], 3);
	CU_ASSERT_EQUAL(match_ordered(3, same, (void *)(uintptr_t)want, lines, 4, NULL),
			2);
}

static void paths_of_a_mac(void)
{
	struct fake f;
	struct machine m;
	struct macfs *fs;
	struct err e = ERR_INIT;
	static const struct {
		const char *path, *role, *inner;
	} cases[] = {
		{"/", "System", "/"},
		{"/System/Library/Kernels/kernel", "System",
		 "/System/Library/Kernels/kernel"},
		{"/Library/Extensions", "Data", "/Library/Extensions"},
		{"/Libraryx", "System", "/Libraryx"},
		{"/private/var/vm/swapfile0", "VM", "/swapfile0"},
		{"/var/vm", "VM", "/"},
		{"/var/install/x", "Data", "/private/var/install/x"},
		{"/System/Volumes/Data/Library", "Data", "/Library"},
		{"/Library/../System/./x", "System", "/System/x"},
		{"/../x", "System", "/x"},
		{"/abs/x", "Data", "/Library/x"},
	};

	fake_init(&f);
	(void)!fs_tree_mkdir(&f.system, "/System/Library/Kernels", 0755, NULL, NULL);
	(void)!fs_tree_mkdir(&f.system, "/System/Volumes/Data", 0755, NULL, NULL);
	(void)!fs_tree_symlink(&f.system, "/abs", "/Library", NULL, NULL);
	(void)!fs_tree_symlink(&f.system, "/loop", "loop", NULL, NULL);
	m = fake_machine(&f);
	ASSERT_OK(m.ops->open_disk(m.m, &fs, &e), &e);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char role[MACFS_ROLE_MAX] = "", inner[MACFS_PATH_MAX] = "";
		int r = macfs_resolve(fs, cases[i].path, role, inner, &e);

		ASSERT_OK(r, &e);
		CU_ASSERT_STRING_EQUAL(role, cases[i].role);
		CU_ASSERT_STRING_EQUAL(inner, cases[i].inner);
	}
	{
		char role[MACFS_ROLE_MAX], inner[MACFS_PATH_MAX];

		ASSERT_FAILS(macfs_resolve(fs, "/loop/x", role, inner, &e), E_OVERFLOW);
		ASSERT_FAILS(macfs_resolve(fs, "x", role, inner, &e), E_INVAL);
	}
	macfs_free(fs);
	fake_release(&f);
}

TEST_MAIN("engine", {"one run from start to end", one_run_from_start_to_end},
	  {"each expectation can fail", each_expectation_can_fail},
	  {"commands are checked", commands_are_checked},
	  {"a refused boot is an answer", refusal_is_an_answer},
	  {"a lie of the guest is found", a_lie_of_the_guest_is_found},
	  {"a lost machine ends the steps", a_lost_machine_ends_the_steps},
	  {"trouble is no failed scenario", trouble_is_no_failure},
	  {"kextcache is quoted", kextcache_is_quoted},
	  {"versions follow the bundles", versions_follow_the_bundles},
	  {"judges are heard", judges_are_heard},
	  {"steps reach the machine", steps_reach_the_machine},
	  {"a user allows a kext", a_user_allows_a_kext},
	  {"waits for a line of the log", waits_for_a_line_of_the_log},
	  {"power is cut where the Mac holds", power_is_cut_where_the_mac_holds},
	  {"the boot is shown", the_boot_is_shown}, {"patterns", patterns},
	  {"paths of a Mac", paths_of_a_mac})
