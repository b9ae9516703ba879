/* SPDX-License-Identifier: MIT */
/* Inside of fs.h. */
#ifndef COMPONENTS_APFS_FS_IMPL_H
#define COMPONENTS_APFS_FS_IMPL_H

#include "components/apfs/complaints.h"
#include "components/apfs/fs.h"
#include "sim/formats/apfs/reader.h"

/*
 * Files and folders that were read last stay open: FUSE names them by number alone, and
 * a program reads from front to back. An open file that is compressed is held unpacked,
 * up to 4 MiB of it, so there are few.
 */
#define OPEN_FILES   8
#define OPEN_FOLDERS 8

struct open_file {
	uint64_t ino; /* 0: free */
	uint64_t used;
	struct apfs_file *file;
};

/* A folder, and the place in it where the last listing of it ended. */
struct open_folder {
	uint64_t ino; /* 0: free */
	uint64_t used;
	uint64_t pos; /* of the entry that comes next, counted from 0 */
	bool ahead;   /* it is in @next: it was read, but there was no room for it */
	struct apfs_dirent next;
	struct apfs_dir *dir;
};

struct apfs_fs {
	struct apfs *container, *own_container;
	struct apfs_volume *volume, *own_volume;
	struct apfs_info info;
	bool verifies;
	const char *xattr_prefix;
	struct complaints complaints;
	struct open_file files[OPEN_FILES];
	struct open_folder folders[OPEN_FOLDERS];
	uint64_t clock; /* of use */
};

/*
 * The errno for @e, which is cleared. What the disk is to blame for is logged. @missing
 * is for E_NOTFOUND: ENOENT, ENODATA.
 */
int apfs_fs_fail(struct apfs_fs *fs, struct err *e, int missing);

void apfs_fs_close_files(struct apfs_fs *fs);
void apfs_fs_close_folders(struct apfs_fs *fs);

#endif
