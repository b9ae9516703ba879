/* SPDX-License-Identifier: MIT */
/*
 * kextlab kernel from outside: what it builds is read by LLVM and by a second decoder,
 * what it shows is what they see, and what it takes apart can be built again.
 */
#include "sim/base/test.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/fsio.h"

static struct buf out;

/* Run `kextlab kernel` with words; $T is the test's folder, $F that of the fixtures. */
static int kernel(const char *fmt, ...)
{
	char args[4096];
	struct err e = ERR_INIT;
	va_list ap;
	int status;

	va_start(ap, fmt);
	vsnprintf(args, sizeof(args), fmt, ap);
	va_end(ap);
	status = test_shell("T='%s' F=build/fixtures; cd '%s' && "
			    "build/kextlab kernel %s >\"$T/out\" 2>&1",
			    test_tmpdir(), test_source("."), args);
	buf_clear(&out);
	ASSERT_OK(fsio_read(test_path("out"), 1 << 22, &out, &e), &e);
	return status;
}

static bool says(const char *text)
{
	bool said = strstr(buf_str(&out), text) != NULL;

	if (!said)
		printf("# not said: %s\n%s\n", text, buf_str(&out));
	return said;
}

static json_t *json(int status, const char *words)
{
	json_t *j;

	CU_ASSERT_EQUAL(kernel("%s", words), status);
	j = json_loads(buf_str(&out), 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(j);
	return j;
}

static const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

static bool there(void)
{
	if (fsio_exists(test_source("build/kextlab")) &&
	    fsio_exists(test_source("build/fixtures/ExampleFilter-1.0.kext")))
		return true;
	test_skip("build/kextlab or the fixtures are not built");
	return false;
}

#define BUILD "build --release 10.15.0 --extensions $F/ExampleFilter-1.0.kext "

/* Each compression holds the same bytes, says the Perl decoder; LLVM reads them. */
static void builds(void)
{
	if (!there())
		return;
	CU_ASSERT_EQUAL(kernel(BUILD "-o $T/plain --compression none"), 0);
	CU_ASSERT_TRUE(says("stand-in") && says("0 left out"));
	CU_ASSERT_EQUAL(kernel(BUILD "-o $T/lzss --compression lzss"), 0);
	CU_ASSERT_EQUAL(kernel(BUILD "-o $T/lzvn"), 0);
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(
			test_shell("T='%s'; perl '%s' \"$T/%s\" >\"$T/macho\" && "
				   "tail -c +29 \"$T/plain\" | cmp - \"$T/macho\"",
				   test_tmpdir(),
				   test_source("sim/formats/prelink/test/unpack.pl"),
				   i ? "lzss" : "lzvn"),
			0);
	CU_ASSERT_EQUAL(kernel(BUILD "-o $T/plain"), 2);
	CU_ASSERT_TRUE(says("is there already"));
}

/* A file that a booter would not take: it is shown all the same. */
static void tells_what_is_wrong(void)
{
	if (!there())
		return;
	CU_ASSERT_EQUAL(
		test_shell("cd '%s' && perl -0pe "
			   "'s/(_PrelinkKCID<.key><data[^>]*>)(.)/$1.($2 eq \"A\" ? "
			   "\"B\" : \"A\")/e' plain >wrong && ! cmp -s plain wrong",
			   test_tmpdir()),
		0);
	CU_ASSERT_EQUAL(kernel("show $T/wrong"), 1);
	CU_ASSERT_TRUE(says("verdict     bad-kcid: ") && says("com.example.filter 1.0"));
}

/* Segment @i of the file as LLVM has it. */
static bool llvm_sees(const char *file, const char *name, const char *vmaddr)
{
	return !test_shell(
		"llvm-readobj --macho-segment '%s/%s' | grep -A3 'Name: %s$' | "
		"grep -qi 'vmaddr: %s$'",
		test_tmpdir(), file, name, vmaddr);
}

static void shows(void)
{
	json_t *j, *kexts, *filter = NULL, *k;
	size_t i;

	if (!there())
		return;
	j = json(0, "show --json $T/lzvn");
	CU_ASSERT_STRING_EQUAL(text(j, "kind"), "prelinked kernel");
	CU_ASSERT_STRING_EQUAL(text(j, "compression"), "lzvn");
	CU_ASSERT_STRING_EQUAL(text(j, "verdict"), "ok");
	CU_ASSERT_TRUE(json_is_true(json_object_get(j, "stand_in")));
	CU_ASSERT_EQUAL(strlen(text(j, "kcid")), 32);
	kexts = json_object_get(j, "kexts");
	json_array_foreach(kexts, i, k) if (!strcmp(text(k, "id"), "com.example.filter"))
		filter = k;
	CU_ASSERT_PTR_NOT_NULL_FATAL(filter);
	CU_ASSERT_STRING_EQUAL(text(filter, "version"), "1.0");
	CU_ASSERT_STRING_EQUAL(text(filter, "path"),
			       "/Library/Extensions/ExampleFilter-1.0.kext");
	CU_ASSERT_STRING_EQUAL(
		text(json_array_get(json_object_get(filter, "libraries"), 0), "here"),
		"19.0.0");
	if (!test_shell("command -v llvm-readobj >/dev/null"))
		json_array_foreach(json_object_get(j, "segments"), i, k) CU_ASSERT_TRUE(
			llvm_sees("macho", text(k, "name"), text(k, "vmaddr")));
	json_decref(j);
	CU_ASSERT_EQUAL(kernel("show $T/lzss"), 0);
	CU_ASSERT_TRUE(says("lzss of ") && says("com.example.filter 1.0") &&
		       says("needs com.apple.kpi.bsd") && says("__PRELINK_INFO"));
	CU_ASSERT_EQUAL(kernel("show $T/plain"), 0);
}

static void differ(void)
{
	json_t *j, *change;

	if (!there())
		return;
	CU_ASSERT_EQUAL(kernel("diff $T/lzvn $T/lzss"), 0);
	CU_ASSERT_EQUAL(out.len, 0);
	CU_ASSERT_EQUAL(kernel("build --release 10.15.0 --extensions "
			       "$F/ExampleFilter-2.0.kext $F/ExampleLib-1.0.kext "
			       "-o $T/two"),
			0);
	CU_ASSERT_EQUAL(kernel("diff $T/lzvn $T/two"), 1);
	CU_ASSERT_TRUE(says("+ com.example.lib 1.0") && says("! com.example.filter") &&
		       says("version 1.0 -> 2.0") && says("kcid "));
	CU_ASSERT_EQUAL(kernel("diff $T/two $T/lzvn"), 1);
	CU_ASSERT_TRUE(says("- com.example.lib 1.0"));
	j = json(1, "diff --json $T/lzvn $T/two");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(j, "added")), 1);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(j, "removed")), 0);
	change = json_array_get(json_object_get(j, "changed"), 0);
	CU_ASSERT_STRING_EQUAL(text(change, "id"), "com.example.filter");
	CU_ASSERT_PTR_NOT_NULL(json_object_get(change, "UUID"));
	CU_ASSERT_PTR_NULL(json_object_get(j, "kernel"));
	json_decref(j);
	/* With Apple's families, which this one is made for. */
	CU_ASSERT_EQUAL(kernel("build --release 10.15.1 --extensions "
			       "$F/ExampleEthernet-1.0.kext -o $T/later"),
			0);
	j = json(1, "diff --json $T/lzvn $T/later");
	CU_ASSERT_PTR_NOT_NULL(json_object_get(j, "kernel"));
	json_decref(j);
}

/* What comes out is Mach-O for LLVM; the kernel serves to build the same file again. */
static void extracts(void)
{
	if (!there())
		return;
	CU_ASSERT_EQUAL(kernel("extract $T/lzvn -o $T/parts"), 0);
	CU_ASSERT_TRUE(says("kernel, ") && says(" of them with code"));
	CU_ASSERT_EQUAL(
		test_shell(
			"cd '%s/parts' && k=Library/Extensions/"
			"ExampleFilter-1.0.kext/Contents && "
			"grep -q com.example.filter $k/Info.plist && "
			"! grep -q _Prelink $k/Info.plist && test -s "
			"$k/MacOS/ExampleFilter && { ! command -v llvm-objdump "
			">/dev/null || { llvm-objdump -d --macho $k/MacOS/ExampleFilter "
			"| grep -q 'ExampleFilter_start\\|_start:' && llvm-readobj "
			"--file-headers kernel | grep -q 'FileType: Executable'; }; }",
			test_tmpdir()),
		0);
	/* every executable, those of interfaces with their symbols, and the whole kernel
	 */
	if (!test_shell("command -v llvm-nm >/dev/null"))
		CU_ASSERT_EQUAL(
			test_shell(
				"cd '%s' && for f in macho parts/kernel $(find parts "
				"-path "
				"'*/MacOS/*' -type f); do llvm-nm \"$f\" >nm && "
				"llvm-objdump --macho --private-headers \"$f\" >heads && "
				"llvm-readobj --file-headers --sections --macho-segment "
				"\"$f\" >parts.txt && test -s heads -a -s parts.txt || "
				"exit 1; done 2>said; ! grep -qi 'error\\|malformed' "
				"said && "
				"llvm-nm -u parts/System/Library/Extensions/System.kext/"
				"PlugIns/Mach.kext/Contents/MacOS/Mach | grep -q "
				"_absolutetime",
				test_tmpdir()),
			0);
	CU_ASSERT_EQUAL(kernel("extract $T/lzvn -o $T/parts"), 2);
	CU_ASSERT_EQUAL(kernel("build --kernel $T/lzss --extensions "
			       "$F/ExampleLib-1.0.kext -o $T/none"),
			2);
	CU_ASSERT_TRUE(says("missing dependencies"));
	CU_ASSERT_EQUAL(kernel("show $T/parts/kernel"), 0);
	CU_ASSERT_TRUE(says("verdict     not prelinked"));
}

/* Kexts that are of no use end the build, or are left out, and both are told. */
static void bad_kexts(void)
{
	if (!there())
		return;
	CU_ASSERT_EQUAL(kernel(BUILD "$F/ExampleUnresolved-1.0.kext -o $T/bad"), 2);
	CU_ASSERT_EQUAL(kernel("show $T/bad"), 2);
	CU_ASSERT_EQUAL(kernel(BUILD "$F/ExampleUnresolved-1.0.kext "
				     "$F/ExampleTruncated-1.0.kext "
				     "$F/ExampleHelper-1.0.kext --omit -o $T/some"),
			1);
	CU_ASSERT_TRUE(says("3 left out") && says("unresolved") && says("is not valid") &&
		       says("missing dependencies"));
	CU_ASSERT_EQUAL(kernel("diff $T/some $T/lzvn"), 0);
}

static void tells_what_it_does_not_understand(void)
{
	static const struct {
		const char *words, *says;
	} rows[] = {
		{"", "what is to be done?"},
		{"shwo", "did you mean 'show'"},
		{"show", "show FILE"},
		{"show a b", "show FILE"},
		{"show --omit x", "--omit is no option of 'show'"},
		{"extract x --json -o y", "--json is no option of 'extract'"},
		{"extract x", "extract FILE -o FOLDER"},
		{"build -o x", "--kernel K|--release NAME"},
		{"build --release 10.15.0 --kernel k -o x", "--kernel K|--release NAME"},
		{"build --release 10.15.9 -o $T/x", "unknown release '10.15.9'"},
		{"build --release 11.0.1 -o $T/x", "kernel collections"},
		{"build --release 10.15.0 --extensions /nowhere -o $T/x", "/nowhere"},
		{"build --release 10.15.0 --compression zip -o $T/x",
		 "lzvn, lzss or none"},
		{"show /dev/null", "/dev/null"},
	};

	if (!there())
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_TRUE(kernel("%s", rows[i].words) >= 2);
		CU_ASSERT_TRUE(says(rows[i].says));
	}
	buf_release(&out);
}

TEST_MAIN("kextlab-kernel", {"builds in every compression", builds},
	  {"tells what is wrong", tells_what_is_wrong}, {"shows what LLVM sees", shows},
	  {"tells in what two differ", differ}, {"takes them apart", extracts},
	  {"bad kexts", bad_kexts},
	  {"tells what it does not understand", tells_what_it_does_not_understand})
