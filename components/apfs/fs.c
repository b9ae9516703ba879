/* SPDX-License-Identifier: MIT */
#include "components/apfs/fs_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "sim/formats/apfs/seal.h"

#define LINK_MAX_BYTES 4096
#define NAME_LEN_MAX   255 /* of a Mac's names, UTF-8 */

/* ---- errors ---- */

/* Who asks is told the errno; the log is told when the disk is to blame. */
static const struct {
	int sys; /* 0: as @missing says */
	bool logged;
} answers[E_CODE_MAX] = {
	[E_IO] = {EIO, true},
	[E_NOMEM] = {ENOMEM, false},
	[E_NOSPC] = {EIO, true},
	[E_CORRUPT] = {EIO, true},
	[E_UNSUPPORTED] = {ENOTSUP, true},
	[E_OVERFLOW] = {EIO, true},
	[E_NOTFOUND] = {0, false},
	[E_INVAL] = {EINVAL, false},
	[E_PERM] = {EIO, true},
	[E_BADHASH] = {EIO, true},
};

/* What the Mac's kernel says of it; the form is assumed. */
static void log_bad_hash(struct apfs_fs *fs, const struct apfs_bad_hash *bad)
{
	char line[160];

	if (bad->node)
		snprintf(line, sizeof(line),
			 "hash mismatch: node 0x%" PRIx64
			 " of the file-system tree, block %" PRIu64,
			 bad->id, bad->block);
	else
		snprintf(line, sizeof(line),
			 "hash mismatch: stream 0x%" PRIx64 ", offset %" PRIu64
			 ", block %" PRIu64,
			 bad->id, bad->offset, bad->block);
	complain(&fs->complaints, line, line);
}

/* The same block is met on the way to many files. */
static void log_error(struct apfs_fs *fs, const struct err *e)
{
	const char *where = strstr(e->msg, "block ");
	struct apfs_bad_hash bad;

	if (e->code == E_BADHASH && apfs_volume_bad_hash(fs->volume, &bad))
		log_bad_hash(fs, &bad);
	else
		complain(&fs->complaints, where ? where : e->msg, e->msg);
}

int apfs_fs_fail(struct apfs_fs *fs, struct err *e, int missing)
{
	int sys = EIO;

	if (e->code < E_CODE_MAX && (answers[e->code].sys || e->code == E_NOTFOUND))
		sys = e->code == E_NOTFOUND ? missing : answers[e->code].sys;
	if (sys == EIO || answers[e->code].logged)
		log_error(fs, e);
	err_clear(e);
	return sys;
}

/* ---- opening ---- */

static int open_volume(struct apfs_fs *fs, const struct apfs_fs_options *o, struct err *e)
{
	int r = 0;

	fs->container = o->container;
	fs->volume = o->volume;
	if (!fs->volume) {
		r = apfs_open_path(o->disk, &fs->own_container, e);
		if (!r)
			r = apfs_volume_open(fs->own_container, o->slot, o->snapshot,
					     &fs->own_volume, e);
		fs->container = fs->own_container;
		fs->volume = fs->own_volume;
	}
	if (!r)
		apfs_get_info(fs->container, &fs->info);
	return r;
}

/* A root hash that was asked for is looked at whatever the volume says of itself. */
static int check_seal(struct apfs_fs *fs, const struct apfs_fs_options *o, struct err *e)
{
	bool sealed = apfs_volume_info_of(fs->volume)->sealed;

	fs->verifies = o->root_hash || (sealed && !o->no_verify);
	return fs->verifies ? apfs_volume_verify(fs->volume, o->root_hash, e) : 0;
}

int apfs_fs_open(const struct apfs_fs_options *o, struct apfs_fs **ret, struct err *e)
{
	struct apfs_fs *fs = calloc(1, sizeof(*fs));
	struct apfs_inode root;
	int r;

	if (!fs)
		return err_set(e, E_NOMEM, "out of memory");
	fs->xattr_prefix = o->xattr_prefix ? o->xattr_prefix : "";
	fs->complaints.log = o->log;
	fs->complaints.ctx = o->log_ctx;
	snprintf(fs->complaints.device, sizeof(fs->complaints.device), "%s",
		 o->device ? o->device : "apfs");
	r = open_volume(fs, o, e);
	if (!r)
		r = check_seal(fs, o, e);
	if (!r)
		r = apfs_inode_expect(fs->volume, APFS_INO_ROOT, &root, e);
	if (r) {
		apfs_fs_close(fs);
		return r;
	}
	*ret = fs;
	return 0;
}

void apfs_fs_close(struct apfs_fs *fs)
{
	if (!fs)
		return;
	apfs_fs_close_files(fs);
	apfs_fs_close_folders(fs);
	if (fs->own_volume)
		apfs_volume_close(fs->own_volume);
	apfs_close(fs->own_container);
	free(fs);
}

bool apfs_fs_verifies(const struct apfs_fs *fs)
{
	return fs->verifies;
}

/* ---- attributes of files ---- */

static struct timespec time_of(int64_t ns)
{
	struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	if (t.tv_nsec < 0) {
		t.tv_sec--;
		t.tv_nsec += 1000000000;
	}
	return t;
}

/* A folder's link count is what a Mac says: its entries, and itself twice. */
static nlink_t links_of(const struct apfs_inode *i)
{
	return S_ISDIR(i->mode) ? (nlink_t)i->nchildren + 2 : i->nlink;
}

/* A folder's size is what a Mac says, too. */
#define FOLDER_BYTES_PER_LINK 32

/* Of a compressed file, as if it were not: programs take fewer blocks for holes. */
static blkcnt_t blocks_of(const struct apfs_inode *i)
{
	uint64_t bytes = i->bsd_flags & APFS_UF_COMPRESSED ? i->size : i->alloced;

	return (blkcnt_t)(bytes / 512 + !!(bytes % 512));
}

static void fill_stat(const struct apfs_inode *i, struct stat *st)
{
	*st = (struct stat){
		.st_ino = i->ino,
		.st_mode = i->mode,
		.st_nlink = links_of(i),
		.st_uid = i->uid,
		.st_gid = i->gid,
		/* A Mac's dev_t has 8 bits of major and 24 of minor number. */
		.st_rdev = makedev(i->rdev >> 24, i->rdev & 0xffffff),
		.st_size = (off_t)(S_ISDIR(i->mode) ? links_of(i) * FOLDER_BYTES_PER_LINK
						    : i->size),
		.st_blksize = APFS_BLOCK_SIZE,
		.st_blocks = blocks_of(i),
		.st_atim = time_of(i->access_ns),
		.st_mtim = time_of(i->mod_ns),
		.st_ctim = time_of(i->change_ns),
	};
}

int apfs_fs_stat(struct apfs_fs *fs, uint64_t ino, struct stat *ret)
{
	struct err e = ERR_INIT;
	struct apfs_inode i;

	if (apfs_inode_get(fs->volume, ino, &i, &e))
		return apfs_fs_fail(fs, &e, ENOENT);
	fill_stat(&i, ret);
	return 0;
}

/* The folder above @dir; above the root is the root. */
static int parent_of(struct apfs_fs *fs, uint64_t dir, uint64_t *ret, struct err *e)
{
	struct apfs_inode i;
	int r = 0;

	*ret = dir;
	if (dir != APFS_INO_ROOT) {
		r = apfs_inode_get(fs->volume, dir, &i, e);
		*ret = i.parent;
	}
	return r;
}

static int number_of(struct apfs_fs *fs, uint64_t dir, const char *name, uint64_t *ret,
		     struct err *e)
{
	struct apfs_dirent ent;
	int r = 0;

	*ret = dir;
	if (!strcmp(name, "."))
		return 0;
	if (!strcmp(name, ".."))
		return parent_of(fs, dir, ret, e);
	r = apfs_dir_find(fs->volume, dir, name, &ent, e);
	*ret = ent.ino;
	return r;
}

int apfs_fs_lookup(struct apfs_fs *fs, uint64_t dir, const char *name, struct stat *ret)
{
	struct err e = ERR_INIT;
	struct apfs_inode i;
	uint64_t ino;

	if (strlen(name) >= APFS_NAME_BUF)
		return ENAMETOOLONG;
	if (number_of(fs, dir, name, &ino, &e)) {
		/* What is no UTF-8 is no name. */
		return e.code == E_INVAL ? EILSEQ : apfs_fs_fail(fs, &e, ENOENT);
	}
	if (apfs_inode_expect(fs->volume, ino, &i, &e))
		return apfs_fs_fail(fs, &e, EIO);
	fill_stat(&i, ret);
	return 0;
}

int apfs_fs_readlink(struct apfs_fs *fs, uint64_t ino, struct buf *target)
{
	struct err e = ERR_INIT;
	struct apfs_inode i;
	int r = apfs_inode_get(fs->volume, ino, &i, &e);

	if (!r)
		r = apfs_readlink(fs->volume, &i, target, &e);
	return r ? apfs_fs_fail(fs, &e, ENOENT) : 0;
}

void apfs_fs_statvfs(const struct apfs_fs *fs, struct statvfs *ret)
{
	const struct apfs_volume_info *v = apfs_volume_info_of(fs->volume);

	*ret = (struct statvfs){
		.f_bsize = APFS_BLOCK_SIZE,
		.f_frsize = APFS_BLOCK_SIZE,
		.f_blocks = fs->info.block_count,
		.f_bfree = fs->info.free_blocks,
		.f_bavail = fs->info.free_blocks,
		.f_files = v->num_files + v->num_dirs + v->num_symlinks + v->num_other,
		.f_flag = ST_RDONLY,
		.f_namemax = NAME_LEN_MAX,
	};
}
