/* SPDX-License-Identifier: MIT */
/*
 * Reading APFS containers, as our writer, the Linux driver or a Mac left them
 * (Apple File System Reference, 2020-06-22).
 *
 *	struct apfs *c;
 *	struct apfs_volume *v;
 *	struct apfs_inode ino;
 *
 *	apfs_open_path("disk.qcow2", &c, e);
 *	apfs_volume_find(c, "Preboot", &slot, e);
 *	apfs_volume_open(c, slot, NULL, &v, e);
 *	apfs_lookup(v, "/System/Library", APFS_FOLLOW, &ino, e);
 *
 * Nothing on the disk is trusted: every address and count is checked, every object's
 * checksum is verified when it is read, and errors name the block. All sizes and
 * offsets are bytes, all times nanoseconds since 1970-01-01 UTC, all strings UTF-8.
 * Encrypted volumes and fusion containers are E_UNSUPPORTED. A container and what was
 * opened from it are not for two threads at once.
 *
 * The hashes of a sealed volume's nodes and files are compared when apfs_volume_verify
 * (seal.h) asks for it.
 */
#ifndef SIM_FORMATS_APFS_READER_H
#define SIM_FORMATS_APFS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"
#include "sim/base/idtext.h"
#include "sim/formats/apfs/raw.h"
#include "sim/formats/vdisk/vdisk.h"

#define APFS_NAME_BUF 1024 /* the longest name with its NUL */

/* ---- container ---- */

struct apfs;

/* Flags of apfs_open. */
/* For fuzzing, where no checksum and no hash would ever be right: they are not compared. */
#define APFS_SKIP_CHECKSUMS 1u

/*
 * Open the container in [offset, offset + size) of @d, at its newest intact
 * checkpoint. @d is borrowed and must outlive *ret. Close with apfs_close after all
 * volumes. E_NOTFOUND when there is no container there, E_CORRUPT when no checkpoint
 * is intact.
 */
int apfs_open(struct vdisk *d, uint64_t offset, uint64_t size, unsigned flags,
	      struct apfs **ret, struct err *e) MUST_CHECK;

/*
 * Open the container of the image @path (raw or qcow2): the first APFS partition of
 * its GPT, or a bare container.
 */
int apfs_open_path(const char *path, struct apfs **ret, struct err *e) MUST_CHECK;

/* NULL is fine. */
void apfs_close(struct apfs *c);

struct apfs_info {
	char uuid[UUID_TEXT_MAX];
	uint32_t block_size;
	uint64_t block_count;
	uint64_t free_blocks;
	uint64_t xid;               /* of the checkpoint in use */
	uint64_t newest_xid;        /* larger than xid when the newest was damaged */
	char damage[256];           /* what was wrong with the newest one, or "" */
	unsigned checkpoints;       /* superblocks with a valid checksum in the ring */
	uint64_t offset;            /* of the container in the disk */
};
void apfs_get_info(const struct apfs *c, struct apfs_info *ret);

/* ---- volumes ---- */

struct apfs_volume_info {
	unsigned slot; /* the Mac's diskNs(slot + 1) */
	char name[256];
	uint16_t role; /* APFS_ROLE_* of raw.h */
	char uuid[UUID_TEXT_MAX];
	char group[UUID_TEXT_MAX]; /* "" when in no volume group */
	bool case_sensitive;
	bool sealed;
	bool encrypted;
	uint64_t features, ro_features, incompat_features, flags;
	uint64_t xid; /* of the superblock */
	uint64_t num_files, num_dirs, num_symlinks, num_other, num_snapshots;
	uint64_t alloc_blocks;
	uint64_t next_obj_id;
	int64_t last_mod_ns, unmount_ns;
	uint64_t root_to_xid; /* the snapshot to root from, 0: the live volume */
};

/* Slots of volumes are below this; one of them may be empty. */
unsigned apfs_slots(const struct apfs *c);

/* The live superblock of the volume in @slot. E_NOTFOUND when the slot is empty. */
int apfs_volume_get_info(struct apfs *c, unsigned slot, struct apfs_volume_info *ret,
			 struct err *e) MUST_CHECK;

/*
 * The slot of the volume that @want names: its UUID, its name, its role ("System",
 * "Data", "Preboot", "Recovery", "VM", "Update", in any case) or "slot:N". A name
 * is preferred to a role.
 */
int apfs_volume_find(struct apfs *c, const char *want, unsigned *ret_slot,
		     struct err *e) MUST_CHECK;
int apfs_volume_find_role(struct apfs *c, uint16_t role, unsigned *ret_slot,
			  struct err *e) MUST_CHECK;
/* "System", or "none", or "role 0x1c0" in @buf. */
const char *apfs_role_name(uint16_t role, char buf[static 16]);

struct apfs_volume;

/*
 * Open a volume: its live state, or the snapshot called @snapshot when that is not
 * NULL. E_NOTFOUND, E_UNSUPPORTED when encrypted. Close with apfs_volume_close.
 */
int apfs_volume_open(struct apfs *c, unsigned slot, const char *snapshot,
		     struct apfs_volume **ret, struct err *e) MUST_CHECK;
/* The same, with the snapshot of the transaction @xid. */
int apfs_volume_open_xid(struct apfs *c, unsigned slot, uint64_t xid,
			 struct apfs_volume **ret, struct err *e) MUST_CHECK;
void apfs_volume_close(struct apfs_volume *v);

/* Of the opened state. Borrowed. */
const struct apfs_volume_info *apfs_volume_info_of(const struct apfs_volume *v);

struct apfs_snapshot {
	uint64_t xid;
	uint64_t sblock; /* block of the volume's superblock at that time */
	int64_t create_ns, change_ns;
	uint32_t flags;
	char name[APFS_NAME_BUF];
};
/* All snapshots by xid. The caller frees *ret with free(). */
int apfs_snapshots(struct apfs_volume *v, struct apfs_snapshot **ret, size_t *ret_n,
		   struct err *e) MUST_CHECK;

/*
 * The UUID of the snapshot that @v has open, from its extended metadata. E_NOTFOUND when
 * it has none, as before macOS 10.15, or when the live state is open.
 */
int apfs_snapshot_uuid(struct apfs_volume *v, char ret[static UUID_TEXT_MAX],
		       struct err *e) MUST_CHECK;

/* ---- files ---- */

struct apfs_inode {
	uint64_t ino;
	uint64_t parent;
	uint64_t stream;    /* id that the extents are filed under */
	uint64_t size;      /* bytes that a program reads (of a compressed file: unpacked) */
	uint64_t alloced;   /* bytes allocated for the data fork */
	bool has_stream;
	int64_t create_ns, mod_ns, change_ns, access_ns;
	uint64_t internal_flags;
	uint32_t bsd_flags;
	uint32_t uid, gid;
	uint16_t mode; /* S_IFMT and permissions */
	uint32_t nlink;     /* of a folder: 1 */
	uint32_t nchildren; /* of a folder */
	uint32_t rdev;
	uint64_t stream_size; /* of the data fork itself */
};

/* Flags of apfs_lookup. */
#define APFS_FOLLOW 1u /* follow symbolic links, the last component too */

/*
 * The file at @path, from the root of the volume; names match as the volume matches
 * them (case, normalization). Without APFS_FOLLOW no link on the way is followed.
 * Firmlinks never are. E_NOTFOUND.
 */
int apfs_lookup(struct apfs_volume *v, const char *path, unsigned flags,
		struct apfs_inode *ret, struct err *e) MUST_CHECK;

/* By number. E_NOTFOUND. */
int apfs_inode_get(struct apfs_volume *v, uint64_t ino, struct apfs_inode *ret,
		   struct err *e) MUST_CHECK;
/* The same when something on the volume refers to it: E_CORRUPT when it is not there. */
int apfs_inode_expect(struct apfs_volume *v, uint64_t ino, struct apfs_inode *ret,
		      struct err *e) MUST_CHECK;

struct apfs_dirent {
	uint64_t ino;
	uint8_t type; /* DT_DIR, DT_REG, ... of <dirent.h> */
	int64_t added_ns;
	uint64_t sibling; /* id of this link when the file has several, else 0 */
	char name[APFS_NAME_BUF];
};

/* The entry @name of folder @dir. E_NOTFOUND. */
int apfs_dir_find(struct apfs_volume *v, uint64_t dir, const char *name,
		  struct apfs_dirent *ret, struct err *e) MUST_CHECK;

/* The entries of a folder in the order of the disk (by hash of the name). */
struct apfs_dir;
int apfs_dir_open(struct apfs_volume *v, uint64_t dir, struct apfs_dir **ret,
		  struct err *e) MUST_CHECK;
/* *ret is NULL at the end; borrowed, valid until the next call. */
int apfs_dir_next(struct apfs_dir *d, const struct apfs_dirent **ret, struct err *e)
	MUST_CHECK;
void apfs_dir_close(struct apfs_dir *d);

/*
 * The content of a regular file: extents, holes, or what com.apple.decmpfs holds
 * (zlib, types 3 and 4; another type is E_UNSUPPORTED and named).
 */
struct apfs_file;
int apfs_file_open(struct apfs_volume *v, const struct apfs_inode *ino,
		   struct apfs_file **ret, struct err *e) MUST_CHECK;
/* At most @len bytes at @off; *ret_len is less only at the end of the file. */
int apfs_file_pread(struct apfs_file *f, uint64_t off, void *buf, size_t len,
		    size_t *ret_len, struct err *e) MUST_CHECK;
/* The first offset from @off on that is not in a hole; the file's size at its end. */
int apfs_file_next_data(struct apfs_file *f, uint64_t off, uint64_t *ret, struct err *e)
	MUST_CHECK;
/*
 * Where the byte at @off lies: its offset in the container, 0 when that is a hole. The
 * rest of the last block, behind the end of the file, may be asked for, too. E_UNSUPPORTED
 * for a compressed file, E_INVAL behind that.
 */
int apfs_file_locate(struct apfs_file *f, uint64_t off, uint64_t *ret, struct err *e)
	MUST_CHECK;
void apfs_file_close(struct apfs_file *f);

/* Append the whole content to @out. E_OVERFLOW when it is more than @max bytes. */
int apfs_read_inode(struct apfs_volume *v, const struct apfs_inode *ino, size_t max,
		    struct buf *out, struct err *e) MUST_CHECK;
/* The same for the file at @path, links followed. */
int apfs_read_path(struct apfs_volume *v, const char *path, size_t max, struct buf *out,
		   struct err *e) MUST_CHECK;

/* Append the target of a symbolic link to @out, without a NUL. */
int apfs_readlink(struct apfs_volume *v, const struct apfs_inode *ino, struct buf *out,
		  struct err *e) MUST_CHECK;

/* ---- extended attributes ---- */

struct apfs_xattr {
	char name[APFS_NAME_BUF];
	uint16_t flags;
	uint64_t size;
};
/* All attributes of @ino by name, the file system's own included. free() *ret. */
int apfs_xattrs(struct apfs_volume *v, uint64_t ino, struct apfs_xattr **ret,
		size_t *ret_n, struct err *e) MUST_CHECK;
/* Append the value to @out. E_NOTFOUND; E_OVERFLOW beyond @max bytes. */
int apfs_xattr_get(struct apfs_volume *v, uint64_t ino, const char *name, size_t max,
		   struct buf *out, struct err *e) MUST_CHECK;

/* ---- the tree ---- */

struct apfs_walk_entry {
	const char *path;        /* from the volume's root: "/System/Library" */
	const char *name;        /* last component, "" for the root */
	unsigned depth;          /* below the start */
	const struct apfs_inode *inode;
};
/* Return 0 to go on, APFS_WALK_SKIP not to go into this folder, else the walk ends. */
typedef int (*apfs_walk_fn)(void *ctx, const struct apfs_walk_entry *w, struct err *e);
#define APFS_WALK_SKIP 1

/*
 * Call @fn for @path and all below it, folders before their content, names in the
 * order of the disk. Ends with the first result of @fn that is negative.
 */
int apfs_walk(struct apfs_volume *v, const char *path, apfs_walk_fn fn, void *ctx,
	      struct err *e) MUST_CHECK;

#endif
