/* SPDX-License-Identifier: MIT */
/* kextload without kextd, and kextd's part of it. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "components/kextcache/test/kextcache_fixture.h"
#include "components/kextd/load.h"
#include "components/kextload/kextload.h"
#include "components/oskext/test/running_kernel.h"
#include "sim/base/test.h"
#include "sim/platform/paths.h"

#define ELSEWHERE "/Library/Elsewhere"
#define EXT	  PATH_LIBRARY_EXTENSIONS

static struct fake_kernel kernel;

/* The words of @line, where a word that begins with '/' is a path on the volume. */
static int tool_as(bool is_root, const char *line)
{
	static char text[4096], words[16][1024];
	struct kextload_world w = {.os = running_world, .kextd_socket = "/nonexistent/kextd"};
	void (*said_to)(void *, enum clog_level, const char *) = w.os.log->line;
	char *argv[17] = {NULL}, *rest = NULL;
	int argc = 0, status;

	w.os.is_root = is_root;
	w.os.log->max = CLOG_WARNING;
	said[0] = '\0';
	snprintf(text, sizeof(text), "%s", line);
	for (char *s = strtok_r(text, " ", &rest); s; s = strtok_r(NULL, " ", &rest)) {
		snprintf(words[argc], sizeof(words[0]), "%s%s", *s == '/' ? root : "", s);
		argv[argc] = words[argc];
		argc++;
	}
	status = kextload_run(&w, argc, argv);
	w.os.log->line = said_to; /* -q */
	return status;
}

static int tool(const char *line)
{
	return tool_as(true, line);
}

static void loads(void)
{
	if (!running_kernel_start(&kernel))
		return;
	put_kext(ELSEWHERE, "ExampleLib-1.0", "Lib");
	put_kext(ELSEWHERE, "ExampleHelper-1.0", "Helper");
	CU_ASSERT_EQUAL(tool("kextload " ELSEWHERE "/Helper.kext"), EX_OSERR);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Helper.kext failed to load - (libkern/kext) "
					    "dependency resolution failure."));
	/* Both ways to name a library. */
	CU_ASSERT_EQUAL(tool("kextload -d " ELSEWHERE "/Lib.kext " ELSEWHERE "/Helper.kext"),
			EX_OK);
	CU_ASSERT_STRING_EQUAL(said, "");
	CU_ASSERT_TRUE(running_kernel_has("com.example.helper", "1.0"));
	CU_ASSERT_EQUAL(tool("kextload -v -repository " ELSEWHERE " -b com.example.helper"),
			EX_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Can't contact kextd; attempting to load directly "
					    "into kernel."));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "com.example.helper loaded successfully (or already "
					    "loaded)."));
	CU_ASSERT_EQUAL(tool("kextload -b com.example.none -b com.example.filter"), EX_OSERR);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Error: Kext com.example.none - not found/unable to "
					    "create."));
	running_kernel_stop(&kernel);
}

static void command_lines(void)
{
	if (!running_kernel_start(&kernel))
		return;
	CU_ASSERT_EQUAL(tool("kextload"), EX_USAGE);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "No kernel extensions specified;"));
	CU_ASSERT_EQUAL(tool("kextload -n x.kext"), EX_USAGE);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "Use kextutil(8) for development loading of kexts."));
	CU_ASSERT_EQUAL(tool("kextload -c -t -b com.example.filter"), EX_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Notice: -no-caches (-c) ignored; use kextutil(8) "
					    "to test kexts."));
	CU_ASSERT_EQUAL(tool("kextload -h"), EX_OK);
	CU_ASSERT_EQUAL(tool("kextload -q /Library/None.kext"), EX_OSERR);
	CU_ASSERT_STRING_EQUAL(said, "");
	CU_ASSERT_EQUAL(tool_as(false, "kextload -b com.example.filter"), EX_NOPERM);
	CU_ASSERT_STRING_EQUAL(said,
			       "Can't contact kextd; must run as root to load kexts.\n");
	running_kernel_stop(&kernel);
}

/* ---- kextd ---- */

static enum kext_return ask_as(unsigned uid, const char *id, const char *path)
{
	const struct kextd_load_caller who = {.name = "tester", .uid = uid};
	json_t *rq = json_pack("{s:[s]}", "dependencies", at(ELSEWHERE));
	enum kext_return r;

	said[0] = '\0';
	running_world.log->max = CLOG_WARNING;
	if (uid) /* what is elsewhere is not for everybody */
		json_object_clear(rq);
	json_object_set_new(rq, id ? "id" : "path", json_string(id ? id : at(path)));
	r = kextd_load(&running_world, rq, &who);
	json_decref(rq);
	return r;
}

static void kextd_loads(void)
{
	json_t *relative = json_pack("{s:s}", "path", "Lib.kext"), *nothing = json_object();
	const struct kextd_load_caller who = {.name = "tester"};

	if (!running_kernel_start(&kernel))
		return;
	set_sip(0);
	put_kext(ELSEWHERE, "ExampleLib-1.0", "Lib");
	put_kext(ELSEWHERE, "ExampleHelper-1.0", "Helper");
	CU_ASSERT_EQUAL(ask_as(0, NULL, ELSEWHERE "/Helper.kext"), KEXT_RET_OK);
	CU_ASSERT_TRUE(running_kernel_has("com.example.lib", "1.0"));
	CU_ASSERT_EQUAL(ask_as(0, "com.example.lib", NULL), KEXT_RET_OK);
	CU_ASSERT_EQUAL(ask_as(0, NULL, ELSEWHERE "/None.kext"), KEXT_RET_NOT_FOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "None.kext - not found/unable to create."));
	CU_ASSERT_EQUAL(kextd_load(&running_world, relative, &who), KEXT_RET_INVALID_ARGUMENT);
	CU_ASSERT_EQUAL(kextd_load(&running_world, nothing, &who), KEXT_RET_INVALID_ARGUMENT);
	json_decref(relative);
	json_decref(nothing);
	running_kernel_stop(&kernel);
}

static void kextd_refuses(void)
{
	if (!running_kernel_start(&kernel))
		return;
	set_sip(0);
	install("ExampleOnDemand-1.0", "OnDemand");
	CU_ASSERT_EQUAL(test_shell("chmod o+w '%s/Contents'", at(EXT "/OnDemand.kext")), 0);
	CU_ASSERT_EQUAL(ask_as(0, NULL, EXT "/OnDemand.kext"), KEXT_RET_AUTHENTICATION);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "com.example.ondemand failed security checks; failing."));
	running_kernel_stop(&kernel);
}

/* Installed, and loadable by anybody, it and all that it needs: the last is never so. */
static void kextd_and_other_users(void)
{
	if (!running_kernel_start(&kernel))
		return;
	put_kext(ELSEWHERE, "ExampleOnDemand-1.0", "OnDemand");
	install("ExampleOnDemand-1.0", "OnDemand");
	CU_ASSERT_EQUAL(ask_as(501, NULL, ELSEWHERE "/OnDemand.kext"),
			KEXT_RET_NOT_PRIVILEGED);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Request from non-root process 'tester' (euid 501) "
					    "to load "));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "not in extensions dirs or filesystems folder."));
	CU_ASSERT_EQUAL(symlink(at(ELSEWHERE "/OnDemand.kext"), at(EXT "/Link.kext")), 0);
	CU_ASSERT_EQUAL(ask_as(501, NULL, EXT "/Link.kext"), KEXT_RET_NOT_PRIVILEGED);
	CU_ASSERT_EQUAL(ask_as(501, NULL, EXT "/OnDemand.kext"), KEXT_RET_NOT_PRIVILEGED);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, " - not allowed."));
	CU_ASSERT_TRUE(running_kernel_has("com.example.ondemand", ""));
	running_kernel_stop(&kernel);
}

TEST_MAIN("kextload", {"loads", loads}, {"command lines", command_lines},
	  {"kextd loads", kextd_loads}, {"kextd refuses", kextd_refuses},
	  {"kextd and other users", kextd_and_other_users})
