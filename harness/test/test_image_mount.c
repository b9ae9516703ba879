/* SPDX-License-Identifier: MIT */
/* kextlab image mount and unmount, as a user has them. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/apfs/test/seal_image.h"

#define KEXTLAB "build/kextlab image "

static struct seal_image im;
static char dir[4096], log_file[4096], said_file[4096];

static const char *missing(void)
{
	if (!fsio_exists("build/kextlab"))
		return "no build/kextlab";
	if (access("/dev/fuse", R_OK | W_OK))
		return "no /dev/fuse";
	if (geteuid() && test_shell("command -v fusermount3 >/dev/null"))
		return "no fusermount3";
	return NULL;
}

#define SKIP_WITHOUT_FUSE()                                                              \
	do {                                                                             \
		const char *missing_ = missing();                                        \
		if (missing_)                                                            \
			TEST_SKIP(missing_);                                             \
	} while (0)

static void prepare(void)
{
	snprintf(dir, sizeof(dir), "%s/mount", test_tmpdir());
	snprintf(log_file, sizeof(log_file), "%s/log", test_tmpdir());
	snprintf(said_file, sizeof(said_file), "%s/said", test_tmpdir());
	mkdir(dir, 0755);
	unlink(log_file);
	seal_image_make(&im, "image");
}

static int run(const char *what, const char *words)
{
	return test_shell(KEXTLAB "%s %s >%s 2>&1", what, words, said_file);
}

static int mount_it(const char *options)
{
	char words[13000];

	snprintf(words, sizeof(words), "%s --log %s %s %s", options, log_file, im.path,
		 dir);
	return run("mount", words);
}

static bool said(const char *text)
{
	return !test_shell("grep -q '%s' %s", text, said_file);
}

static bool is_mounted(void)
{
	return !test_shell("grep -q ' %s fuse.kextlab ' /proc/mounts", dir);
}

static void mounts_and_unmounts(void)
{
	SKIP_WITHOUT_FUSE();
	prepare();
	CU_ASSERT_EQUAL(run("unmount", dir), 2);
	CU_ASSERT_TRUE(said("no volume is mounted there"));
	if (mount_it("") != 0)
		TEST_SKIP("this host does not let us mount");
	CU_ASSERT_TRUE(is_mounted());
	CU_ASSERT_EQUAL(test_shell("test $(ls '%s/Folder 3' | wc -l) = 30", dir), 0);
	CU_ASSERT_EQUAL(test_shell("cmp -s '%s/linked' '%s/link'", dir, dir), 0);
	CU_ASSERT_EQUAL(test_shell("cat '%s/big' >/dev/null", dir), 0);
	/* In use. */
	CU_ASSERT_NOT_EQUAL(test_shell("cd '%s'; '%s/'" KEXTLAB "unmount . 2>/dev/null",
				       dir, test_source("")),
			    0);
	CU_ASSERT_TRUE(is_mounted());
	CU_ASSERT_EQUAL(run("unmount", dir), 0);
	CU_ASSERT_FALSE(is_mounted());
	CU_ASSERT_EQUAL(mount_it("--live --volume 'Macintosh HD'"), 0);
	CU_ASSERT_EQUAL(run("unmount", dir), 0);
	CU_ASSERT_EQUAL(mount_it("--snapshot nonsense"), 2);
	CU_ASSERT_EQUAL(mount_it("--volume Data"), 2);
	CU_ASSERT_FALSE(is_mounted());
	seal_image_close(&im);
}

static void a_bad_block_is_eio(void)
{
	char text[4096];
	struct buf b = BUF_INIT;
	uint64_t bno;
	size_t at;

	SKIP_WITHOUT_FUSE();
	prepare();
	seal_image_content("/slack", (uint8_t *)text, sizeof(text));
	bno = seal_image_find(&im, 1, text, sizeof(text), &at);
	seal_image_flip(&im, bno, 7, 1);
	if (mount_it("") != 0)
		TEST_SKIP("this host does not let us mount");
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(test_shell("cat '%s/slack' 2>&1 | "
					   "grep -q 'Input/output error'",
					   dir),
				0);
	CU_ASSERT_EQUAL(test_shell("cat '%s/big' '%s/folder 5/'* > /dev/null", dir, dir),
			0);
	CU_ASSERT_EQUAL(run("unmount", dir), 0);
	CU_ASSERT_EQUAL(fsio_read(log_file, 65536, &b, NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_str(&b), "disk1s1 hash mismatch: stream 0x"));
	CU_ASSERT_PTR_EQUAL(strchr(buf_str(&b), '\n'), buf_str(&b) + b.len - 1);
	buf_release(&b);
	seal_image_close(&im);
}

static void a_wrong_root_is_not_mounted(void)
{
	uint8_t block[APFS_BLOCK_SIZE];
	uint64_t bno;

	SKIP_WITHOUT_FUSE();
	prepare();
	/* The root hash that is stored, in all of its places. */
	for (bno = 1; bno < im.blocks; bno++) {
		const struct apfs_obj *o = (const void *)block;

		seal_image_get(&im, bno, block);
		if (le32_get(o->o_type) != APFS_OT_INTEGRITY_META)
			continue;
		block[0x80] ^= 1;
		seal_image_put_object(&im, bno, block);
	}
	CU_ASSERT_NOT_EQUAL(mount_it(""), 0);
	CU_ASSERT_TRUE(said("no-verify"));
	CU_ASSERT_FALSE(is_mounted());
	if (mount_it("--no-verify") != 0)
		TEST_SKIP("this host does not let us mount");
	CU_ASSERT_EQUAL(test_shell("cat '%s/big' > /dev/null", dir), 0);
	CU_ASSERT_EQUAL(run("unmount", dir), 0);
	seal_image_close(&im);
}

/* Nobody's own mount, by fusermount3. */
static void who_is_not_root_may_too(void)
{
	const char *as = "setpriv --reuid 65534 --regid 65534 --clear-groups";

	SKIP_WITHOUT_FUSE();
	if (geteuid() || test_shell("command -v fusermount3 setpriv >/dev/null"))
		TEST_SKIP("needs root, fusermount3 and setpriv");
	prepare();
	CU_ASSERT_EQUAL(test_shell("chmod 755 %s && chmod 644 %s && chown 65534 %s",
				   test_tmpdir(), im.path, dir),
			0);
	if (test_shell("%s " KEXTLAB "mount %s %s", as, im.path, dir))
		TEST_SKIP("this host does not let nobody mount");
	CU_ASSERT_EQUAL(test_shell("%s cat '%s/big' >/dev/null", as, dir), 0);
	CU_ASSERT_EQUAL(test_shell("%s " KEXTLAB "unmount %s", as, dir), 0);
	CU_ASSERT_FALSE(is_mounted());
	seal_image_close(&im);
}

TEST_MAIN("image-mount", {"mounts and unmounts", mounts_and_unmounts},
	  {"a bad block is EIO, and one line", a_bad_block_is_eio},
	  {"a wrong root hash is not mounted", a_wrong_root_is_not_mounted},
	  {"who is not root may mount too", who_is_not_root_may_too})
