/* SPDX-License-Identifier: MIT */
/* Looking into a disk that our writer made. */
#include "sim/formats/apfs/test/make_image.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "images/inspect.h"
#include "sim/base/fsio.h"

static struct fs_tree tree;

static struct inspect *open_disk(void)
{
	struct fs_node *n;
	struct inspect *in;
	struct err e = ERR_INIT;

	if (!tree.root) {
		ASSERT_OK(fs_tree_init(&tree, TEST_TIME, &e), &e);
		ASSERT_OK(fs_tree_file(&tree, "/private/etc/hosts", 0644, "localhost\n", 10,
				       &n, &e), &e);
		n->bsd_flags = SF_RESTRICTED | SF_NOUNLINK | 0x20000000;
		ASSERT_OK(fs_node_set_xattr(n, "com.apple.rootless", "etc", 3, &e), &e);
		ASSERT_OK(fs_tree_symlink(&tree, "/etc", "private/etc", NULL, &e), &e);
		ASSERT_OK(fs_tree_file(&tree, "/B", 04755, NULL, 0, &n, &e), &e);
		ASSERT_OK(fs_tree_file(&tree, "/a", 01600, "x", 1, &n, &e), &e);
		make_image(in_tmp("disk"), &tree, false);
	}
	ASSERT_OK(inspect_open(in_tmp("disk"), &in, &e), &e);
	return in;
}

static void places(void)
{
	struct inspect *in = open_disk();
	struct apfs_volume *a, *b;
	const char *path;
	struct err e = ERR_INIT;

	ASSERT_OK(inspect_place(in, "/etc", &a, &path, &e), &e);
	CU_ASSERT_STRING_EQUAL(path, "/etc");
	ASSERT_OK(inspect_place(in, "System:/etc", &b, &path, &e), &e);
	CU_ASSERT_STRING_EQUAL(path, "/etc");
	ASSERT_OK(inspect_place(in, "Macintosh HD:", &b, &path, &e), &e);
	CU_ASSERT_STRING_EQUAL(path, "/");
	ASSERT_OK(inspect_place(in, "slot:0:/a:/b", &b, &path, &e), &e);
	CU_ASSERT_STRING_EQUAL(path, "/a:/b");
	ASSERT_OK(inspect_place(in, "System:/x", &a, &path, &e), &e);
	ASSERT_OK(inspect_place(in, "disk1s1:/x", &b, &path, &e), &e);
	ASSERT_FAILS(inspect_place(in, "disk1s2:/x", &b, &path, &e), E_INVAL);
	ASSERT_FAILS(inspect_place(in, "disk2s1:/x", &b, &path, &e), E_INVAL);
	ASSERT_FAILS(inspect_place(in, "Preboot:/etc", &a, &path, &e), E_INVAL);
	ASSERT_FAILS(inspect_place(in, "System@monday:/etc", &a, &path, &e), E_INVAL);
	ASSERT_FAILS(inspect_place(in, "etc/hosts", &a, &path, &e), E_INVAL);
	ASSERT_FAILS(inspect_place(in, "", &a, &path, &e), E_INVAL);
	inspect_close(in);
}

static void cat(void)
{
	struct inspect *in = open_disk();
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	ASSERT_OK(inspect_cat(in, "System:/etc/hosts", 10, &out, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&out), "localhost\n");
	ASSERT_FAILS(inspect_cat(in, "System:/etc/hosts", 9, &out, &e), E_OVERFLOW);
	ASSERT_FAILS(inspect_cat(in, "System:/etc/passwd", 9, &out, &e), E_NOTFOUND);
	ASSERT_FAILS(inspect_cat(in, "/a/b", 9, &out, &e), E_NOTFOUND);
	ASSERT_FAILS(inspect_cat(in, "Preboot:/etc/passwd", 9, &out, &e), E_INVAL);
	buf_release(&out);
	inspect_close(in);
}

static void listings(void)
{
	struct inspect *in = open_disk();
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	ASSERT_OK(inspect_ls(in, "/", &out, &e), &e);
	CU_ASSERT_STRING_EQUAL(
		buf_str(&out),
		"-rwsr-xr-x 1 0:0 - 0 2019-10-07T12:00:00Z B\n"
		"-rw------T 1 0:0 - 1 2019-10-07T12:00:00Z a\n"
		"lrwxr-xr-x 1 0:0 - 11 2019-10-07T12:00:00Z etc -> private/etc\n"
		"drwxr-xr-x 1 0:0 - 0 2019-10-07T12:00:00Z private\n");
	buf_clear(&out);
	ASSERT_OK(inspect_ls(in, "System:/private/etc/hosts", &out, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&out),
			       "-rw-r--r-- 1 0:0 restricted,sunlnk,0x20000000 10 "
			       "2019-10-07T12:00:00Z hosts\n");
	buf_clear(&out);
	ASSERT_OK(inspect_tree(in, "/private", true, &out, &e), &e);
	/* printf 'localhost\n' | sha256sum; printf etc | sha256sum */
	CU_ASSERT_STRING_EQUAL(
		buf_str(&out),
		"drwxr-xr-x 1 0:0 - 0 2019-10-07T12:00:00.000000000Z /private\n"
		"drwxr-xr-x 1 0:0 - 0 2019-10-07T12:00:00.000000000Z /private/etc\n"
		"-rw-r--r-- 1 0:0 restricted,sunlnk,0x20000000 10 "
		"2019-10-07T12:00:00.000000000Z /private/etc/hosts "
		"d906aecb61d076a967d9ffe8821c7b04b063f72df9d9e35b33ef36b1c0d98f16 com.apple.rootless=3:"
		"812de6e718f869feb16b45c6bbcfdb1269fe6f6fffdc2420166482e3cd0aa647\n");
	ASSERT_FAILS(inspect_ls(in, "/none", &out, &e), E_NOTFOUND);
	buf_clear(&out);
	ASSERT_OK(inspect_info(in, &out, &e), &e);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out), "disk1s1  Macintosh HD\n    role       "
						     "System\n"));
	CU_ASSERT_PTR_NULL(strstr(buf_str(&out), "damaged"));
	buf_release(&out);
	inspect_close(in);
}

static void extracts_a_folder_and_a_file(void)
{
	struct inspect *in = open_disk();
	struct apfs_extract_opts opts = {0};
	struct apfs_extract_result res;
	struct buf out = BUF_INIT;
	struct stat st;
	struct err e = ERR_INIT;

	ASSERT_OK(inspect_extract(in, "/private", in_tmp("p"), &opts, &res, &e), &e);
	CU_ASSERT_EQUAL(res.dirs, 2);
	CU_ASSERT_EQUAL(res.files, 1);
	CU_ASSERT_EQUAL(res.bytes, 10);
	ASSERT_OK(fsio_read(in_tmp("p/etc/hosts"), 100, &out, &e), &e);
	CU_ASSERT_EQUAL(out.len, 10);
	ASSERT_OK(inspect_extract(in, "/etc/hosts", in_tmp("f"), &opts, &res, &e), &e);
	CU_ASSERT_EQUAL(stat(in_tmp("f"), &st), 0);
	CU_ASSERT_EQUAL(st.st_mode, (mode_t)(S_IFREG | 0644));
	CU_ASSERT_EQUAL(st.st_mtime, 1570449600);
	ASSERT_FAILS(inspect_extract(in, "/private", in_tmp("p"), &opts, NULL, &e), E_EXISTS);
	ASSERT_FAILS(inspect_extract(in, "/a", in_tmp("p"), &opts, NULL, &e), E_EXISTS);
	buf_release(&out);
	inspect_close(in);
	fs_tree_release(&tree);
}

TEST_MAIN("inspect", {"understands places", places}, {"reads a file", cat},
	  {"lists for people and for comparison", listings},
	  {"extracts a folder and a file", extracts_a_folder_and_a_file})
