/* SPDX-License-Identifier: MIT */
/* The kextlab command from outside: exit codes, messages, JSON; and docs/scenarios.md. */
#include "sim/base/test.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cmd.h"
#include "sim/base/fsio.h"

static const char *kextlab(void)
{
	const char *path = test_source("build/kextlab");

	return fsio_exists(path) ? path : NULL;
}

/* Run kextlab with @args; output and errors go into @out. */
static int run(struct buf *out, const char *fmt, ...)
{
	char args[4096], path[4096];
	struct err e = ERR_INIT;
	va_list ap;
	int status;

	va_start(ap, fmt);
	vsnprintf(args, sizeof(args), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s/out", test_tmpdir());
	status = test_shell("cd %s && build/kextlab %s >%s 2>&1", test_source("."), args,
			    path);
	buf_clear(out);
	ASSERT_OK(fsio_read(path, 1 << 20, out, &e), &e);
	return status;
}

struct call {
	const char *args;
	int status;
	const char *says;
};

static const struct call calls[] = {
	{"", 2, "usage: kextlab COMMAND"},
	{"--version", 0, "kextlab "},
	{"--help", 0, "usage: kextlab COMMAND"},
	{"run --help", 0, "--kext PATH"},
	{"image --help", 0, "extract DISK PLACE FOLDER"},
	{"help run", 0, "--controls"},
	{"help nothing", 2, "unknown command 'nothing'"},
	{"help language", 0, "| `system_kernel` | map |"},
	{"bogus", 2, "unknown command 'bogus'"},
	{"kext sign --entitlements /dev/null x.kext", 2, "/dev/null: "},
	{"kext identities", 0, "developer-id-kext"},
	{"kext identities --json", 0, "\"authority\": "},
	{"kext identities x", 2, "identities takes no 'x'"},
	{"rnu", 2, "unknown command 'rnu' (did you mean 'run'?)"},
	{"run", 2, "which scenario?"},
	{"run --bogus x", 2, "usage: kextlab run"},
	{"run --repeat 0 x", 2, "--repeat 0"},
	{"run --jobs many x", 2, "--jobs many: expected 1 to 64"},
	{"run catalina-shutdown-bgu", 4, "did you mean 'catalina-shutdown-bug'?"},
	{"run 'no-such-*'", 4, "no scenario is called 'no-such-*'"},
	{"run --tag no-such-tag", 4, "nothing selected"},
	{"run --release 10.15.9 catalina-shutdown-bug", 2, "unknown release '10.15.9'"},
	{"run --sip maybe catalina-shutdown-bug", 2, "'maybe' is neither"},
	{"run --machine m9 catalina-shutdown-bug", 2, "unknown machine 'm9'"},
	{"run --machine m1 catalina-shutdown-bug", 2,
	 "macOS 10.15.0 was not made for the machine m1"},
	{"run --kext /nonexistent.kext catalina-shutdown-bug", 2,
	 "kext '/nonexistent.kext'"},
	{"run --kext /etc/passwd catalina-shutdown-bug", 2, "not a bundle"},
	{"run --system /nonexistent catalina-shutdown-bug", 2,
	 "system '/nonexistent': there is no such folder"},
	{"run --system /usr catalina-shutdown-bug", 2,
	 "System/Library/Kernels/kernel is missing. Copy it on the Mac: "},
	{"run --system build/fixtures/system intel-11-boot", 2, "kernel collections"},
	{"run --system build/fixtures/system catalina-upgrade-heals", 2,
	 "upgrade: with a system of its own this Mac cannot be updated"},
	{"show own-system", 0, "system build/fixtures/system"},
	{"kernel build --system /usr -o /tmp/x", 2, "Kernels/kernel is missing"},
	{"kernel build --system /usr --release 10.15.0 -o /tmp/x", 2, "--system DIR"},
	{"kext check build/fixtures/ExampleFilter-2.0.kext --system build/fixtures/system", 0,
	 "com.apple.kpi.bsd 19.6.0: /System/Library/Extensions/System.kext/PlugIns/"},
	{"kext check build/fixtures/ExampleFilter-2.0.kext --system build/fixtures/system "
	 "--release 11.0.1",
	 2, "up to 10.15"},
	{"image build --release 10.15.0 --system /usr /tmp/no-such.img", 2,
	 "Kernels/kernel is missing"},
	{"run --set colour=red catalina-shutdown-bug", 2, "--set: unknown key 'colour'"},
	{"run --without 99 catalina-shutdown-bug", 2, "--without 99: no step of"},
	{"run --junit /nonexistent/x catalina-shutdown-bug", 2,
	 "cannot write '/nonexistent/x': No such file or directory"},
	{"run catalina-b5-b6-boundary/b7", 4,
	 "no variant of catalina-b5-b6-boundary is called 'b7' (did you mean 'b5'?)"},
	{"run --set colour catalina-shutdown-bug", 2, "expected KEY=VALUE"},
	{"run --control no-such catalina-shutdown-bug", 2,
	 "no control is called 'no-such'"},
	{"run /nonexistent.yaml", 2, "no such file"},
	{"show catalina-shutdown-bug", 0, "release 10.15.0 (19A583)"},
	{"show catalina-b5-b6-boundary/b6", 0, "release 10.15-b6"},
	{"show", 2, "which scenario?"},
	{"show no-such", 4, "no scenario is called"},
	{"list no-such", 4, "no scenario is called"},
	{"list --tag core", 0, "catalina-shutdown-bug"},
	{"lint", 2, "which files?"},
	{"lint scenarios/*.yaml", 0, ""},
	{"image", 2, "which disk?"},
	{"image info /nonexistent", 2, "/nonexistent"},
	{"image info /etc/passwd", 2, "kextlab: "},
	{"image frobnicate /etc/passwd", 2, "unknown action 'frobnicate'"},
	{"image build /tmp/x", 2, "build --release NAME [--machine NAME] FILE"},
	{"image build --release 10.15.O /tmp/x", 2, "(did you mean '10.15.0'?)"},
	{"image build --machine m2 /tmp/x", 2, "unknown machine 'm2'"},
	{"image build --release 10.15.0 --machine m1 /tmp/x", 2, "not made for the machine"},
	{"doctor --bogus", 2, "bad option"},
};

static void exit_codes_and_messages(void)
{
	struct buf out = BUF_INIT;

	if (!kextlab())
		TEST_SKIP("build/kextlab is not built");
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int status = run(&out, "%s", calls[i].args);
		bool said = strstr(buf_str(&out), calls[i].says) != NULL;

		CU_ASSERT_EQUAL(status, calls[i].status);
		CU_ASSERT_TRUE(said);
		if (status != calls[i].status || !said)
			printf("# kextlab %s: %d\n%s\n", calls[i].args, status,
			       buf_str(&out));
	}
	buf_release(&out);
}

static void json_is_json(void)
{
	static const char *const calls_json[] = {"list --json",
						 "show --json 'catalina-*'"};
	struct buf out = BUF_INIT;

	if (!kextlab())
		TEST_SKIP("build/kextlab is not built");
	for (size_t i = 0; i < 2; i++) {
		json_t *j;

		CU_ASSERT_EQUAL(run(&out, "%s", calls_json[i]), 0);
		j = json_loads(buf_str(&out), 0, NULL);
		CU_ASSERT_TRUE(json_array_size(j) >= 15);
		json_decref(j);
	}
	buf_release(&out);
}

static void lint_tells_the_place(void)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	char path[512];

	if (!kextlab())
		TEST_SKIP("build/kextlab is not built");
	snprintf(path, sizeof(path), "%s/bad.yaml", test_tmpdir());
	ASSERT_OK(fsio_write_atomic(path, "name: bad\nrelese: x\n", 20, 0644, &e), &e);
	CU_ASSERT_EQUAL(run(&out, "lint %s scenarios/catalina-sip-off.yaml", path), 2);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_str(&out),
		       "bad.yaml:2:1: unknown key 'relese' (did you mean 'release'?)"));
	CU_ASSERT_EQUAL(run(&out, "run %s", path), 2);
	buf_release(&out);
}

/* The reference in the documentation is what the tables say, word for word. */
static void documentation_is_true(void)
{
	struct buf doc = BUF_INIT, want = BUF_INIT;
	struct err e = ERR_INIT;
	static const char begin[] = "<!-- kextlab help language -->\n",
			  end[] = "<!-- end -->\n";
	char *from, *to;

	ASSERT_OK(fsio_read(test_source("docs/scenarios.md"), 1 << 20, &doc, &e), &e);
	ASSERT_OK(language_reference(&want, &e), &e);
	(void)buf_str(&doc);
	from = strstr((char *)doc.data, begin);
	to = strstr((char *)doc.data, end);
	CU_ASSERT_FATAL(from && to && from < to);
	from += sizeof(begin) - 1;
	*to = 0;
	CU_ASSERT_STRING_EQUAL(from, buf_str(&want));
	buf_release(&doc);
	buf_release(&want);
}

/* Lost output is an error; a closed descriptor must not become somebody's file. */
static void output_that_is_lost(void)
{
	if (!kextlab())
		TEST_SKIP("build/kextlab is not built");
	CU_ASSERT_EQUAL(test_shell("cd %s && build/kextlab list >/dev/full 2>&1",
				   test_source(".")),
			3);
	CU_ASSERT_EQUAL(
		test_shell("cd %s && build/kextlab list 2>&1 | head -c 1 >/dev/null",
			   test_source(".")),
		0);
	CU_ASSERT_EQUAL(
		test_shell("cd %s && build/kextlab lint scenarios/*.yaml <&- >&- 2>&-",
			   test_source(".")),
		0);
}

/* The loader's work is part of each command's time: 28 ms with libguestfs, which brings
 * fifty more, and 6 without. What is big is loaded where it is used. */
static void few_libraries_at_the_start(void)
{
	if (!kextlab())
		TEST_SKIP("build/kextlab is not built");
	CU_ASSERT_EQUAL(test_shell("test $(ldd '%s' | wc -l) -le 16", kextlab()), 0);
}

TEST_MAIN("kextlab", {"exit codes and messages", exit_codes_and_messages},
	  {"JSON is JSON", json_is_json}, {"lint tells the place", lint_tells_the_place},
	  {"the documentation is true", documentation_is_true},
	  {"output that is lost", output_that_is_lost},
	  {"few libraries at the start", few_libraries_at_the_start})
