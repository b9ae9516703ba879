/* SPDX-License-Identifier: MIT */
/* Whole runs of kextcache with SIP on: kexts are linked from copies of theirs. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "components/kextcache/test/kextcache_fixture.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/paths.h"

/* Where the kernel says that @id comes from. */
static const char *path_in(const char *rel, const char *id)
{
	static char path[1024];
	struct prelink p;

	path[0] = '\0';
	if (!open_plk(rel, &p))
		return "unreadable";
	if (prelink_find(&p, id))
		snprintf(path, sizeof(path), "%s", prelink_find(&p, id)->bundle_path);
	prelink_release(&p);
	return path;
}

static void links_the_staged_copy(void)
{
	static const char copy[] = "/Library/StagedExtensions/Library/Extensions/"
				   "ExampleFilter.kext";
	struct kc_world w;

	if (!volume())
		return;
	w = world();
	set_sip(0);
	CU_ASSERT_EQUAL(build(&w, "-l"), EX_OK);
	CU_ASSERT_STRING_EQUAL(path_in(PATH_STAGED_PLK, "com.example.filter"), copy);
	CU_ASSERT_STRING_EQUAL(path_in(PATH_STAGED_PLK, "com.apple.kpi.bsd"),
			       "/System/Library/Extensions/System.kext/PlugIns/"
			       "BSDKernel.kext");
	/* An update renews the copy; a second kext comes to it. */
	install("ExampleFilter-2.0", "ExampleFilter");
	install("ExampleLib-1.0", "ExampleLib");
	install("ExampleHelper-1.0", "ExampleHelper");
	CU_ASSERT_EQUAL(build(&w, "-l"), EX_OK);
	CU_ASSERT_STRING_EQUAL(path_in(PATH_STAGED_PLK, "com.example.filter"), copy);
	CU_ASSERT_STRING_EQUAL(version_in(PATH_STAGED_PLK, "com.example.filter"), "2.0");
	/* What is refused is not used from where it was. */
	CU_ASSERT_EQUAL(test_shell("chmod o+w '%s'", at("/Library/Extensions/"
							"ExampleFilter.kext/Contents")),
			0);
	CU_ASSERT_EQUAL(RUN(&w, "-clear-staging"), EX_OK);
	CU_ASSERT_FALSE(fsio_exists(at(copy)));
	CU_ASSERT_EQUAL(build(&w, "-l"), EX_OK);
	CU_ASSERT_STRING_EQUAL(version_in(PATH_STAGED_PLK, "com.example.filter"), "");
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "improper filesystem permissions"));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "StagedExtensions/Library/Extensions/"));
	/* With SIP off it is linked from where it is. */
	install("ExampleFilter-2.0", "ExampleFilter");
	set_sip(0x77);
	CU_ASSERT_EQUAL(build(&w, "-l"), EX_OK);
	CU_ASSERT_STRING_EQUAL(path_in(PATH_STAGED_PLK, "com.example.filter"),
			       "/Library/Extensions/ExampleFilter.kext");
}

static void update_prunes_the_copies(void)
{
	static const char copy[] = "/Library/StagedExtensions/Library/Extensions/"
				   "ExampleFilter.kext";
	struct kc_world w;
	struct err e = ERR_INIT;

	if (!volume())
		return;
	w = world();
	set_sip(0);
	CU_ASSERT_EQUAL(build(&w, "-l"), EX_OK);
	CU_ASSERT_TRUE(fsio_exists(at(copy)));
	ASSERT_OK(fsio_remove_tree(at("/Library/Extensions/ExampleFilter.kext"), &e), &e);
	set_mtime("/Library/Extensions", EXT_TIME);
	w.log->max = CLOG_DEBUG;
	CU_ASSERT_EQUAL(RUN(&w, "-v", "6", "-u", root), EX_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Pruning deleted kernel extension: "));
	CU_ASSERT_FALSE(fsio_exists(at(copy)));
	CU_ASSERT_EQUAL(RUN(&w, "-prune-staging"), EX_OK);
}

TEST_MAIN("kextcache staging", {"links the staged copy", links_the_staged_copy},
	  {"update prunes the copies", update_prunes_the_copies})
