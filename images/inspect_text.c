/* SPDX-License-Identifier: MIT */
/* What is on a disk, as text. */
#include "images/inspect.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/evp.h>

#include "sim/base/idtext.h"

#define XATTR_MAX (64u << 20)
#define PIECE     (1u << 20)

/* Names as ls -lO of a Mac shows them (xnu, bsd/sys/stat.h). */
static const struct {
	uint32_t flag;
	const char *name;
} flag_names[] = {
	{0x00000001, "nodump"},     {0x00000002, "uchg"},     {0x00000004, "uappnd"},
	{0x00000008, "opaque"},     {0x00000020, "compressed"}, {0x00000080, "datavault"},
	{0x00008000, "hidden"},     {0x00010000, "arch"},     {0x00020000, "schg"},
	{0x00040000, "sappnd"},     {0x00080000, "restricted"}, {0x00100000, "sunlnk"},
	{0x00800000, "firmlink"},   {0x40000000, "dataless"},
};
#define N_FLAGS (sizeof(flag_names) / sizeof(flag_names[0]))

static int put_flags(struct buf *out, uint32_t flags, struct err *e)
{
	const char *comma = "";
	int r = 0;

	if (!flags)
		return buf_printf(out, e, "-");
	for (size_t i = 0; i < N_FLAGS && !r; i++) {
		if (!(flags & flag_names[i].flag))
			continue;
		r = buf_printf(out, e, "%s%s", comma, flag_names[i].name);
		flags &= ~flag_names[i].flag;
		comma = ",";
	}
	if (!r && flags)
		r = buf_printf(out, e, "%s%#x", comma, flags);
	return r;
}

static char type_char(uint16_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFREG:
		return '-';
	case S_IFLNK:
		return 'l';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	default:
		return '?';
	}
}

static void format_mode(uint16_t mode, char out[static 11])
{
	static const char letters[] = "rwxrwxrwx";

	out[0] = type_char(mode);
	for (int i = 0; i < 9; i++)
		out[i + 1] = mode & 0400 >> i ? letters[i] : '-';
	if (mode & S_ISUID)
		out[3] = mode & S_IXUSR ? 's' : 'S';
	if (mode & S_ISGID)
		out[6] = mode & S_IXGRP ? 's' : 'S';
	if (mode & S_ISVTX)
		out[9] = mode & S_IXOTH ? 't' : 'T';
	out[10] = '\0';
}

static int put_time(struct buf *out, int64_t ns, bool fraction, struct err *e)
{
	time_t s = (time_t)(ns / 1000000000);
	long rest = (long)(ns % 1000000000);
	struct tm tm;

	if (rest < 0) {
		rest += 1000000000;
		s--;
	}
	if (!gmtime_r(&s, &tm))
		return buf_printf(out, e, "?");
	if (fraction)
		return buf_printf(out, e, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ",
				  tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
				  tm.tm_min, tm.tm_sec, rest);
	return buf_printf(out, e, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
			  tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Everything of a line before the name. */
static int put_inode(struct buf *out, const struct apfs_inode *i, bool fraction,
		     struct err *e)
{
	char mode[11];
	int r;

	format_mode(i->mode, mode);
	r = buf_printf(out, e, "%s %u %u:%u ", mode, i->nlink, i->uid, i->gid);
	if (!r)
		r = put_flags(out, i->bsd_flags, e);
	if (!r)
		r = buf_printf(out, e, " %" PRIu64 " ", i->size);
	if (!r)
		r = put_time(out, i->mod_ns, fraction, e);
	return r;
}

int inspect_ls(struct inspect *in, const char *place, struct buf *out, struct err *e)
{
	struct inspect_entry *list;
	struct apfs_volume *v;
	const char *path;
	size_t n;
	int r = inspect_place(in, place, &v, &path, e);

	if (!r)
		r = inspect_list(in, place, &list, &n, e);
	if (r)
		return r;
	for (size_t i = 0; i < n && !r; i++) {
		r = put_inode(out, &list[i].inode, false, e);
		if (!r)
			r = buf_printf(out, e, " %s", list[i].name);
		if (!r && S_ISLNK(list[i].inode.mode)) {
			r = buf_printf(out, e, " -> ");
			if (!r)
				r = apfs_readlink(v, &list[i].inode, out, e);
		}
		if (!r)
			r = buf_printf(out, e, "\n");
	}
	free(list);
	return r;
}

/* ---- the tree ---- */

struct line {
	char *path, *text; /* owned */
};

struct tree {
	struct apfs_volume *v;
	bool hashes;
	struct line *lines;
	size_t n;
	uint8_t *piece;
};

static int put_digest(struct buf *out, EVP_MD_CTX *md, struct err *e)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char text[SHA256_TEXT_MAX];

	if (EVP_DigestFinal_ex(md, digest, NULL) != 1)
		return err_set(e, E_INFRA, "SHA-256 failed");
	hex_text(digest, SHA256_TEXT_MAX / 2, text);
	return buf_append(out, text, SHA256_TEXT_MAX - 1, e);
}

static int hash_file(struct tree *t, EVP_MD_CTX *md, const struct apfs_inode *ino,
		     struct err *e)
{
	struct apfs_file *f = NULL;
	uint64_t off = 0;
	size_t n = 1;
	int r = apfs_file_open(t->v, ino, &f, e);

	while (!r && n) {
		r = apfs_file_pread(f, off, t->piece, PIECE, &n, e);
		if (!r && EVP_DigestUpdate(md, t->piece, n) != 1)
			r = err_set(e, E_INFRA, "SHA-256 failed");
		off += n;
	}
	apfs_file_close(f);
	return r;
}

static int put_content(struct tree *t, struct buf *out, const struct apfs_inode *ino,
		       struct err *e)
{
	EVP_MD_CTX *md;
	int r;

	if (S_ISLNK(ino->mode)) {
		r = buf_printf(out, e, " -> ");
		return r ? r : apfs_readlink(t->v, ino, out, e);
	}
	if (!S_ISREG(ino->mode) || !t->hashes)
		return 0;
	md = EVP_MD_CTX_new();
	if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		r = err_set(e, E_INFRA, "SHA-256 failed");
	else
		r = buf_printf(out, e, " ");
	if (!r)
		r = hash_file(t, md, ino, e);
	if (!r)
		r = put_digest(out, md, e);
	EVP_MD_CTX_free(md);
	return r;
}

/* " name=hex" for short values, " name=<n bytes, SHA-256>" for others. */
static int put_xattr(struct tree *t, struct buf *out, uint64_t ino,
		     const struct apfs_xattr *x, struct err *e)
{
	struct buf value = BUF_INIT;
	char text[SHA256_TEXT_MAX];
	int r = apfs_xattr_get(t->v, ino, x->name, XATTR_MAX, &value, e);

	if (!r)
		r = buf_printf(out, e, " %s=%" PRIu64 ":", x->name, x->size);
	if (!r)
		r = sha256_text(buf_str(&value), value.len, text, e);
	if (!r)
		r = buf_append(out, text, SHA256_TEXT_MAX - 1, e);
	buf_release(&value);
	return r;
}

static int put_xattrs(struct tree *t, struct buf *out, uint64_t ino, struct err *e)
{
	struct apfs_xattr *list;
	size_t n;
	int r = apfs_xattrs(t->v, ino, &list, &n, e);

	if (r)
		return r;
	for (size_t i = 0; i < n && !r; i++)
		if (strcmp(list[i].name, APFS_XATTR_NAME_SYMLINK) != 0)
			r = put_xattr(t, out, ino, &list[i], e);
	free(list);
	return r;
}

static int add_line(void *ctx, const struct apfs_walk_entry *w, struct err *e)
{
	struct tree *t = ctx;
	struct line *p = reallocarray(t->lines, t->n + 1, sizeof(*p));
	struct buf text = BUF_INIT;
	int r;

	if (!p)
		return err_set(e, E_NOMEM, "listing: out of memory");
	t->lines = p;
	r = put_inode(&text, w->inode, true, e);
	if (!r)
		r = buf_printf(&text, e, " %s", w->path);
	if (!r)
		r = put_content(t, &text, w->inode, e);
	if (!r)
		r = put_xattrs(t, &text, w->inode->ino, e);
	if (!r)
		r = buf_append(&text, "\n", 2, e);
	p += t->n;
	p->path = r ? NULL : strdup(w->path);
	if (!p->path) {
		buf_release(&text);
		return r ? r : err_set(e, E_NOMEM, "listing: out of memory");
	}
	p->text = (char *)buf_steal(&text, NULL);
	t->n++;
	return 0;
}

static int cmp_lines(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return strcmp(x->path, y->path);
}

int inspect_tree(struct inspect *in, const char *place, bool hashes, struct buf *out,
		 struct err *e)
{
	struct tree t = {.hashes = hashes};
	const char *path;
	int r = inspect_place(in, place, &t.v, &path, e);

	if (r)
		return r;
	t.piece = malloc(PIECE);
	if (!t.piece)
		return err_set(e, E_NOMEM, "listing: out of memory");
	r = apfs_walk(t.v, path, add_line, &t, e);
	if (t.n)
		qsort(t.lines, t.n, sizeof(*t.lines), cmp_lines);
	for (size_t i = 0; i < t.n; i++) {
		if (!r)
			r = buf_append(out, t.lines[i].text, strlen(t.lines[i].text), e);
		free(t.lines[i].path);
		free(t.lines[i].text);
	}
	free(t.lines);
	free(t.piece);
	return r;
}
