/* SPDX-License-Identifier: MIT */
/*
 * A file tree in memory, with what a Mac volume knows of a file: the input of the
 * APFS writer. Content is either bytes held here or the path of a host file that is
 * read when the image is written.
 */
#ifndef SIM_FORMATS_FSTREE_H
#define SIM_FORMATS_FSTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

/* BSD flags (sys/stat.h of a Mac). */
#define SF_RESTRICTED 0x00080000u
#define SF_NOUNLINK   0x00100000u
#define SF_FIRMLINK   0x00800000u

struct fs_xattr {
	struct fs_xattr *next;
	char *name;
	uint8_t *value;
	size_t len;
};

struct fs_node {
	struct fs_node *parent, *children, *next; /* children in the order of addition */
	char *name;                               /* UTF-8; "" for the root */
	uint32_t mode;                            /* S_IFDIR, S_IFREG, S_IFLNK | permissions */
	uint32_t uid, gid;
	uint32_t bsd_flags;
	int64_t mtime_ns;       /* since 1970 */
	int64_t create_ns, change_ns, access_ns; /* 0: as mtime_ns */
	uint64_t size;          /* regular file: bytes; symlink: length of the target */
	uint8_t *data;          /* owned; content or target, then a NUL; NULL when empty */
	char *host_path;        /* owned; read when written */
	struct fs_node *link;   /* hard link: the node that holds the content, else NULL */
	uint32_t n_links;       /* how many other nodes have this one as link */
	struct fs_xattr *xattrs;
	uint64_t tag;           /* scratch of the one who walks */
	struct fs_node *last_child, *index_next; /* private */
};

struct fs_tree {
	struct fs_node *root;
	int64_t mtime_ns; /* given to new nodes */
	struct fs_node **index; /* private: hash table of (parent, name) */
	size_t index_size, n_nodes;
};

/* An empty tree: a root folder 0755 root:wheel. Release with fs_tree_release. */
int fs_tree_init(struct fs_tree *t, int64_t mtime_ns, struct err *e) MUST_CHECK;
void fs_tree_release(struct fs_tree *t);

/*
 * Each makes missing parents (0755, 0:0) and replaces a file of that path; a folder
 * in the way is E_EXISTS. Paths are absolute, of at most 1023 bytes, without "." and
 * ".." (E_INVAL). fs_tree_mkdir of a folder that exists sets its mode. Permissions are
 * the low 12 bits of @mode. *ret_node (may be NULL) is borrowed. @to must be of @t.
 */
int fs_tree_mkdir(struct fs_tree *t, const char *path, uint32_t mode,
		  struct fs_node **ret_node, struct err *e) MUST_CHECK;
int fs_tree_file(struct fs_tree *t, const char *path, uint32_t mode, const void *data,
		 size_t len, struct fs_node **ret_node, struct err *e) MUST_CHECK;
int fs_tree_host_file(struct fs_tree *t, const char *path, uint32_t mode,
		      const char *host_path, struct fs_node **ret_node,
		      struct err *e) MUST_CHECK;
int fs_tree_symlink(struct fs_tree *t, const char *path, const char *target,
		    struct fs_node **ret_node, struct err *e) MUST_CHECK;
int fs_tree_hardlink(struct fs_tree *t, const char *path, struct fs_node *to,
		     struct err *e) MUST_CHECK;

/*
 * Copy the host folder @host_dir and all below it to @path, as root:wheel, with the
 * host's modes (but a folder @path that is there keeps its own) and the tree's time.
 * Names are taken in byte order, so that the result does not depend on the host's file
 * system; hard links stay hard links. Content is read when it is needed.
 * E_UNSUPPORTED: devices, sockets, pipes.
 */
int fs_tree_import(struct fs_tree *t, const char *path, const char *host_dir,
		   struct err *e) MUST_CHECK;

/* Add or replace; the value is copied. */
int fs_node_set_xattr(struct fs_node *n, const char *name, const void *value, size_t len,
		      struct err *e) MUST_CHECK;

/*
 * Append the content of the regular file @n, or of the one that it is a hard link to, to
 * @out. E_OVERFLOW beyond @max bytes; what reading its host file gives.
 */
struct buf;
int fs_node_content(const struct fs_node *n, size_t max, struct buf *out,
		    struct err *e) MUST_CHECK;

/* The absolute path of @n into @out, cut at the front with "..." if it does not fit. */
const char *fs_node_path(const struct fs_node *n, char *out, size_t size);

/* NULL when there is none. */
struct fs_node *fs_tree_find(const struct fs_tree *t, const char *path);
/*
 * Remove a file, or a folder and all below it. When others are hard links to the file,
 * the first of them becomes the one that holds the content. E_NOTFOUND; E_INVAL for "/".
 */
int fs_tree_remove(struct fs_tree *t, const char *path, struct err *e) MUST_CHECK;

/*
 * Move @n, not the root, and all below it to @path. E_EXISTS: something is there;
 * E_NOTFOUND: the folder it should be in is not; E_INVAL: that folder is @n or below it.
 */
int fs_tree_move(struct fs_tree *t, struct fs_node *n, const char *path,
		 struct err *e) MUST_CHECK;

/* Pre-order walk: the node after @n, NULL at the end. Start with t->root. */
struct fs_node *fs_tree_next(const struct fs_tree *t, const struct fs_node *n);

#endif
