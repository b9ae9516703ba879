/* SPDX-License-Identifier: MIT */
/* Loading into a running kernel: what is looked at before, sent, and told. */
#include <string.h>

#include "components/kextcache/test/kextcache_fixture.h"
#include "components/oskext/load.h"
#include "components/oskext/test/running_kernel.h"
#include "sim/base/test.h"
#include "sim/platform/paths.h"

#define ELSEWHERE "/Library/Elsewhere"

static struct fake_kernel kernel;

/* The bundle @name of ELSEWHERE, with what the system has. */
static enum kext_return load(const char *name)
{
	struct kext_repository r;
	struct err e = ERR_INIT;
	enum kext_return ret = KEXT_RET_NOT_FOUND;
	struct kext *k;

	said[0] = '\0';
	ASSERT_OK(kext_repository_open(&r, &running_world, &e), &e);
	ASSERT_OK(kext_repository_scan(&r, at(ELSEWHERE), &e), &e);
	ASSERT_OK(kext_repository_scan_system(&r, &e), &e);
	ASSERT_OK(kext_repository_stage(&r, &e), &e);
	k = kext_repository_at_path(&r, at(name));
	if (k)
		ret = oskext_load(&r, k);
	kext_repository_release(&r);
	return ret;
}

static void loads_and_unloads(void)
{
	if (!running_kernel_start(&kernel))
		return;
	put_kext(ELSEWHERE, "ExampleLib-1.0", "Lib");
	put_kext(ELSEWHERE, "ExampleHelper-1.0", "Helper");
	CU_ASSERT_EQUAL(load(ELSEWHERE "/Helper.kext"), KEXT_RET_OK);
	CU_ASSERT_TRUE(running_kernel_has("com.example.lib", "1.0"));
	CU_ASSERT_TRUE(running_kernel_has("com.example.helper", "1.0"));
	CU_ASSERT_EQUAL(load(ELSEWHERE "/Helper.kext"), KEXT_RET_OK);
	CU_ASSERT_STRING_EQUAL(said, "");
	CU_ASSERT_EQUAL(oskext_unload(kernel.socket, "com.example.lib", running_world.log),
			KEXT_RET_IN_USE);
	CU_ASSERT_STRING_EQUAL(
		said,
		"(kernel) Can't unload kext com.example.lib; outstanding references (linkage "
		"or tracking object).\n"
		"Failed to unload com.example.lib - (libkern/kext) kext is in use or retained "
		"(cannot unload).\n");
	CU_ASSERT_EQUAL(oskext_unload(kernel.socket, "com.example.helper", running_world.log),
			KEXT_RET_OK);
	CU_ASSERT_TRUE(running_kernel_has("com.example.helper", ""));
	running_kernel_stop(&kernel);
}

static void judges_first(void)
{
	if (!running_kernel_start(&kernel))
		return;
	put_kext(ELSEWHERE, "ExampleHelper-1.0", "Helper");
	CU_ASSERT_EQUAL(load(ELSEWHERE "/Helper.kext"), KEXT_RET_DEPENDENCIES);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Helper.kext - failed to resolve dependencies."));
	put_kext(ELSEWHERE, "ExampleI386-1.0", "Old");
	CU_ASSERT_EQUAL(load(ELSEWHERE "/Old.kext"), KEXT_RET_ARCH_NOT_FOUND);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "Old.kext - no code for running kernel's architecture."));
	put_kext(ELSEWHERE, "ExampleLib-1.0", "Lib");
	CU_ASSERT_EQUAL(test_shell("chmod o+w '%s/Contents'", at(ELSEWHERE "/Lib.kext")), 0);
	CU_ASSERT_EQUAL(load(ELSEWHERE "/Lib.kext"), KEXT_RET_AUTHENTICATION);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Lib.kext - authentication problems."));
	put_kext(ELSEWHERE, "ExampleUnresolved-1.0", "Unresolved");
	CU_ASSERT_EQUAL(load(ELSEWHERE "/Unresolved.kext"), KEXT_RET_LINK);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "(kernel) Can't load kext com.example.unresolved - "
					    "link failed."));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Failed to load "));
	running_kernel_stop(&kernel);
}

/* The name is taken: by another version, by other code of the same version. */
static void compares_with_what_is_loaded(void)
{
	if (!running_kernel_start(&kernel))
		return;
	CU_ASSERT_EQUAL(load(PATH_LIBRARY_EXTENSIONS "/ExampleFilter.kext"), KEXT_RET_OK);
	put_kext(ELSEWHERE, "ExampleFilter-2.0", "Newer");
	CU_ASSERT_EQUAL(load(ELSEWHERE "/Newer.kext"), KEXT_RET_VERSION_DIFFERS);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "Newer.kext - a different version is already loaded."));
	CU_ASSERT_EQUAL(test_shell("sed -i 's/2\\.0/1.0/' '%s/Contents/Info.plist'",
				   at(ELSEWHERE "/Newer.kext")),
			0);
	CU_ASSERT_EQUAL(load(ELSEWHERE "/Newer.kext"), KEXT_RET_VERSION_DIFFERS);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "Newer.kext - a different UUID is already loaded."));
	CU_ASSERT_TRUE(running_kernel_has("com.example.filter", "1.0"));
	running_kernel_stop(&kernel);
}

static void stages_with_sip(void)
{
	if (!running_kernel_start(&kernel))
		return;
	set_sip(0);
	put_kext(ELSEWHERE, "ExampleLib-1.0", "Lib");
	CU_ASSERT_EQUAL(load(ELSEWHERE "/Lib.kext"), KEXT_RET_OK);
	CU_ASSERT_EQUAL(test_shell("grep -q '<string>/Library/StagedExtensions" ELSEWHERE
				   "/Lib.kext</string>' '%s'",
				   loaded),
			0);
	running_kernel_stop(&kernel);
}

static void a_kernel_that_does_not_answer(void)
{
	if (!running_kernel_start(&kernel))
		return;
	put_kext(ELSEWHERE, "ExampleLib-1.0", "Lib");
	running_world.kernel_socket = "/nonexistent/kernel";
	CU_ASSERT_EQUAL(load(ELSEWHERE "/Lib.kext"), KEXT_RET_INTERNAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Error communicating with kernel - "));
	running_world.loaded_kexts = "/nonexistent/list";
	CU_ASSERT_EQUAL(load(ELSEWHERE "/Lib.kext"), KEXT_RET_INTERNAL);
	running_kernel_stop(&kernel);
}

TEST_MAIN("oskext", {"loads and unloads", loads_and_unloads}, {"judges first", judges_first},
	  {"compares with what is loaded", compares_with_what_is_loaded},
	  {"stages with SIP", stages_with_sip},
	  {"a kernel that does not answer", a_kernel_that_does_not_answer})
