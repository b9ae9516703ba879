/* SPDX-License-Identifier: MIT */
/* The scenario language: what is read, and how mistakes are told. */
#include "sim/base/test.h"

#include <stdio.h>
#include <string.h>

#include "harness/plan.h"
#include "harness/step_run.h"

#define HEAD "name: x\nsummary: s\nrelease: \"10.15.0\"\n"

static struct scenario *load(const char *text)
{
	struct scenario *s = NULL;
	struct err e = ERR_INIT;

	if (scenario_parse("f.yaml", text, strlen(text), &s, &e))
		test_note(__FILE__, __LINE__, text, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s;
}

struct mistake {
	const char *text, *message;
};

static const struct mistake mistakes[] = {
	{"", "f.yaml:1:1: the file is empty"},
	{"name: [", "f.yaml:2:1: did not find expected node content"},
	{"- a\n", "f.yaml:1:1: file: expected a map, found a list"},
	{"name: x\nsummary: s\nrelese: \"10.15.0\"\nsteps: []\n",
	 "f.yaml:3:1: unknown key 'relese' (did you mean 'release'?)"},
	{"name: x\nsummary: s\nrelease: 10.15.0\n", "f.yaml:1:1: key 'steps' is missing"},
	{"name: x\nsummary: s\nsteps: []\n", "f.yaml:1:1: key 'release' is missing"},
	{"name: x\nname: y\n", "f.yaml:2:1: key 'name' is there twice (first in line 1)"},
	{"name: &a x\n", "f.yaml:1:7: anchors and tags are not used here"},
	{"name: !!str x\n", "f.yaml:1:7: anchors and tags are not used here"},
	{"name: *a\n", "f.yaml:1:7: aliases are not used here"},
	{"name: x\nsummary: \xff\n", "f.yaml:2:10: invalid leading UTF-8 octet"},
	{"a: b\n---\nc: d\n", "f.yaml:2:1: a second document in one file"},
	{"name: \"a\\0b\"\n", "f.yaml:1:7: text with a NUL byte"},
	{"? [a]\n: b\n", "f.yaml:1:3: a key must be text, not a list"},
	{"a: [[[[[[[[[[[[[[[[b]]]]]]]]]]]]]]]]\n", "f.yaml:1:19: nested too deeply"},
	{"name: ../x\nsummary: s\nrelease: 10.15.0\nsteps: []\n",
	 "f.yaml:1:7: name '../x': letters, digits, '-', '_' and '.' only"},
	{HEAD "steps: {}\n", "f.yaml:4:8: steps: expected a list, found a map"},
	{HEAD "steps:\n  - boott:\n",
	 "f.yaml:5:5: unknown step 'boott' (did you mean 'boot'?)"},
	{HEAD "steps:\n  - {boot: , shutdown: }\n",
	 "f.yaml:5:5: a step is a map of one key, its name"},
	{HEAD "steps:\n  - install: {bundel: x}\n",
	 "f.yaml:5:15: unknown key 'bundel' (did you mean 'bundle'?)"},
	{HEAD "steps:\n  - install: {to: /x}\n", "f.yaml:5:14: key 'bundle' is missing"},
	{HEAD "steps:\n  - boot: {mode: recvery}\n",
	 "f.yaml:5:18: unknown mode 'recvery' (did you mean 'recovery'?)"},
	{HEAD "steps:\n  - run: {status: 0}\n",
	 "f.yaml:5:10: run: either argv or sh has to be given"},
	{HEAD "steps:\n  - run: {argv: [ls]}\n",
	 "f.yaml:5:10: run: 'ls' is not a full path"},
	{HEAD "steps:\n  - run: {sh: a, status: -1}\n",
	 "f.yaml:5:26: status: '-1' is not a whole number"},
	{HEAD "steps:\n  - run: {sh: a, status: 256}\n",
	 "f.yaml:5:26: status: 256 is not within 0 to 255"},
	{HEAD "steps:\n  - touch: {path: /a, create: yes}\n",
	 "f.yaml:5:31: create: 'yes' is neither true nor false"},
	{HEAD "steps:\n  - write_file: {path: /a, content: b, mode: 755}\n",
	 "f.yaml:5:46: mode: '755' is not a mode like 0755"},
	{HEAD "steps:\n  - wait: {path: /a, gone: /b}\n",
	 "f.yaml:5:11: wait: exactly one thing to wait for"},
	{HEAD "steps:\n  - wait: {log: \"*x*\", seconds: 1}\n",
	 "f.yaml:5:11: wait: exactly one thing to wait for"},
	{HEAD "steps:\n  - wait: {log: \"\"}\n",
	 "f.yaml:5:17: wait: log: an empty pattern"},
	{HEAD "steps:\n  - wait: {log: [a]}\n",
	 "f.yaml:5:17: log: expected text, found a list"},
	{HEAD "steps:\n  - wait: {seconds: soon}\n",
	 "f.yaml:5:21: seconds: 'soon' is not a number of 0 or more"},
	{HEAD "steps:\n  - upgrade: 10.15.2x\n",
	 "f.yaml:5:14: unknown release '10.15.2x' (did you mean '10.15.0'?)"},
	{HEAD "steps:\n  - corrupt: {path: /a, bytes: xyz}\n",
	 "f.yaml:5:14: corrupt: 'xyz' is not 1 to 256 bytes in hexadecimal"},
	{HEAD "steps:\n  - boot: hard\n", "f.yaml:5:11: boot: expected a map"},
	{HEAD "sip: half\nsteps: []\n",
	 "f.yaml:4:6: sip: 'half' is neither enabled, disabled nor flags like 0x77"},
	{HEAD "sip: 0x1fff\nsteps: []\n",
	 "f.yaml:4:6: sip: '0x1fff' is neither enabled, disabled nor flags like 0x77"},
	{HEAD "clock: today\nsteps: []\n",
	 "f.yaml:4:8: clock: 'today' is not a time like 2019-10-10T11:00:31Z"},
	{HEAD "machine: intle\nsteps: []\n",
	 "f.yaml:4:10: unknown machine 'intle' (did you mean 'intel'?)"},
	{HEAD "timeout_s: 0\nsteps: []\n",
	 "f.yaml:4:12: timeout_s: 0 is not within 1 to 7200"},
	{HEAD "volumes: {order: C}\nsteps: []\n",
	 "f.yaml:4:18: unknown order 'C' (known: upgraded, clean)"},
	{HEAD "filevault: {user: a}\nsteps: []\n",
	 "f.yaml:4:12: key 'passphrase' is missing"},
	{HEAD "tags: [[a]]\nsteps: []\n",
	 "f.yaml:4:8: tags: expected text, found a list"},
	{HEAD "steps: []\nexpect: {files: {etc: absent}}\n",
	 "f.yaml:5:18: 'etc' is not an absolute path"},
	{HEAD "steps: []\nexpect: {files: {/etc: gone}}\n",
	 "f.yaml:5:24: unknown state of a file 'gone' (known: absent, present)"},
	{HEAD "steps: []\nexpect: {system_kernel: {equal_to: stagedkernel}}\n",
	 "f.yaml:5:36: unknown equal_to 'stagedkernel' (did you mean 'staged_kernel'?)"},
	{HEAD "steps: []\nexpect: {console: [{like: a, regex: b}]}\n",
	 "f.yaml:5:20: a console line has either like or regex"},
	{HEAD "steps: []\nexpect: {nvram: {boot-args: xx}}\n",
	 "f.yaml:5:29: 'xx' is neither bytes like 77000000 nor absent"},
	{HEAD "steps: []\nexpect: {events: [{with: {}}]}\n",
	 "f.yaml:5:19: key 'event' is missing"},
	{HEAD "steps: [{boot: {id: a}}, {shutdown: {id: a}}]\n",
	 "f.yaml:4:26: id 'a' is there twice"},
	{HEAD "steps: [{boot: {only: [v]}}]\n", "f.yaml:4:9: only: no variant 'v'"},
	{HEAD "steps: [{boot: {machines: [m1, m3]}}]\n",
	 "f.yaml:4:9: machines: no machine 'm3' (did you mean 'm1'?)"},
	{HEAD "steps: [{boot: {releases: [10.15.0, 10.15.9]}}]\n",
	 "f.yaml:4:9: releases: no release '10.15.9' (did you mean '10.15.0'?)"},
	{HEAD "steps: []\nvariants: [{name: a}, {name: a}]\n",
	 "f.yaml:5:23: variant 'a' is there twice"},
	{HEAD "steps: []\nvariants: [{name: a, steps: []}]\n",
	 "f.yaml:5:22: unknown key 'steps'"},
	{HEAD "steps: []\ncontrols: [{name: a, fails: [b]}]\n",
	 "f.yaml:5:12: a control takes something away: set, without or replace"},
	{HEAD "steps: []\ncontrols: [{name: a, fails: [b], without: [z]}]\n",
	 "f.yaml:5:12: no step has the id 'z'"},
	{HEAD "steps: []\ncontrols: [{name: a, fails: [b], set: {sipp: off}}]\n",
	 "f.yaml:5:40: unknown key 'sipp' (did you mean 'sip'?)"},
};

static void mistakes_have_a_place(void)
{
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const struct mistake *m = &mistakes[i];
		struct scenario *s = NULL;
		struct err e = ERR_INIT;
		int r = scenario_parse("f.yaml", m->text, strlen(m->text), &s, &e);

		CU_ASSERT_EQUAL(r, -E_SCHEMA);
		CU_ASSERT_PTR_NULL(s);
		CU_ASSERT_STRING_EQUAL(e.msg, m->message);
		if (strcmp(e.msg, m->message))
			printf("# got:  %s\n# want: %s\n", e.msg, m->message);
		scenario_free(s);
	}
}

static void limits_hold(void)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct scenario *s = NULL;

	ASSERT_OK(buf_append_zeros(&b, YDOC_SIZE_MAX + 1, &e), &e);
	ASSERT_FAILS(scenario_parse("f", b.data, b.len, &s, &e), E_SCHEMA);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "larger than"));
	buf_clear(&b);
	for (int i = 0; i < 9000; i++)
		ASSERT_OK(buf_printf(&b, &e, "- a\n"), &e);
	ASSERT_FAILS(scenario_parse("f", b.data, b.len, &s, &e), E_SCHEMA);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "too many values"));
	buf_release(&b);
}

static void reads_everything(void)
{
	struct scenario *s = load(
		HEAD "source: book\ntags: [a, b]\nsip: 0x77\ntime_factor: 0.5\n"
		     "clock: 2019-10-10T11:00:31Z\nvolumes: {system_name: Disk, order: "
		     "clean}\n"
		     "filevault: {user: u, passphrase: p}\n"
		     "steps:\n"
		     "  - boot:\n"
		     "  - touch: /a\n"
		     "  - run: {argv: [/bin/ls, /], uid: 501, stdout: {like: \"a*\"}}\n"
		     "  - write_file: {path: /b, content: c}\n"
		     "  - reboot: recovery\n"
		     "  - expect: {files: {/a: {mode: \"0700\", volume: Data}}}\n"
		     "expect:\n"
		     "  console: [a, {regex: b}]\n"
		     "  judges: {7zz: ignore}\n");
	const struct step_reboot *reboot = s->steps[4].args;
	const struct step_write *write = s->steps[3].args;
	const struct expect *x = s->steps[5].args;

	CU_ASSERT_EQUAL(s->settings.csr, 0x77);
	CU_ASSERT_EQUAL(s->settings.clock_ns, 1570705231000000000);
	CU_ASSERT_EQUAL(s->settings.volumes.order, VOLUME_ORDER_CLEAN);
	CU_ASSERT_EQUAL(s->n_steps, 6);
	CU_ASSERT_EQUAL(reboot->mode, MODE_RECOVERY);
	CU_ASSERT_EQUAL(write->mode, 0644);
	CU_ASSERT_EQUAL(x->files[0].mode, 0700);
	CU_ASSERT_EQUAL(x->files[0].uid, -1);
	CU_ASSERT_STRING_EQUAL(s->expect->console->lines.items[1].regex, "b");
	CU_ASSERT_EQUAL(s->expect->judges.sevenzip, JUDGE_IGNORE);
	CU_ASSERT_EQUAL(s->expect->judges.apfsck, JUDGE_CLEAN);
	scenario_free(s);
}

/* Plan @text, expecting @message, or success when it is NULL. */
static struct plan *plan(const struct scenario *s, struct plan_options *o,
			 const char *message)
{
	struct plan *p = NULL;
	struct err e = ERR_INIT;
	int r;

	o->no_bundles = true;
	r = plan_make(s, o, &p, &e);
	CU_ASSERT_EQUAL(r != 0, message != NULL);
	CU_ASSERT_STRING_EQUAL(e.msg, message ? message : "");
	if (strcmp(e.msg, message ? message : ""))
		printf("# got: %s\n", e.msg);
	return p;
}

static void power_is_followed(void)
{
	static const struct mistake cases[] = {
		{HEAD "steps: [{boot: }, {boot: }]\n",
		 "f.yaml:4:19: boot: the machine is on here"},
		{HEAD "steps: [{touch: /a}]\n",
		 "f.yaml:4:9: touch: the machine is off here"},
		{HEAD "steps: [{boot: {refused: x}}, {shutdown: }]\n",
		 "f.yaml:4:31: shutdown: the machine is off here"},
		{HEAD "steps: [{expect: {running: {a: \"1\"}}}]\n",
		 "f.yaml:4:9: running: the machine is off here"},
		{HEAD "steps: [{boot: }, {expect: {nvram: {a: absent}}}]\n",
		 "f.yaml:4:19: nvram: the machine is on here"},
		{HEAD "steps: [{boot: }, {power_cut: }, {sip: off}, {boot: }]\n", NULL},
		{HEAD "steps: [{boot: }, {touch: \"@{no.such}\"}]\n",
		 "f.yaml:4:27: unknown reference '@{no.such}'"},
		{HEAD "steps: [{boot: }, {install: \"@x\"}]\n",
		 "f.yaml:4:19: no bundle is called '@x'"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan_options o = {.build_dir = "build"};
		struct scenario *s = load(cases[i].text);

		plan_free(plan(s, &o, cases[i].message));
		scenario_free(s);
	}
}

static void settings_are_layered(void)
{
	static const char *sets[] = {"volumes.system_name=Other Disk", "time_factor=1"};
	struct scenario *s =
		load(HEAD "sip: enabled\nsteps:\n"
			  "  - boot: {id: b}\n"
			  "  - touch: {path: /a, id: t, only: [one]}\n"
			  "variants: [{name: one, sip: disabled}, {name: two}]\n"
			  "controls:\n"
			  "  - {name: c, variant: one, set: {release: 10.15.1},\n"
			  "     replace: {t: /b}, fails: [x]}\n");
	struct plan_options o = {.sets = {sets, 2}, .variant = &s->variants[0]};
	struct plan *p = plan(s, &o, NULL);

	CU_ASSERT_EQUAL(p->s.csr, 0x77);
	CU_ASSERT_STRING_EQUAL(p->s.volumes.system_name, "Other Disk");
	CU_ASSERT_STRING_EQUAL(p->name, "x/one");
	CU_ASSERT_EQUAL(p->n_steps, 2);
	CU_ASSERT_TRUE(p->ends_on);
	CU_ASSERT_STRING_EQUAL(
		p->reproduce,
		"build/kextlab run --keep --set 'volumes.system_name=Other Disk'"
		" --set time_factor=1 f.yaml");
	plan_free(p);
	o.control = &s->controls[0];
	o.sip = "on";
	p = plan(s, &o, NULL);
	CU_ASSERT_EQUAL(p->s.csr, 0);
	CU_ASSERT_STRING_EQUAL(p->s.release->name, "10.15.1");
	CU_ASSERT_STRING_EQUAL(((struct step_path *)p->steps[1].args)->path, "/b");
	plan_free(p);
	o = (struct plan_options){.variant = &s->variants[1]};
	p = plan(s, &o, NULL);
	CU_ASSERT_EQUAL(p->n_steps, 1);
	plan_free(p);
	o = (struct plan_options){.release = "10.15.9"};
	plan(s, &o, "--release: unknown release '10.15.9' (did you mean '10.15.0'?)");
	o = (struct plan_options){.sip = "maybe"};
	plan(s, &o,
	     "--sip: sip: 'maybe' is neither enabled, disabled nor flags like 0x77");
	o = (struct plan_options){.release = "99"};
	plan(s, &o,
	     "--release: unknown release '99' (known: 10.15-b5, 10.15-b6, 10.15.0, "
	     "10.15.1, 11.0.1, 11.1, 12.0.1, 12.1)");
	o = (struct plan_options){.sets = {(const char *[]){"volumes.order=["}, 1}};
	plan(s, &o, "--set: did not find expected node content");
	o = (struct plan_options){.without = {(const char *[]){"5"}, 1}};
	plan(s, &o, "--without 5: no step of x (known: b, t)");
	o = (struct plan_options){.kext = "x"};
	plan(s, &o, "x installs no bundle called 'update' that --kext could replace");
	scenario_free(s);
}

/* Which steps a run has, by its machine and its release. */
static void steps_belong_to_machines_and_releases(void)
{
	static const struct {
		const char *machine, *release, *want_release;
		size_t n_steps;
	} cases[] = {
		{NULL, NULL, "11.0.1", 3},
		{"m1", "12.1", "12.1", 2},
		{"m1-pro", NULL, "12.0.1", 2}, /* the first that was made for it */
		{"m1-pro", "12.1", "12.1", 2},
		{"intel", NULL, "11.0.1", 2},
	};
	struct scenario *s =
		load("name: x\nsummary: y\nmachine: m1\nrelease: 11.0.1\nsteps:\n"
		     "  - boot: {}\n"
		     "  - touch: {path: /a, machines: [m1, m1-pro, intel]}\n"
		     "  - touch: {path: /b, machines: [m1], releases: [11.0.1]}\n");
	struct plan_options o = {.machine = NULL};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan *p;

		o.machine = cases[i].machine;
		o.release = cases[i].release;
		p = plan(s, &o, NULL);
		CU_ASSERT_STRING_EQUAL(p->s.release->name, cases[i].want_release);
		CU_ASSERT_EQUAL(p->n_steps, cases[i].n_steps);
		plan_free(p);
	}
	o.machine = "m1-pro";
	o.release = "11.0.1";
	plan(s, &o, "f.yaml:1:1: macOS 11.0.1 was not made for the machine m1-pro");
	/* Nothing is said of what it would do. */
	o = (struct plan_options){.machine = "m1-max"};
	plan(s, &o, "f.yaml:1:1: macOS 11.0.1 was not made for the machine m1-max");
	scenario_free(s);
}

static void references_are_replaced(void)
{
	struct scenario *s =
		load(HEAD "bundles: {update: fixtures/F-2.0.kext}\nsteps: []\n");
	struct plan_options o = {.build_dir = "/b"};
	struct plan *p = plan(s, &o, NULL);
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	const char *text;

	ASSERT_OK(plan_expand(p,
			      "@{system}|@{data}|@{release.kext_tools}|@{update.file}|@{",
			      &a, &text, &e),
		  &e);
	CU_ASSERT_STRING_EQUAL(text,
			       "Macintosh HD|Macintosh HD - Data|623.11.5|F.kext|@{");
	CU_ASSERT_STRING_EQUAL(p->bundles[0].path, "/b/fixtures/F-2.0.kext");
	ASSERT_FAILS(plan_expand(p, "@{update.colour}", &a, &text, &e), E_SCHEMA);
	arena_release(&a);
	plan_free(p);
	scenario_free(s);
}

static void bad_bundles_are_told(void)
{
	struct scenario *s = load(HEAD "bundles: {update: a.kext}\nsteps: []\n");
	struct plan_options o = {.kext = "/nonexistent/X.kext"};
	struct plan *p = NULL;
	struct err e = ERR_INIT;
	char path[512];

	ASSERT_FAILS(plan_make(s, &o, &p, &e), E_NOTFOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "kext '/nonexistent/X.kext'"));
	o.kext = "/etc/passwd";
	ASSERT_FAILS(plan_make(s, &o, &p, &e), E_CORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "not a bundle"));
	snprintf(path, sizeof(path), "%s/Empty.kext", test_tmpdir());
	CU_ASSERT_EQUAL(test_shell("mkdir -p %s/Contents", path), 0);
	o.kext = path;
	CU_ASSERT_NOT_EQUAL(plan_make(s, &o, &p, &e), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "Empty.kext"));
	CU_ASSERT_EQUAL(test_shell("echo junk > %s/Contents/Info.plist", path), 0);
	ASSERT_FAILS(plan_make(s, &o, &p, &e), E_CORRUPT);
	CU_ASSERT_EQUAL(test_shell("truncate -s 32M %s/Contents/large", path), 0);
	ASSERT_FAILS(plan_make(s, &o, &p, &e), E_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "too large to install"));
	/* Opening it would wait for ever. */
	CU_ASSERT_EQUAL(
		test_shell("rm %s/Contents/large && mkfifo %s/Contents/pipe", path, path),
		0);
	ASSERT_FAILS(plan_make(s, &o, &p, &e), E_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "neither file, folder nor link"));
	scenario_free(s);
}

TEST_MAIN("scenario", {"mistakes have a place", mistakes_have_a_place},
	  {"limits hold", limits_hold}, {"everything is read", reads_everything},
	  {"the power is followed through the steps", power_is_followed},
	  {"settings are layered", settings_are_layered},
	  {"steps belong to machines and releases",
	   steps_belong_to_machines_and_releases},
	  {"references are replaced", references_are_replaced},
	  {"bad bundles are told", bad_bundles_are_told})
