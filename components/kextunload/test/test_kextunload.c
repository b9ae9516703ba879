/* SPDX-License-Identifier: MIT */
/* kextunload against a running kernel. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "components/kextcache/test/kextcache_fixture.h"
#include "components/kextunload/kextunload.h"
#include "components/oskext/test/running_kernel.h"
#include "sim/base/test.h"
#include "sim/platform/paths.h"

#define FILTER PATH_LIBRARY_EXTENSIONS "/ExampleFilter.kext"

static struct fake_kernel kernel;

static int tool_as(bool is_root, const char *line)
{
	static char text[4096], words[16][1024];
	struct component_log log = {.line = take, .arg = said, .max = CLOG_WARNING};
	struct kextunload_world w = {kernel.socket, is_root, &log};
	char *argv[17] = {NULL}, *rest = NULL;
	int argc = 0;

	said[0] = '\0';
	snprintf(text, sizeof(text), "%s", line);
	for (char *s = strtok_r(text, " ", &rest); s; s = strtok_r(NULL, " ", &rest)) {
		snprintf(words[argc], sizeof(words[0]), "%s%s", *s == '/' ? root : "", s);
		argv[argc] = words[argc];
		argc++;
	}
	return kextunload_run(&w, argc, argv);
}

static int tool(const char *line)
{
	return tool_as(true, line);
}

static void unloads(void)
{
	if (!running_kernel_start(&kernel))
		return;
	CU_ASSERT_EQUAL(tool("kextunload " FILTER), EX_OK);
	CU_ASSERT_STRING_EQUAL(said, "");
	CU_ASSERT_TRUE(running_kernel_has("com.example.filter", ""));
	CU_ASSERT_EQUAL(tool("kextunload -b com.example.filter"), KEXTUNLOAD_PARTIAL_FAILURE);
	CU_ASSERT_STRING_EQUAL(
		said, "(kernel) Kext com.example.filter not found for unload request.\n"
		      "Failed to unload com.example.filter - (libkern/kext) not found.\n");
	CU_ASSERT_EQUAL(tool("kextunload /Library/None.kext -m com.apple.kpi.libkern"),
			KEXTUNLOAD_PARTIAL_FAILURE);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "None.kext."));
	CU_ASSERT_EQUAL(tool("kextunload /Library/None.kext"), KEXTUNLOAD_NOT_FOUND);
	running_kernel_stop(&kernel);
}

static void terminates_only(void)
{
	if (!running_kernel_start(&kernel))
		return;
	CU_ASSERT_EQUAL(tool("kextunload -v -c com_example_Filter -p " FILTER), EX_OK);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "All instances of class com_example_Filter terminated.\n"
			     "com.example.filter: services terminated and personalities removed "
			     "(kext not unloaded).\n"));
	CU_ASSERT_TRUE(running_kernel_has("com.example.filter", "1.0"));
	running_kernel_stop(&kernel);
}

static void command_lines(void)
{
	if (!running_kernel_start(&kernel))
		return;
	CU_ASSERT_EQUAL(tool("kextunload"), EX_USAGE);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "No kernel extensions specified."));
	CU_ASSERT_EQUAL(tool("kextunload -x"), EX_USAGE);
	CU_ASSERT_EQUAL(tool("kextunload -help"), EX_OK);
	CU_ASSERT_EQUAL(tool("kextunload -q -b com.example.none"),
			KEXTUNLOAD_PARTIAL_FAILURE);
	CU_ASSERT_STRING_EQUAL(said, "");
	CU_ASSERT_EQUAL(tool_as(false, "kextunload -b com.example.filter"), EX_NOPERM);
	CU_ASSERT_TRUE(running_kernel_has("com.example.filter", "1.0"));
	running_kernel_stop(&kernel);
}

TEST_MAIN("kextunload", {"unloads", unloads}, {"terminates only", terminates_only},
	  {"command lines", command_lines})
