/* SPDX-License-Identifier: MIT */
/*
 * Transactions on a container that is right but for the bytes that the input changes. The
 * input is a byte that chooses operations, one bit for each, then a list of patches, each
 * {block: u16, offset: u16, length: u8, bytes}, where blocks are counted among those that
 * are not zero. Checksums are set right after that.
 *
 * What a transaction wrote is read by another one, so that its result is looked at too.
 */
#define _GNU_SOURCE /* memfd_create */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/base/bytes.h"
#include "sim/formats/apfs/edit.h"
#include "sim/formats/apfs/test/patch_disk.h"
#include "sim/formats/apfs/writer.h"

#define TIME 1640000000000000000

static struct patch_disk disk;
static struct fs_tree tree;

static void must(int rc)
{
	if (rc != 0)
		abort();
}

static void build_tree(void)
{
	static uint8_t bytes[6000];
	struct fs_node *n;

	must(fs_tree_init(&tree, TIME, NULL));
	for (char path[] = "/d/a"; path[3] <= 'h'; path[3]++)
		must(fs_tree_file(&tree, path, 0644, bytes, (size_t)(path[3] - 'a') * 100, NULL,
				  NULL));
	must(fs_tree_file(&tree, "/f", 0644, bytes, sizeof(bytes), &n, NULL));
	must(fs_tree_hardlink(&tree, "/again", n, NULL));
	must(fs_node_set_xattr(n, "long", bytes, sizeof(bytes), NULL));
	must(fs_tree_symlink(&tree, "/link", "f", NULL, NULL));
}

/* A sealed volume with two snapshots, after three transactions. */
static void build(void)
{
	const struct apfs_volume_spec volume = {.name = "System",
						.role = APFS_ROLE_SYSTEM,
						.uuid = {1},
						.sealed = true,
						.snapshot = "first",
						.tree = &tree};
	const struct apfs_container_spec spec = {.size = APFS_MIN_CONTAINER,
						 .uuid = {2},
						 .time_ns = TIME,
						 .volumes = &volume,
						 .n_volumes = 1};
	int fd = memfd_create("base", MFD_CLOEXEC);
	struct apfs_edit *ed;
	struct vdisk *d;

	build_tree();
	must(apfs_write(fd, 0, &spec, NULL));
	must(vdisk_open_fd(fd, &d, NULL));
	must(apfs_edit_begin(d, 0, d->size, TIME, &ed, NULL));
	must(apfs_edit_replace_tree(ed, 0, &tree, APFS_EDIT_BROKEN, NULL, NULL));
	must(apfs_edit_snapshot_create(ed, 0, "second", NULL));
	must(apfs_edit_commit(ed, NULL));
	vdisk_close(d);
	patch_disk_load(&disk, fd);
	close(fd);
}

static int replace(struct apfs_edit *ed, struct err *e)
{
	return apfs_edit_replace_tree(ed, 0, &tree, APFS_EDIT_SEALED, NULL, e);
}

static int break_seal(struct apfs_edit *ed, struct err *e)
{
	return apfs_edit_break_seal(ed, 0, e);
}

static int mend_seal(struct apfs_edit *ed, struct err *e)
{
	return apfs_edit_unbreak(ed, 0, e);
}

static int create(struct apfs_edit *ed, struct err *e)
{
	return apfs_edit_snapshot_create(ed, 0, "third", e);
}

static int delete (struct apfs_edit *ed, struct err *e)
{
	return apfs_edit_snapshot_delete(ed, 0, "first", e);
}

static int revert(struct apfs_edit *ed, struct err *e)
{
	return apfs_edit_revert(ed, 0, "second", e);
}

static int import(struct apfs_edit *ed, struct err *e)
{
	struct apfs_volume *v;
	struct fs_tree t;
	int rc = apfs_volume_open(apfs_edit_container(ed), 0, NULL, &v, e);

	if (rc != 0)
		return rc;
	rc = fs_tree_init(&t, 0, e);
	if (rc == 0)
		rc = apfs_edit_tree_from_volume(v, 1 << 20, &t, e);
	if (rc == 0)
		rc = apfs_edit_replace_tree(ed, 0, &t, APFS_EDIT_UNSEALED, NULL, e);
	fs_tree_release(&t);
	apfs_volume_close(v);
	return rc;
}

/* In this order, so that one byte gives sequences that make sense. */
static int (*const operations[8])(struct apfs_edit *ed, struct err *e) = {
	import, break_seal, create, replace, mend_seal, delete, revert, create};

static void transact(uint8_t which)
{
	struct apfs_edit *ed;
	struct err e = ERR_INIT;
	int rc = apfs_edit_begin(&disk.base, 0, disk.base.size, TIME, &ed, &e);

	if (rc != 0)
		return;
	for (unsigned i = 0; i < 8 && rc == 0; i++)
		if (which >> i & 1)
			rc = operations[i](ed, &e);
	if (rc != 0)
		apfs_edit_abort(ed);
	else
		(void)!apfs_edit_commit(ed, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t which = len > 0 ? data[0] : 0;

	if (disk.n == 0)
		build();
	for (size_t at = 1; at + 5 <= len;) {
		size_t n = data[at + 4], left = len - at - 5;

		n = n < left ? n : left;
		patch_disk_set(&disk, get_le16(data + at) % disk.n,
			       get_le16(data + at + 2) % PATCH_BLOCK, data + at + 5, n);
		at += 5 + n;
	}
	patch_disk_seal(&disk);
	transact(which);
	transact((uint8_t)~which);
	patch_disk_reset(&disk);
	return 0;
}
