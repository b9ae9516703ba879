/* SPDX-License-Identifier: MIT */
/* Copies of kexts in a folder that rootless.conf protects, on a system made in a folder.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/common/test/mac_folder.h"
#include "components/staging/staging.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/kext/identity.h"
#include "sim/platform/paths.h"

#define A      "/Library/Extensions/A.kext"
#define B      A "/Contents/PlugIns/B.kext"
#define STAGED PATH_STAGED_EXTENSIONS

static const char conf[] = "\t/System\n*\t/System/Library/Extensions\n"
			   "\t/System/Library/Extensions/*\n"
			   "KernelExtensionManagement\t/Library/StagedExtensions\n"
			   "Other\t/Library/Other\n";

static void fresh(struct staging *s)
{
	struct err e = ERR_INIT;

	mac_folder_fresh();
	mac_folder_put(PATH_ROOTLESS_CONF, conf);
	mac_folder_put(A "/Contents/Info.plist", MAC_FOLDER_INFO);
	mac_folder_put(A "/Contents/MacOS/A", "code");
	mac_folder_put(B "/Contents/Info.plist", MAC_FOLDER_INFO);
	ASSERT_OK(fsio_mkdirs(mac_folder_at(STAGED), 0755, &e), &e);
	ASSERT_OK(
		staging_init(s, mac_folder_root(), mac_folder_csr(), &mac_folder_log, &e),
		&e);
}

static ino_t inode(const char *rel)
{
	struct stat st;

	return lstat(mac_folder_at(rel), &st) ? 0 : st.st_ino;
}

static int place(const struct staging *s, const char *rel)
{
	char got[PATH_MAX], want[1024];
	struct err e = ERR_INIT;
	int r = staging_place(s, mac_folder_at(rel), got, &e);

	snprintf(want, sizeof(want), "%s" STAGED "%s", mac_folder_root(), rel);
	if (!r)
		CU_ASSERT_STRING_EQUAL(got, want);
	return r;
}

static void copies_once_per_content(void)
{
	struct staging s;
	struct buf code = BUF_INIT;
	struct err e = ERR_INIT;
	ino_t first;

	fresh(&s);
	CU_ASSERT_EQUAL(place(&s, A), 0);
	first = inode(STAGED A);
	CU_ASSERT_NOT_EQUAL(first, 0);
	CU_ASSERT_NOT_EQUAL(inode(STAGED B "/Contents/Info.plist"), 0);
	/* Times and modes are not content. */
	CU_ASSERT_EQUAL(chmod(mac_folder_at(A "/Contents/MacOS/A"), 0755), 0);
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, mac_folder_at(A), NULL, 0), 0);
	CU_ASSERT_EQUAL(place(&s, A), 0);
	CU_ASSERT_EQUAL(inode(STAGED A), first);
	mac_folder_put(A "/Contents/MacOS/A", "Code");
	CU_ASSERT_EQUAL(place(&s, A), 0);
	/* Not by the inode, whose number may be given again. */
	ASSERT_OK(fsio_read(mac_folder_at(STAGED A "/Contents/MacOS/A"), 16, &code, &e),
		  &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&code), "Code");
	buf_release(&code);
	CU_ASSERT_STRING_EQUAL(mac_folder_said, "");
	staging_release(&s);
}

static void a_plugin_is_a_kext_of_its_own(void)
{
	char before[KEXT_IDENTITY_MAX], after[KEXT_IDENTITY_MAX];
	struct err e = ERR_INIT;
	struct staging s;
	ino_t first;

	fresh(&s);
	CU_ASSERT_EQUAL(place(&s, A), 0);
	first = inode(STAGED A "/Contents/MacOS/A");
	ASSERT_OK(kext_identity(mac_folder_at(A), before, &e), &e);
	mac_folder_put(B "/Contents/Resources/x", "new");
	ASSERT_OK(kext_identity(mac_folder_at(A), after, &e), &e);
	CU_ASSERT_STRING_EQUAL(before, after);
	CU_ASSERT_EQUAL(place(&s, A), 0);
	CU_ASSERT_EQUAL(inode(STAGED B "/Contents/Resources/x"), 0);
	CU_ASSERT_EQUAL(place(&s, B), 0);
	CU_ASSERT_NOT_EQUAL(inode(STAGED B "/Contents/Resources/x"), 0);
	CU_ASSERT_EQUAL(inode(STAGED A "/Contents/MacOS/A"), first);
	staging_release(&s);
}

/* A name that moves, a link that points elsewhere, bytes that change place. */
static void identity_is_of_names_and_content(void)
{
	char id[4][KEXT_IDENTITY_MAX];
	struct err e = ERR_INIT;
	struct staging s;

	fresh(&s);
	ASSERT_OK(kext_identity(mac_folder_at(A), id[0], &e), &e);
	CU_ASSERT_EQUAL(strlen(id[0]), 40);
	CU_ASSERT_EQUAL(rename(mac_folder_at(A "/Contents/MacOS/A"),
			       mac_folder_at(A "/Contents/MacOS/B")),
			0);
	ASSERT_OK(kext_identity(mac_folder_at(A), id[1], &e), &e);
	CU_ASSERT_EQUAL(symlink("MacOS/B", mac_folder_at(A "/Contents/link")), 0);
	ASSERT_OK(kext_identity(mac_folder_at(A), id[2], &e), &e);
	CU_ASSERT_EQUAL(unlink(mac_folder_at(A "/Contents/link")), 0);
	CU_ASSERT_EQUAL(symlink("MacOS/A", mac_folder_at(A "/Contents/link")), 0);
	ASSERT_OK(kext_identity(mac_folder_at(A), id[3], &e), &e);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(id[i], id[j]);
	ASSERT_FAILS(kext_identity(mac_folder_at("/nothing.kext"), id[0], &e),
		     E_NOTFOUND);
	staging_release(&s);
}

static void what_is_no_kext_is_not_staged(void)
{
	struct err e = ERR_INIT;
	struct staging s;

	fresh(&s);
	CU_ASSERT_EQUAL(place(&s, A), 0);
	CU_ASSERT_EQUAL(unlink(mac_folder_at(A "/Contents/Info.plist")), 0);
	CU_ASSERT_NOT_EQUAL(place(&s, A), 0);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(mac_folder_said, "Could not create kext to validate: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(mac_folder_said, "failed to validate, deleting: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(mac_folder_said, "Unable to stage kext ("));
	/* Neither the old copy nor the half one is there. */
	CU_ASSERT_EQUAL(rmdir(mac_folder_at(STAGED "/Library/Extensions")), 0);
	ASSERT_OK(fsio_remove_tree(mac_folder_at(A), &e), &e);
	CU_ASSERT_NOT_EQUAL(place(&s, A), 0);
	staging_release(&s);
}

static void secure_places_need_no_copy(void)
{
	struct err e = ERR_INIT;
	char got[PATH_MAX];
	struct staging s;

	fresh(&s);
	CU_ASSERT_TRUE(staging_is_secure(&s, mac_folder_at("/System/Library/X.kext")));
	CU_ASSERT_TRUE(staging_is_secure(&s, mac_folder_at(STAGED A)));
	/* Whoever holds that class could write there. */
	CU_ASSERT_FALSE(staging_is_secure(&s, mac_folder_at("/Library/Other/X.kext")));
	CU_ASSERT_FALSE(staging_is_secure(
		&s, mac_folder_at("/System/Library/Extensions/X.kext")));
	CU_ASSERT_FALSE(staging_is_secure(&s, mac_folder_at(A)));
	CU_ASSERT_FALSE(staging_is_secure(&s, "/tmp/X.kext"));
	ASSERT_FAILS(staging_place(&s, "/tmp/X.kext", got, &e), E_INVAL);
	staging_release(&s);
	mac_folder_set_csr(0x77);
	ASSERT_OK(staging_init(&s, mac_folder_root(), mac_folder_csr(), &mac_folder_log,
			       &e),
		  &e);
	ASSERT_OK(staging_place(&s, mac_folder_at(A), got, &e), &e);
	CU_ASSERT_STRING_EQUAL(got, mac_folder_at(A));
	CU_ASSERT_EQUAL(inode(STAGED "/Library"), 0);
	staging_release(&s);
}

static void prunes_what_has_no_original(void)
{
	struct err e = ERR_INIT;
	struct staging s;

	fresh(&s);
	mac_folder_put("/System/Library/Extensions/C.kext/Contents/Info.plist",
		       MAC_FOLDER_INFO);
	CU_ASSERT_EQUAL(place(&s, A), 0);
	CU_ASSERT_EQUAL(place(&s, "/System/Library/Extensions/C.kext"), 0);
	/* What an interrupted copy leaves. */
	mac_folder_put(STAGED "/Library/Extensions/5C1F.kext/Contents/Info.plist",
		       MAC_FOLDER_INFO);
	CU_ASSERT_TRUE(staging_prune(&s));
	CU_ASSERT_NOT_EQUAL(inode(STAGED A), 0);
	CU_ASSERT_EQUAL(inode(STAGED "/Library/Extensions/5C1F.kext"), 0);
	ASSERT_OK(fsio_remove_tree(mac_folder_at(A), &e), &e);
	CU_ASSERT_TRUE(staging_prune(&s));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(mac_folder_said, "Pruning deleted kernel extension: "));
	CU_ASSERT_EQUAL(inode(STAGED "/Library"), 0);
	CU_ASSERT_NOT_EQUAL(inode(STAGED "/System/Library/Extensions/C.kext"), 0);
	staging_clear(&s);
	CU_ASSERT_EQUAL(inode(STAGED "/System"), 0);
	CU_ASSERT_NOT_EQUAL(inode(STAGED), 0);
	staging_release(&s);
}

TEST_MAIN("staging", {"one copy per content", copies_once_per_content},
	  {"a plug-in is a kext of its own", a_plugin_is_a_kext_of_its_own},
	  {"identity: names and content", identity_is_of_names_and_content},
	  {"what is no kext is not staged", what_is_no_kext_is_not_staged},
	  {"secure places need no copy", secure_places_need_no_copy},
	  {"copies without an original are pruned", prunes_what_has_no_original})
