/* SPDX-License-Identifier: MIT */
/*
 * What goes onto a disk. That the whole is a disk of a Mac, apfsck and 7-Zip say after
 * each scenario; the partition table takes libguestfs' appliance, seconds.
 */
#include "sim/base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "images/cachekey.h"
#include "images/compose.h"
#include "images/disk.h"
#include "sim/base/buf.h"
#include "sim/base/fsio.h"
#include "sim/platform/nvram.h"
#include "sim/platform/paths.h"
#include "sim/platform/rootless.h"

static struct image_env env(void)
{
	static char build[4096];

	snprintf(build, sizeof(build), "%s", test_source("build"));
	return (struct image_env){.source_dir = getenv("SRCDIR") ? getenv("SRCDIR") : ".",
				  .build_dir = build};
}

static struct disk_spec spec(void)
{
	return (struct disk_spec){.release = release_by_name("10.15.0")};
}

/* Guest programs are not part of every build, e.g. under sanitizers. */
static bool parts_missing(void)
{
	return !fsio_exists(test_source("build/guest/kextd")) ||
	       !fsio_exists(test_source("build/system/AppleACPIPlatform.kext"));
}

static const struct fs_node *need(const struct disk_trees *v, enum volume i, const char *path)
{
	const struct fs_node *n = fs_tree_find(&v->tree[i], path);

	if (!n)
		printf("# %s is missing\n", path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(n);
	return n;
}

static void a_mac_has_its_files(void)
{
	struct image_env en = env();
	struct disk_spec s = spec();
	struct disk_trees v;
	struct err e = ERR_INIT;
	const struct fs_node *a, *b;

	if (parts_missing())
		TEST_SKIP("guest programs are not built");
	ASSERT_OK(disk_trees_compose(&en, &s, &v, &e), &e);
	a = need(&v, VOLUME_SYSTEM, PATH_SYSTEM_PLK);
	b = need(&v, VOLUME_DATA, PATH_STAGED_PLK);
	CU_ASSERT_EQUAL(a->size, b->size);
	CU_ASSERT_EQUAL(memcmp(a->data, b->data, a->size), 0);
	/* kextcache's rule: one second past the newest of what it was made from */
	CU_ASSERT_EQUAL(a->mtime_ns,
			need(&v, VOLUME_SYSTEM, PATH_KERNEL)->mtime_ns + 1000000000);
	CU_ASSERT_TRUE(need(&v, VOLUME_SYSTEM, "/Library")->bsd_flags & SF_FIRMLINK);
	CU_ASSERT_EQUAL(need(&v, VOLUME_SYSTEM, "/sbin/launchd")->mode, S_IFREG | 0755);
	need(&v, VOLUME_SYSTEM, "/usr/lib/dyld");
	need(&v, VOLUME_RECOVERY, "/0D5E1AE8-DE00-53AE-9F14-6B4A0554DF04/BaseSystem/sbin/launchd");
	disk_trees_release(&v);
}

static bool has_xattr(const struct fs_node *n, const char *name)
{
	for (const struct fs_xattr *x = n->xattrs; x; x = x->next)
		if (!strcmp(x->name, name))
			return true;
	return false;
}

static void rootless_conf_marks_what_it_protects(void)
{
	static const struct {
		enum volume volume;
		const char *path;
		bool restricted, marked;
	} rows[] = {
		{VOLUME_SYSTEM, "/usr/sbin/kextcache", true, false},
		{VOLUME_SYSTEM, "/System/Library/Extensions", false, false},
		{VOLUME_SYSTEM, "/System/Library/Extensions/System.kext", true, true},
		{VOLUME_SYSTEM, "/usr/local", false, false},
		{VOLUME_DATA, PATH_STAGED_PLK, true, false},
		{VOLUME_DATA, "/Library/Extensions", false, false},
		{VOLUME_DATA, "/System/Library/Caches", false, false},
	};
	struct image_env en = env();
	struct disk_spec s = spec();
	struct disk_trees v;
	struct err e = ERR_INIT;

	if (parts_missing())
		TEST_SKIP("guest programs are not built");
	ASSERT_OK(disk_trees_compose(&en, &s, &v, &e), &e);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct fs_node *n = need(&v, rows[i].volume, rows[i].path);

		if (!!(n->bsd_flags & SF_RESTRICTED) != rows[i].restricted)
			printf("# %s\n", rows[i].path);
		CU_ASSERT_EQUAL(!!(n->bsd_flags & SF_RESTRICTED), rows[i].restricted);
		CU_ASSERT_EQUAL(has_xattr(n, ROOTLESS_XATTR), rows[i].marked);
	}
	disk_trees_release(&v);
}

static void the_key_follows_the_content(void)
{
	struct image_env en = env();
	struct disk_spec s = spec();
	struct disk_kext k = {.bundle = test_source("build/system/AppleACPIPlatform.kext")};
	char a[CACHE_KEY_LEN], b[CACHE_KEY_LEN];
	struct err e = ERR_INIT;

	if (parts_missing())
		TEST_SKIP("guest programs are not built");
	ASSERT_OK(image_cache_key(&en, &s, a, &e), &e);
	ASSERT_OK(image_cache_key(&en, &s, b, &e), &e);
	CU_ASSERT_STRING_EQUAL(a, b);
	s.order = VOLUME_ORDER_CLEAN;
	ASSERT_OK(image_cache_key(&en, &s, b, &e), &e);
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
	s.kexts = &k;
	s.n_kexts = 1;
	ASSERT_OK(image_cache_key(&en, &s, a, &e), &e);
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
}

/* Unpacked by tar: only what differs between the releases. */
static void an_update_brings_what_differs(void)
{
	struct image_env en = env();
	struct disk_spec s = {.release = release_by_name("10.15.1")};
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	char path[4096];

	if (parts_missing())
		TEST_SKIP("guest programs are not built");
	ASSERT_OK(image_update_archive(&en, &s, release_by_name("10.15.0"), &b, &e), &e);
	snprintf(path, sizeof(path), "%s/update.tar", test_tmpdir());
	ASSERT_OK(fsio_write_atomic(path, b.data, b.len, 0644, &e), &e);
	CU_ASSERT_EQUAL(test_shell("cd %s && tar -tf update.tar > list && "
				   "grep -qx System/Library/Kernels/kernel list && "
				   "grep -qx System/Library/CoreServices/SystemVersion.plist "
				   "list && grep -q PrelinkedKernels/prelinkedkernel list && "
				   "! grep -q usr/sbin/kextcache list && "
				   "tar -xOf update.tar "
				   "System/Library/CoreServices/SystemVersion.plist | "
				   "grep -q 19B88",
				   test_tmpdir()),
			0);
	buf_release(&b);
}

static void a_new_nvram_holds_sip(void)
{
	struct disk_spec s = spec();
	struct nvram nv;
	struct err e = ERR_INIT;
	char path[4096];
	const struct nvram_var *v;

	s.csr = 0x77;
	snprintf(path, sizeof(path), "%s/nvram", test_tmpdir());
	ASSERT_OK(image_build_nvram(&s, path, &e), &e);
	nvram_init(&nv);
	ASSERT_OK(nvram_load_file(&nv, path, &e), &e);
	v = nvram_get_apple(&nv, "csr-active-config");
	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	CU_ASSERT_EQUAL(v->len, 4);
	CU_ASSERT_EQUAL(memcmp(v->value, "\x77\0\0\0", 4), 0);
	nvram_release(&nv);
}

TEST_MAIN("disk", {"a Mac has its files", a_mac_has_its_files},
	  {"rootless.conf marks what it protects", rootless_conf_marks_what_it_protects},
	  {"the key follows the content", the_key_follows_the_content},
	  {"an update brings what differs", an_update_brings_what_differs},
	  {"a new NVRAM holds SIP's flags", a_new_nvram_holds_sip})
