/* SPDX-License-Identifier: MIT */
/* What the parts of fsrecords.h share while they walk a tree. */
#ifndef SIM_FORMATS_APFS_FSWALK_H
#define SIM_FORMATS_APFS_FSWALK_H

#include "sim/formats/apfs/fsrecords.h"

/* One name of a file with hard links. The first of a file has the lowest sibling id. */
struct apfs_fs_name {
	struct fs_node *node;
	uint64_t ino, sibling;
	size_t order;
};

struct apfs_fs_walk {
	struct apfs_fs *fs;
	struct apfs_out *out;
	const struct apfs_volume_spec *spec;
	struct apfs_fs_name *names; /* owned; sorted by file, then order */
	size_t n_names;
};

/* The node that has the inode of @n. */
static inline struct fs_node *apfs_fs_inode_of(struct fs_node *n)
{
	return n->link ? n->link : n;
}

/*
 * Check every node, and give each file and each name of a hard link its id: into the tag
 * of the node, but a file's own name's sibling id only into w->names.
 */
int apfs_fs_number(struct apfs_fs_walk *w, struct err *e) MUST_CHECK;

/* The first name of file @ino, *@ret_n: how many there are; NULL for a file with one. */
const struct apfs_fs_name *apfs_fs_names_of(const struct apfs_fs_walk *w, uint64_t ino,
					    size_t *ret_n);

/* Add a record without a tail, or with a number as tail by which it is sorted. */
int apfs_fs_add(struct apfs_fs_walk *w, uint64_t id, enum apfs_rec_type type,
		const void *val, size_t val_len, struct err *e) MUST_CHECK;
int apfs_fs_add_numbered(struct apfs_fs_walk *w, uint64_t id, enum apfs_rec_type type,
			 uint64_t num, const void *val, size_t val_len,
			 struct err *e) MUST_CHECK;

/* What describes a data stream of @size bytes. */
struct apfs_j_dstream apfs_fs_dstream(uint64_t size);

/* Write the content of a regular file, or the xattrs of any node, and add the records. */
int apfs_fs_add_content(struct apfs_fs_walk *w, const struct fs_node *n,
			struct err *e) MUST_CHECK;
int apfs_fs_add_xattrs(struct apfs_fs_walk *w, const struct fs_node *n,
		       struct err *e) MUST_CHECK;

#endif
