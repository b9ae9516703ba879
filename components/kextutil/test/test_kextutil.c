/* SPDX-License-Identifier: MIT */
/* kextutil on a volume made in a folder. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "components/kextcache/test/kextcache_fixture.h"
#include "components/kextutil/kextutil.h"
#include "components/oskext/test/running_kernel.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/paths.h"

#define EXT PATH_LIBRARY_EXTENSIONS

static struct component_log log_said;
static struct fake_kernel kernel;

/* The words of @line, where a word that begins with '/' is a path on the volume. */
static int tool(const char *line)
{
	static char text[4096], words[16][1024];
	struct kextutil_world w = {.os = {
		.root = root,
		.csr_config = at("/../csr"),
		.syspolicy_socket = "/nonexistent/socket",
		.kernel_socket = kernel.socket, /* of nobody, until it is started */
		.loaded_kexts = at("/../loaded.plist"),
		.is_root = true,
		.log = &log_said,
	}};
	char *argv[17] = {NULL}, *rest = NULL;
	int argc = 0;

	log_said = (struct component_log){.line = take, .arg = said, .max = CLOG_BASIC};
	said[0] = '\0';
	snprintf(text, sizeof(text), "%s", line);
	for (char *s = strtok_r(text, " ", &rest); s; s = strtok_r(NULL, " ", &rest)) {
		snprintf(words[argc], sizeof(words[0]), "%s%s", *s == '/' ? root : "", s);
		argv[argc] = words[argc];
		argc++;
	}
	return kextutil_run(&w, argc, argv);
}

static void tests_a_good_kext(void)
{
	if (!volume())
		return;
	set_sip(0);
	CU_ASSERT_EQUAL(tool("kextutil -nt " EXT "/ExampleFilter.kext"), EX_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "StagedExtensions/Library/Extensions/"
					    "ExampleFilter.kext appears to be loadable "
					    "(including linkage for on-disk libraries)."));
	CU_ASSERT_EQUAL(tool("kextutil -no-load -b com.example.filter"), EX_OK);
	CU_ASSERT_EQUAL(tool("kextutil -n -Z -z -v 6 " EXT "/ExampleFilter.kext"), EX_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "(not including linkage"));
	CU_ASSERT_EQUAL(tool("kextutil " EXT "/ExampleFilter.kext"), KEXTUTIL_LOAD_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Failed to load "));
}

static void loads(void)
{
	if (!running_kernel_start(&kernel))
		return;
	install("ExampleOnDemand-1.0", "OnDemand");
	CU_ASSERT_EQUAL(tool("kextutil -n " EXT "/OnDemand.kext"), EX_OK);
	CU_ASSERT_TRUE(running_kernel_has("com.example.ondemand", ""));
	CU_ASSERT_EQUAL(tool("kextutil " EXT "/OnDemand.kext"), EX_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "OnDemand.kext successfully loaded (or already "
					    "loaded)."));
	CU_ASSERT_TRUE(running_kernel_has("com.example.ondemand", "1.0"));
	install("ExampleOnDemand-2.0", "OnDemand");
	CU_ASSERT_EQUAL(tool("kextutil " EXT "/OnDemand.kext"), KEXTUTIL_LOAD_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, " - a different version is already loaded."));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, " - (libkern/kext) different version/uuid already "
					    "loaded."));
	running_kernel_stop(&kernel);
}

static void tests_bad_ones(void)
{
	if (!volume())
		return;
	set_sip(0);
	install("ExampleHelper-1.0", "ExampleHelper");
	CU_ASSERT_EQUAL(tool("kextutil -n -t " EXT "/ExampleHelper.kext"), KEXTUTIL_KEXT_BAD);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Diagnostics for "));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "No kexts found for these libraries\n"
					    "        com.example.lib"));
	/* With the library for the moment. */
	CU_ASSERT_EQUAL(test_shell("cp -R '%s' '%s' && chown -R 0:0 '%s'",
				   test_source("build/fixtures/ExampleLib-1.0.kext"),
				   at("/Library/Lib.kext"), at("/Library/Lib.kext")),
			0);
	CU_ASSERT_EQUAL(tool("kextutil -n -d /Library/Lib.kext " EXT "/ExampleHelper.kext"),
			EX_OK);
	install("ExampleUnresolved-1.0", "ExampleUnresolved");
	CU_ASSERT_EQUAL(tool("kextutil -n -v " EXT "/ExampleUnresolved.kext"),
			KEXTUTIL_KEXT_BAD);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "_example_symbol_of_no_kernel"));
	CU_ASSERT_EQUAL(test_shell("chmod o+w '%s'", at(EXT "/ExampleFilter.kext/Contents")),
			0);
	set_sip(0x77);
	CU_ASSERT_EQUAL(tool("kextutil -n " EXT "/ExampleFilter.kext"), KEXTUTIL_KEXT_BAD);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Authentication Failures:"));
	CU_ASSERT_EQUAL(tool("kextutil -n /Library/None.kext"), KEXTUTIL_NOT_FOUND);
}

static void command_lines(void)
{
	if (!volume())
		return;
	CU_ASSERT_EQUAL(tool("kextutil"), EX_USAGE);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "No kernel extensions specified."));
	CU_ASSERT_EQUAL(tool("kextutil -z " EXT "/ExampleFilter.kext"), EX_USAGE);
	CU_ASSERT_EQUAL(tool("kextutil -Q"), EX_USAGE);
	CU_ASSERT_EQUAL(tool("kextutil -h"), EX_OK);
	CU_ASSERT_EQUAL(tool("kextutil -q -n /Library/None.kext"), KEXTUTIL_NOT_FOUND);
	CU_ASSERT_STRING_EQUAL(said, "");
}

TEST_MAIN("kextutil", {"tests a good kext", tests_a_good_kext}, {"loads", loads},
	  {"tests bad ones", tests_bad_ones}, {"command lines", command_lines})
