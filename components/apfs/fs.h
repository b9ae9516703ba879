/* SPDX-License-Identifier: MIT */
/*
 * One state of an APFS volume as a read-only file system: what the FUSE server answers
 * (serve.h), without FUSE.
 *
 * Files are known by their APFS inode number; the root is APFS_INO_ROOT. A call that
 * asks for a file returns 0 or an errno for the one who asked, and nothing else stops:
 * what is wrong with the disk is an EIO and one line of the log, however often the same
 * place is read. A state never changes, so answers may be kept for good.
 *
 * Names match as the volume matches them. Compressed files are served unpacked, without
 * the attributes that hold their data; attributes that the file system owns are hidden,
 * as on a Mac. Firmlinks are the folders that they are on the disk.
 *
 * Not for two threads at once.
 */
#ifndef COMPONENTS_APFS_FS_H
#define COMPONENTS_APFS_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

struct apfs_fs;

struct apfs_fs_options {
	/* What somebody opened, borrowed until apfs_fs_close; or what is to be opened: */
	struct apfs *container;
	struct apfs_volume *volume;
	const char *disk;     /* a GPT or a bare container; raw, qcow2, or a device */
	unsigned slot;	      /* of the volume */
	const char *snapshot; /* NULL: the live state */
	bool no_verify;	      /* hand out what a sealed state has without checking it */
	const uint8_t *root_hash; /* 32 bytes that it must have, sealed or not; or NULL */
	const char *device;	  /* what the log calls it: "disk3s1" */
	/* Attribute NAME is shown as this and NAME: "osx." as by the kernel's driver;
	 * NULL: "". */
	const char *xattr_prefix;
	/* One line without a newline, as the Mac's apfs.kext would say it. May be NULL.
	 */
	void (*log)(void *ctx, const char *line);
	void *log_ctx;
};

/*
 * Open a state. Strings and root_hash are borrowed only until this returns, but
 * xattr_prefix until apfs_fs_close. When the state is sealed it is checked, unless
 * no_verify: its root node here, all else before it is handed out. E_BADHASH when the
 * root hash is not right or the seal is broken: then nothing is served at all; E_INVAL
 * when there should be a root hash and the state is not sealed. Close with apfs_fs_close.
 */
int apfs_fs_open(const struct apfs_fs_options *o, struct apfs_fs **ret,
		 struct err *e) MUST_CHECK;
/* NULL is fine. */
void apfs_fs_close(struct apfs_fs *fs);

/* Is what is handed out checked against the seal? */
bool apfs_fs_verifies(const struct apfs_fs *fs);

int apfs_fs_stat(struct apfs_fs *fs, uint64_t ino, struct stat *ret);
/* The entry @name of folder @dir; ENOENT. "." and ".." are found too. */
int apfs_fs_lookup(struct apfs_fs *fs, uint64_t dir, const char *name, struct stat *ret);
int apfs_fs_readlink(struct apfs_fs *fs, uint64_t ino, struct buf *target);
void apfs_fs_statvfs(const struct apfs_fs *fs, struct statvfs *ret);

/* At most @len bytes at @off; *ret_len is less only at the end of the file. */
int apfs_fs_read(struct apfs_fs *fs, uint64_t ino, uint64_t off, void *buf, size_t len,
		 size_t *ret_len);

/* An entry of a folder. @next: where to go on behind it. False: no room for this one. */
typedef bool (*apfs_fs_entry_fn)(void *ctx, const char *name, uint64_t ino, uint8_t type,
				 uint64_t next);
/*
 * The entries of folder @ino from @off on: 0 for all of them, else a @next. "." and ".."
 * come first. An error behind entries that were handed out is told by the next call.
 */
int apfs_fs_readdir(struct apfs_fs *fs, uint64_t ino, uint64_t off, apfs_fs_entry_fn fn,
		    void *ctx);

/* Append the names, each with a NUL. */
int apfs_fs_listxattr(struct apfs_fs *fs, uint64_t ino, struct buf *names);
/* ENODATA; ERANGE beyond @max bytes. *ret_size is the value's whole size. */
int apfs_fs_getxattr(struct apfs_fs *fs, uint64_t ino, const char *name, size_t max,
		     struct buf *value, size_t *ret_size);

#endif
