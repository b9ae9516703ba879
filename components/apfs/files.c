/* SPDX-License-Identifier: MIT */
/* The content of files, and of folders. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "components/apfs/fs_impl.h"

/* ---- files ---- */

static void forget_file(struct open_file *f)
{
	apfs_file_close(f->file);
	*f = (struct open_file){.ino = 0};
}

void apfs_fs_close_files(struct apfs_fs *fs)
{
	for (size_t i = 0; i < OPEN_FILES; i++)
		forget_file(&fs->files[i]);
}

static int open_file(struct apfs_fs *fs, uint64_t ino, struct open_file *f, struct err *e)
{
	struct apfs_inode i;
	int r;

	forget_file(f);
	r = apfs_inode_get(fs->volume, ino, &i, e);
	if (!r)
		r = apfs_file_open(fs->volume, &i, &f->file, e);
	if (!r)
		f->ino = ino;
	return r;
}

/* The open file @ino: kept from the last time, or in place of the least used one. */
static int take_file(struct apfs_fs *fs, uint64_t ino, struct apfs_file **ret,
		     struct err *e)
{
	struct open_file *f = &fs->files[0];
	int r = 0;

	for (size_t i = 0; i < OPEN_FILES && f->ino != ino; i++)
		if (fs->files[i].ino == ino || fs->files[i].used < f->used)
			f = &fs->files[i];
	if (f->ino != ino)
		r = open_file(fs, ino, f, e);
	f->used = ++fs->clock;
	*ret = f->file;
	return r;
}

int apfs_fs_read(struct apfs_fs *fs, uint64_t ino, uint64_t off, void *buf, size_t len,
		 size_t *ret_len)
{
	struct err e = ERR_INIT;
	struct apfs_file *file;
	int r = take_file(fs, ino, &file, &e);

	if (!r)
		r = apfs_file_pread(file, off, buf, len, ret_len, &e);
	return r ? apfs_fs_fail(fs, &e, ENOENT) : 0;
}

/* ---- folders ---- */

static void forget_folder(struct open_folder *f)
{
	apfs_dir_close(f->dir);
	*f = (struct open_folder){.ino = 0};
}

void apfs_fs_close_folders(struct apfs_fs *fs)
{
	for (size_t i = 0; i < OPEN_FOLDERS; i++)
		forget_folder(&fs->folders[i]);
}

/* The entry at f->pos into f->next; .ahead is false at the end. */
static int look_ahead(struct open_folder *f, struct err *e)
{
	const struct apfs_dirent *ent;
	int r;

	if (f->ahead)
		return 0;
	r = apfs_dir_next(f->dir, &ent, e);
	if (r || !ent)
		return r;
	f->next = *ent;
	f->ahead = true;
	return 0;
}

static void step(struct open_folder *f)
{
	f->ahead = false;
	f->pos++;
}

/* Open @ino and go to entry @pos, or to the end when there are fewer. */
static int open_at(struct apfs_fs *fs, struct open_folder *f, uint64_t ino, uint64_t pos,
		   struct err *e)
{
	int r;

	forget_folder(f);
	r = apfs_dir_open(fs->volume, ino, &f->dir, e);
	if (r)
		return r;
	f->ino = ino;
	while (!(r = look_ahead(f, e)) && f->ahead && f->pos < pos)
		step(f);
	return r;
}

static int take_folder(struct apfs_fs *fs, uint64_t ino, uint64_t pos,
		       struct open_folder **ret, struct err *e)
{
	struct open_folder *f = &fs->folders[0];
	int r = 0;

	for (size_t i = 0; i < OPEN_FOLDERS; i++) {
		struct open_folder *o = &fs->folders[i];

		if (o->ino == ino && o->pos == pos) {
			f = o;
			break;
		}
		if (o->used < f->used)
			f = o;
	}
	if (f->ino != ino || f->pos != pos)
		r = open_at(fs, f, ino, pos, e);
	f->used = ++fs->clock;
	*ret = f;
	return r;
}

/* Offsets 0 and 1 are "." and "..", entry @pos of the disk is at @pos + DOTS. */
#define DOTS 2

static int list_dots(struct apfs_fs *fs, uint64_t ino, uint64_t *off, apfs_fs_entry_fn fn,
		     void *ctx, bool *full)
{
	static const char *const names[DOTS] = {".", ".."};

	for (; *off < DOTS && !*full; *off += !*full) {
		struct stat st;
		int r = apfs_fs_lookup(fs, ino, names[*off], &st);

		if (r)
			return r;
		*full = !fn(ctx, names[*off], st.st_ino, DT_DIR, *off + 1);
	}
	return 0;
}

int apfs_fs_readdir(struct apfs_fs *fs, uint64_t ino, uint64_t off, apfs_fs_entry_fn fn,
		    void *ctx)
{
	struct err e = ERR_INIT;
	struct open_folder *f;
	bool full = false;
	uint64_t pos;
	int r = list_dots(fs, ino, &off, fn, ctx, &full);

	if (r || full)
		return r;
	pos = off - DOTS;
	r = take_folder(fs, ino, pos, &f, &e);
	while (!r && !(r = look_ahead(f, &e)) && f->ahead &&
	       fn(ctx, f->next.name, f->next.ino, f->next.type, f->pos + DOTS + 1))
		step(f);
	if (!r)
		return 0;
	/* Entries before the error were handed out: the next call meets it again. */
	full = f->ino == ino && f->pos > pos;
	forget_folder(f);
	return full ? (err_clear(&e), 0) : apfs_fs_fail(fs, &e, ENOENT);
}
