/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/seal_make.h"

#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/formats/apfs/layout.h"
#include "sim/formats/apfs/streams.h"

#define MIB (1ull << 20)

/* ---- How large ---- */

/* Bytes of records, generously: keys, values and their places in nodes. */
#define PER_NODE  512u /* inode, directory record, stream id, links, extents */
#define PER_NAME  4u   /* times a name is in them */
#define PER_XATTR 64u
#define PER_PIECE 64u /* a hash of content */
/* Nodes are more than half full, and everything but them is small. */
#define NODE_FILL    (APFS_BLOCK_SIZE / 2)
#define SPARE_BLOCKS 4096u

/* Blocks of content and of trees. */
static uint64_t blocks_needed(const struct fs_tree *t)
{
	uint64_t data = 0, records = 0;

	for (const struct fs_node *n = t->root; n; n = fs_tree_next(t, n)) {
		uint64_t blocks =
			S_ISREG(n->mode) && !n->link ? apfs_blocks_of(n->size) : 0;

		records += PER_NODE + PER_NAME * strlen(n->name) +
			   PER_PIECE * apfs_pieces_of(blocks);
		data += blocks;
		for (const struct fs_xattr *x = n->xattrs; x; x = x->next) {
			records += PER_XATTR + strlen(x->name) +
				   PER_PIECE * apfs_pieces_of(apfs_blocks_of(x->len));
			data += apfs_blocks_of(x->len);
		}
	}
	return data + records / NODE_FILL + SPARE_BLOCKS;
}

/* What a container keeps for itself grows with its size, so that it is tried. */
static int fitting_size(const struct fs_tree *t, uint64_t *ret, struct err *e)
{
	const uint64_t need = blocks_needed(t);
	struct apfs_layout l;

	for (uint64_t size = APFS_MIN_CONTAINER;; size += size / 16 / MIB * MIB) {
		int rc = apfs_layout_init(&l, size, e);

		*ret = size;
		if (rc != 0 || l.n_blocks >= l.first + need)
			return rc;
	}
}

/* ---- The container ---- */

static int sealed_is(void *ctx, size_t index, const struct apfs_sealed *s, struct err *e)
{
	(void)index, (void)e;
	*(struct apfs_sealed *)ctx = *s;
	return 0;
}

static int write_container(int fd, struct fs_tree *tree,
			   const struct apfs_seal_make *opts, struct apfs_sealed *ret,
			   struct err *e)
{
	static const uint8_t none[16];
	struct apfs_volume_spec volume = {
		.name = opts->volume ? opts->volume : "Macintosh HD",
		.role = APFS_ROLE_SYSTEM,
		.case_sensitive = opts->case_sensitive,
		.tree = tree,
		.sealed = true,
		.snapshot = opts->snapshot ? APFS_SNAPSHOT_OF_ROOT_HASH : NULL,
	};
	struct apfs_container_spec c = {
		.size = opts->size,
		.time_ns = opts->time_ns,
		.volumes = &volume,
		.n_volumes = 1,
		.sealed = sealed_is,
		.ctx = ret,
	};
	int rc = c.size > 0 ? 0 : fitting_size(tree, &c.size, e);

	memcpy(volume.uuid, opts->uuid, sizeof(volume.uuid));
	if (memcmp(volume.uuid, none, sizeof(none)) == 0 &&
	    getrandom(volume.uuid, sizeof(volume.uuid), 0) != sizeof(volume.uuid))
		return err_sys(e, "random numbers");
	memcpy(c.uuid, volume.uuid, sizeof(c.uuid));
	c.uuid[15] ^= 0xff; /* the container's own, derived from the volume's */
	return rc != 0 ? rc : apfs_write(fd, 0, &c, e);
}

static int write_image(const char *image, struct fs_tree *tree,
		       const struct apfs_seal_make *opts, struct apfs_sealed *ret,
		       struct err *e)
{
	struct stat st;
	int fd = open(image, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(e, "%s", image);
	int rc = write_container(fd, tree, opts, ret, e);

	if (rc == 0 && fsync(fd) != 0)
		rc = err_sys(e, "%s", image);
	if (rc != 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		unlink(image); /* but not a device */
	close(fd);
	return rc;
}

int apfs_seal_make(const char *host_dir, const char *image,
		   const struct apfs_seal_make *opts, struct apfs_sealed *ret,
		   struct err *e)
{
	struct fs_tree tree;
	int rc = fs_tree_init(&tree, opts->time_ns, e);

	if (rc != 0)
		return rc;
	rc = fs_tree_import(&tree, "/", host_dir, e);
	if (rc == 0)
		rc = write_image(image, &tree, opts, ret, e);
	fs_tree_release(&tree);
	return rc;
}
