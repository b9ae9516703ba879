/* SPDX-License-Identifier: MIT */
#include "sim/carrier/initramfs.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "sim/base/fsio.h"

#define FILE_CONTENT_MAX (256u << 20)
#define ENTRIES_MAX      65536

/* Entries in the order of the archive: folders that nobody named are added. */
struct plan {
	struct initramfs_file *files;
	char **made; /* paths of the added folders, owned */
	size_t n, n_made;
};

static void plan_release(struct plan *p)
{
	for (size_t i = 0; i < p->n_made; i++)
		free(p->made[i]);
	free(p->made);
	free(p->files);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct initramfs_file *)a)->path,
		      ((const struct initramfs_file *)b)->path);
}

static bool planned(const struct plan *p, const char *path, size_t len)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strncmp(p->files[i].path, path, len) && !p->files[i].path[len])
			return true;
	return false;
}

static int plan_parents(struct plan *p, const char *path, struct err *e)
{
	const char *slash = path;

	while ((slash = strchr(slash + 1, '/'))) {
		size_t len = (size_t)(slash - path);
		char *dir;

		if (planned(p, path, len))
			continue;
		dir = strndup(path, len);
		if (!dir)
			return err_set(e, E_NOMEM, "out of memory");
		p->made[p->n_made++] = dir;
		p->files[p->n++] =
			(struct initramfs_file){.path = dir, .mode = S_IFDIR | 0755};
	}
	return 0;
}

static size_t depth(const char *path)
{
	size_t n = 0;

	while ((path = strchr(path + 1, '/')))
		n++;
	return n;
}

static int plan_make(struct plan *p, const struct initramfs_file *files, size_t n,
		     struct err *e)
{
	size_t room = n, r_n = 0;
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		if (files[i].path[0] != '/' || strlen(files[i].path) >= PATH_MAX)
			return err_set(e, E_INVAL, "initramfs: bad path '%s'",
				       files[i].path);
		r_n += depth(files[i].path);
	}
	room += r_n;
	if (room > ENTRIES_MAX)
		return err_set(e, E_OVERFLOW, "initramfs: more than %d entries",
			       ENTRIES_MAX);
	p->files = calloc(room + 1, sizeof(*p->files));
	p->made = calloc(r_n + 1, sizeof(*p->made));
	if (!p->files || !p->made)
		return err_set(e, E_NOMEM, "out of memory");
	if (n)
		memcpy(p->files, files, n * sizeof(*files));
	p->n = n;
	for (size_t i = 0; !r && i < n; i++)
		r = plan_parents(p, files[i].path, e);
	if (r)
		return r;
	qsort(p->files, p->n, sizeof(*p->files), by_path);
	for (size_t i = 1; i < p->n; i++)
		if (!by_path(&p->files[i - 1], &p->files[i]))
			return err_set(e, E_EXISTS, "initramfs: %s is there twice",
				       p->files[i].path);
	return 0;
}

static int pad4(struct buf *out, struct err *e)
{
	return buf_append_zeros(out, -out->len & 3, e);
}

/* "newc": the magic and 13 numbers of 8 hexadecimal digits, then the name with a NUL. */
static int put_header(struct buf *out, unsigned ino, mode_t mode, dev_t rdev,
		      size_t size, const char *name, struct err *e)
{
	const unsigned fields[] = {
		ino, mode, 0, 0, S_ISDIR(mode) ? 2 : 1, 0, (unsigned)size,
		0, 0, major(rdev), minor(rdev), (unsigned)strlen(name) + 1, 0,
	};
	int r = buf_printf(out, e, "070701");

	for (size_t i = 0; !r && i < sizeof(fields) / sizeof(*fields); i++)
		r = buf_printf(out, e, "%08X", fields[i]);
	if (!r)
		r = buf_append(out, name, strlen(name) + 1, e);
	return r ? r : pad4(out, e);
}

static int put_entry(struct buf *out, unsigned ino, const struct initramfs_file *f,
		     struct err *e)
{
	struct buf content = BUF_INIT;
	mode_t mode = f->mode & S_IFMT ? f->mode : S_IFREG | f->mode;
	int r = 0;

	if (S_ISLNK(mode))
		r = buf_append(&content, f->host_path, strlen(f->host_path), e);
	else if (S_ISREG(mode) && f->host_path)
		r = fsio_read(f->host_path, FILE_CONTENT_MAX, &content, e);
	if (!r)
		r = put_header(out, ino, mode, f->rdev, content.len, f->path + 1, e);
	if (!r)
		r = buf_append(out, content.data, content.len, e);
	if (!r)
		r = pad4(out, e);
	buf_release(&content);
	return r ? err_ctx(e, "initramfs") : 0;
}

int initramfs_build(const struct initramfs_file *files, size_t n, struct buf *out,
		    struct err *e)
{
	struct plan p = {NULL, NULL, 0, 0};
	int r = plan_make(&p, files, n, e);

	if (!r)
		r = pad4(out, e);
	for (size_t i = 0; !r && i < p.n; i++)
		r = put_entry(out, (unsigned)i + 1, &p.files[i], e);
	if (!r)
		r = put_header(out, 0, 0, 0, 0, "TRAILER!!!", e);
	plan_release(&p);
	return r;
}
