/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/test/edit_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/base/buf.h"
#include "sim/base/test.h"

#define MARK "/which"

void edit_content(struct fs_tree *t, unsigned which)
{
	static uint8_t bytes[200000];
	struct err e = ERR_INIT;
	char path[96], text[32];
	struct fs_node *n;

	memset(bytes, (int)('a' + which % 26), sizeof(bytes));
	snprintf(text, sizeof(text), "%u", which);
	image_text(t, MARK, text);
	for (unsigned i = 0; i < 20 + 30 * (which % 9); i++) {
		snprintf(path, sizeof(path), "/System/Library/d%u/file-%u-%u", i % 7,
			 which, i);
		image_file(t, path, bytes, i * 1237 % 23000);
	}
	n = image_file(t, "/bin/sh", bytes, 100000 + which);
	ASSERT_OK(fs_tree_hardlink(t, "/bin/bash", n, &e), &e);
	ASSERT_OK(fs_node_set_xattr(n, "org.kextlab.small", bytes, 20, &e), &e);
	ASSERT_OK(fs_node_set_xattr(n, "org.kextlab.large", bytes, 5000 + which, &e), &e);
	ASSERT_OK(fs_tree_symlink(t, "/tmp", "private/tmp", NULL, &e), &e);
	ASSERT_OK(fs_tree_mkdir(t, "/private/tmp", 01777, NULL, &e), &e);
}

void edit_case_init(struct image *im, const char *file, bool sealed)
{
	image_init(im, file, EDIT_SIZE, EDIT_VOLUMES);
	im->volume[EDIT_SYSTEM].name = "Macintosh HD";
	im->volume[EDIT_SYSTEM].role = APFS_ROLE_SYSTEM;
	im->volume[EDIT_SYSTEM].sealed = sealed;
	im->volume[EDIT_SYSTEM].snapshot = "first";
	im->volume[EDIT_DATA].name = "Data";
	im->volume[EDIT_DATA].role = APFS_ROLE_DATA;
	for (unsigned i = 0; i < EDIT_VOLUMES; i++) {
		im->volume[i].in_group = true;
		edit_content(&im->tree[i], i);
	}
	image_must_write(im);
}

/* Everything of the state is read on the way; a damaged one does not count. */
static int read_state(struct apfs *c, unsigned slot, const char *snapshot, int *ret,
		      struct err *e)
{
	struct buf text = BUF_INIT;
	struct apfs_volume *v;
	struct fs_tree t;
	int rc = apfs_volume_open(c, slot, snapshot, &v, e);

	if (rc != 0)
		return rc;
	rc = fs_tree_init(&t, 0, e);
	if (rc == 0)
		rc = apfs_edit_tree_from_volume(v, 1u << 28, &t, e);
	if (rc == 0)
		rc = apfs_read_path(v, MARK, 100, &text, e);
	if (rc == 0)
		*ret = atoi(buf_str(&text));
	fs_tree_release(&t);
	buf_release(&text);
	apfs_volume_close(v);
	return rc;
}

int edit_content_of(const char *path, unsigned slot, const char *snapshot)
{
	struct err e = ERR_INIT;
	struct apfs *c = NULL;
	int which = -1;
	int rc = apfs_open_path(path, &c, &e);

	if (rc == 0)
		rc = read_state(c, slot, snapshot, &which, &e);
	if (rc != 0)
		printf("      slot %u, %s: %s\n", slot, snapshot ? snapshot : "live",
		       e.msg);
	apfs_close(c);
	return rc == 0 ? which : -1;
}

struct apfs_edit *edit_begin(const char *path)
{
	struct apfs_edit *ed = NULL;
	struct err e = ERR_INIT;

	ASSERT_OK(apfs_edit_begin_path(path, EDIT_TIME, &ed, &e), &e);
	return ed;
}

void edit_commit(struct apfs_edit *ed)
{
	struct err e = ERR_INIT;

	ASSERT_OK(apfs_edit_commit(ed, &e), &e);
}

static bool apfsck(const char *path, enum edit_look look, const char *flags)
{
	if (!have("apfsck"))
		return true;
	return test_shell("apfsck -%s%s '%s'", flags, look == EDIT_PLAIN ? "u" : "",
			  path) == 0;
}

bool edit_accepted(const char *path, enum edit_look look)
{
	if (!apfsck(path, look, "cw"))
		return false;
	return !have("7zz") || test_shell("7zz t '%s' >/dev/null", path) == 0;
}

bool edit_accepted_cut(const char *path, enum edit_look look)
{
	return apfsck(path, look, "w");
}
