/* SPDX-License-Identifier: MIT */
/* Copies of kexts in a folder that rootless.conf protects, on a system made in a folder. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/staging/staging.h"
#include "sim/base/bytes.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/kext/identity.h"
#include "sim/platform/paths.h"

#define INFO                                                                             \
	"<plist version=\"1.0\"><dict><key>CFBundleIdentifier</key><string>org.kextlab." \
	"t</string><key>CFBundleVersion</key><string>1.0</string></dict></plist>"
#define A      "/Library/Extensions/A.kext"
#define B      A "/Contents/PlugIns/B.kext"
#define STAGED PATH_STAGED_EXTENSIONS

static const char conf[] = "\t/System\n*\t/System/Library/Extensions\n"
			   "\t/System/Library/Extensions/*\n"
			   "KernelExtensionManagement\t/Library/StagedExtensions\n"
			   "Other\t/Library/Other\n";

static char root[512], csr[512], said[8192];

static void take(void *arg, enum clog_level level, const char *text)
{
	size_t n = strlen(said);

	(void)arg;
	(void)level;
	snprintf(said + n, sizeof(said) - n, "%s\n", text);
}

static const struct component_log log_said = {.line = take, .max = CLOG_DEBUG};

static const char *at(const char *rel)
{
	static char path[8][1024];
	static unsigned turn;
	char *p = path[turn++ % 8];

	snprintf(p, sizeof(path[0]), "%s%s", root, rel);
	return p;
}

static void put(const char *rel, const char *text)
{
	char folder[PATH_MAX];
	struct err e = ERR_INIT;

	snprintf(folder, sizeof(folder), "%s", at(rel));
	*strrchr(folder, '/') = '\0';
	ASSERT_OK(fsio_mkdirs(folder, 0755, &e), &e);
	ASSERT_OK(fsio_write_atomic(at(rel), text, strlen(text), 0644, &e), &e);
}

static void set_sip(uint32_t config)
{
	uint8_t bytes[4];
	struct err e = ERR_INIT;

	put_le32(bytes, config);
	ASSERT_OK(fsio_write_atomic(csr, bytes, 4, 0644, &e), &e);
}

static void fresh(struct staging *s)
{
	struct err e = ERR_INIT;

	snprintf(root, sizeof(root), "%s/root", test_tmpdir());
	snprintf(csr, sizeof(csr), "%s/csr", test_tmpdir());
	ASSERT_OK(fsio_remove_tree(root, &e), &e);
	put(PATH_ROOTLESS_CONF, conf);
	put(A "/Contents/Info.plist", INFO);
	put(A "/Contents/MacOS/A", "code");
	put(B "/Contents/Info.plist", INFO);
	ASSERT_OK(fsio_mkdirs(at(STAGED), 0755, &e), &e);
	set_sip(0);
	said[0] = '\0';
	ASSERT_OK(staging_init(s, root, csr, &log_said, &e), &e);
}

static ino_t inode(const char *rel)
{
	struct stat st;

	return lstat(at(rel), &st) ? 0 : st.st_ino;
}

static int place(const struct staging *s, const char *rel)
{
	char got[PATH_MAX], want[1024];
	struct err e = ERR_INIT;
	int r = staging_place(s, at(rel), got, &e);

	snprintf(want, sizeof(want), "%s" STAGED "%s", root, rel);
	if (!r)
		CU_ASSERT_STRING_EQUAL(got, want);
	return r;
}

static void copies_once_per_content(void)
{
	struct staging s;
	struct stat st;
	ino_t first;

	fresh(&s);
	CU_ASSERT_EQUAL(place(&s, A), 0);
	first = inode(STAGED A);
	CU_ASSERT_NOT_EQUAL(first, 0);
	CU_ASSERT_NOT_EQUAL(inode(STAGED B "/Contents/Info.plist"), 0);
	/* Times and modes are not content. */
	CU_ASSERT_EQUAL(chmod(at(A "/Contents/MacOS/A"), 0755), 0);
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, at(A), NULL, 0), 0);
	CU_ASSERT_EQUAL(place(&s, A), 0);
	CU_ASSERT_EQUAL(inode(STAGED A), first);
	put(A "/Contents/MacOS/A", "Code");
	CU_ASSERT_EQUAL(place(&s, A), 0);
	CU_ASSERT_NOT_EQUAL(inode(STAGED A), first);
	CU_ASSERT_EQUAL(stat(at(STAGED A "/Contents/MacOS/A"), &st), 0);
	CU_ASSERT_EQUAL(st.st_size, 4);
	CU_ASSERT_STRING_EQUAL(said, "");
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
	ASSERT_OK(kext_identity(at(A), before, &e), &e);
	put(B "/Contents/Resources/x", "new");
	ASSERT_OK(kext_identity(at(A), after, &e), &e);
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
	ASSERT_OK(kext_identity(at(A), id[0], &e), &e);
	CU_ASSERT_EQUAL(strlen(id[0]), 40);
	CU_ASSERT_EQUAL(rename(at(A "/Contents/MacOS/A"), at(A "/Contents/MacOS/B")), 0);
	ASSERT_OK(kext_identity(at(A), id[1], &e), &e);
	CU_ASSERT_EQUAL(symlink("MacOS/B", at(A "/Contents/link")), 0);
	ASSERT_OK(kext_identity(at(A), id[2], &e), &e);
	CU_ASSERT_EQUAL(unlink(at(A "/Contents/link")), 0);
	CU_ASSERT_EQUAL(symlink("MacOS/A", at(A "/Contents/link")), 0);
	ASSERT_OK(kext_identity(at(A), id[3], &e), &e);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(id[i], id[j]);
	ASSERT_FAILS(kext_identity(at("/nothing.kext"), id[0], &e), E_NOTFOUND);
	staging_release(&s);
}

static void what_is_no_kext_is_not_staged(void)
{
	struct err e = ERR_INIT;
	struct staging s;

	fresh(&s);
	CU_ASSERT_EQUAL(place(&s, A), 0);
	CU_ASSERT_EQUAL(unlink(at(A "/Contents/Info.plist")), 0);
	CU_ASSERT_NOT_EQUAL(place(&s, A), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Could not create kext to validate: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "failed to validate, deleting: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Unable to stage kext ("));
	/* Neither the old copy nor the half one is there. */
	CU_ASSERT_EQUAL(rmdir(at(STAGED "/Library/Extensions")), 0);
	ASSERT_OK(fsio_remove_tree(at(A), &e), &e);
	CU_ASSERT_NOT_EQUAL(place(&s, A), 0);
	staging_release(&s);
}

static void secure_places_need_no_copy(void)
{
	struct err e = ERR_INIT;
	char got[PATH_MAX];
	struct staging s;

	fresh(&s);
	CU_ASSERT_TRUE(staging_is_secure(&s, at("/System/Library/X.kext")));
	CU_ASSERT_TRUE(staging_is_secure(&s, at(STAGED A)));
	/* Whoever holds that class could write there. */
	CU_ASSERT_FALSE(staging_is_secure(&s, at("/Library/Other/X.kext")));
	CU_ASSERT_FALSE(staging_is_secure(&s, at("/System/Library/Extensions/X.kext")));
	CU_ASSERT_FALSE(staging_is_secure(&s, at(A)));
	CU_ASSERT_FALSE(staging_is_secure(&s, "/tmp/X.kext"));
	ASSERT_FAILS(staging_place(&s, "/tmp/X.kext", got, &e), E_INVAL);
	staging_release(&s);
	set_sip(0x77);
	ASSERT_OK(staging_init(&s, root, csr, &log_said, &e), &e);
	ASSERT_OK(staging_place(&s, at(A), got, &e), &e);
	CU_ASSERT_STRING_EQUAL(got, at(A));
	CU_ASSERT_EQUAL(inode(STAGED "/Library"), 0);
	staging_release(&s);
}

static void prunes_what_has_no_original(void)
{
	struct err e = ERR_INIT;
	struct staging s;

	fresh(&s);
	put("/System/Library/Extensions/C.kext/Contents/Info.plist", INFO);
	CU_ASSERT_EQUAL(place(&s, A), 0);
	CU_ASSERT_EQUAL(place(&s, "/System/Library/Extensions/C.kext"), 0);
	/* What an interrupted copy leaves. */
	put(STAGED "/Library/Extensions/5C1F.kext/Contents/Info.plist", INFO);
	CU_ASSERT_TRUE(staging_prune(&s));
	CU_ASSERT_NOT_EQUAL(inode(STAGED A), 0);
	CU_ASSERT_EQUAL(inode(STAGED "/Library/Extensions/5C1F.kext"), 0);
	ASSERT_OK(fsio_remove_tree(at(A), &e), &e);
	CU_ASSERT_TRUE(staging_prune(&s));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Pruning deleted kernel extension: "));
	CU_ASSERT_EQUAL(inode(STAGED "/Library"), 0);
	CU_ASSERT_NOT_EQUAL(inode(STAGED "/System/Library/Extensions/C.kext"), 0);
	staging_clear(&s);
	CU_ASSERT_EQUAL(inode(STAGED "/System"), 0);
	CU_ASSERT_NOT_EQUAL(inode(STAGED), 0);
	staging_release(&s);
}

TEST_MAIN("staging",
	  {"one copy per content", copies_once_per_content},
	  {"a plug-in is a kext of its own", a_plugin_is_a_kext_of_its_own},
	  {"identity: names and content", identity_is_of_names_and_content},
	  {"what is no kext is not staged", what_is_no_kext_is_not_staged},
	  {"secure places need no copy", secure_places_need_no_copy},
	  {"copies without an original are pruned", prunes_what_has_no_original})
