/* SPDX-License-Identifier: MIT */
#include "components/apfs/requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "components/apfs/serve.h"
#include "sim/formats/apfs/raw.h"

/* Answers never get old: a year, in seconds. */
#define FOR_GOOD (365.0 * 24 * 60 * 60)

int requests_init(struct requests *q, struct apfs_fs *fs, struct err *e)
{
	q->fs = fs;
	q->room = malloc(SERVE_READ_MAX);
	return q->room ? 0 : err_set(e, E_NOMEM, "out of memory");
}

void requests_release(struct requests *q)
{
	free(q->room);
	q->room = NULL;
}

static struct requests *of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static uint64_t to_apfs(fuse_ino_t node)
{
	return node == FUSE_ROOT_ID ? APFS_INO_ROOT : node;
}

static fuse_ino_t to_fuse(uint64_t ino)
{
	return ino == APFS_INO_ROOT ? FUSE_ROOT_ID : ino;
}

static struct fuse_entry_param entry_of(const struct stat *st)
{
	return (struct fuse_entry_param){
		.ino = to_fuse(st->st_ino),
		.generation = 1,
		.attr = *st,
		.attr_timeout = FOR_GOOD,
		.entry_timeout = FOR_GOOD,
	};
}

static void init(void *arg, struct fuse_conn_info *conn)
{
	const unsigned want = FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS |
			      FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_EXPORT_SUPPORT |
			      FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO;

	(void)arg;
	conn->want |= conn->capable & want;
	/* Times that changed would tell of changed data; they cannot. */
	conn->want &= ~FUSE_CAP_AUTO_INVAL_DATA;
}

static void lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry;
	struct stat st;
	int r = apfs_fs_lookup(of(req)->fs, to_apfs(parent), name, &st);

	if (!r)
		entry = entry_of(&st);
	else /* That it is not there can be kept as well: a number of 0 says so. */
		entry = (struct fuse_entry_param){.entry_timeout = FOR_GOOD};
	if (r && r != ENOENT)
		fuse_reply_err(req, r);
	else
		fuse_reply_entry(req, &entry);
}

static void getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct stat st;
	int r = apfs_fs_stat(of(req)->fs, to_apfs(node), &st);

	(void)fi;
	if (r)
		fuse_reply_err(req, r);
	else
		fuse_reply_attr(req, &st, FOR_GOOD);
}

static void readlink_of(fuse_req_t req, fuse_ino_t node)
{
	struct buf target = BUF_INIT;
	int r = apfs_fs_readlink(of(req)->fs, to_apfs(node), &target);

	if (r)
		fuse_reply_err(req, r);
	else
		fuse_reply_readlink(req, buf_str(&target));
	buf_release(&target);
}

/*
 * "Not implemented" for open and opendir tells the kernel to do without, and to keep
 * pages and listings: a program that was started once is started again without a word
 * to us.
 */
static void open_of(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	(void)node;
	(void)fi;
	fuse_reply_err(req, ENOSYS);
}

static void read_of(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	struct requests *q = of(req);
	size_t got = 0;
	int r;

	(void)fi;
	if (size > SERVE_READ_MAX)
		size = SERVE_READ_MAX;
	r = apfs_fs_read(q->fs, to_apfs(node), (uint64_t)off, q->room, size, &got);
	/* A short answer would mean the end of the file, so it is all or an error. */
	if (r)
		fuse_reply_err(req, r);
	else
		fuse_reply_buf(req, q->room, got);
}

/* ---- folders ---- */

struct listing {
	fuse_req_t req;
	char *room;
	size_t size, len;
};

static bool add_entry(void *ctx, const char *name, uint64_t ino, uint8_t type,
		      uint64_t next)
{
	struct listing *l = ctx;
	struct stat st = {.st_ino = ino, .st_mode = (mode_t)type << 12};
	size_t n = fuse_add_direntry(l->req, l->room + l->len, l->size - l->len, name,
				     &st, (off_t)next);

	if (n > l->size - l->len)
		return false;
	l->len += n;
	return true;
}

/* Without a number of FUSE the kernel takes the name and asks for the rest later. */
static struct fuse_entry_param bare_entry(uint64_t ino, uint8_t type)
{
	return (struct fuse_entry_param){
		.attr = {.st_ino = ino, .st_mode = (mode_t)type << 12}};
}

static bool add_entry_plus(void *ctx, const char *name, uint64_t ino, uint8_t type,
			   uint64_t next)
{
	struct fuse_entry_param entry = bare_entry(ino, type);
	bool dots = !strcmp(name, ".") || !strcmp(name, "..");
	struct listing *l = ctx;
	struct stat st;
	size_t n;

	/* What is wrong with one file is no reason not to list the others. */
	if (!dots && !apfs_fs_stat(of(l->req)->fs, ino, &st))
		entry = entry_of(&st);
	n = fuse_add_direntry_plus(l->req, l->room + l->len, l->size - l->len, name,
				   &entry, (off_t)next);
	if (n > l->size - l->len)
		return false;
	l->len += n;
	return true;
}

static void list(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
		 apfs_fs_entry_fn fn)
{
	struct requests *q = of(req);
	struct listing l = {
		.req = req,
		.room = q->room,
		.size = size < SERVE_READ_MAX ? size : SERVE_READ_MAX,
	};
	int r = apfs_fs_readdir(q->fs, to_apfs(node), (uint64_t)off, fn, &l);

	if (r)
		fuse_reply_err(req, r);
	else
		fuse_reply_buf(req, l.room, l.len);
}

static void readdir_of(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	(void)fi;
	list(req, node, size, off, add_entry);
}

static void readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
			struct fuse_file_info *fi)
{
	(void)fi;
	list(req, node, size, off, add_entry_plus);
}

/* ---- the rest ---- */

static void statfs_of(fuse_req_t req, fuse_ino_t node)
{
	struct statvfs s;

	(void)node;
	apfs_fs_statvfs(of(req)->fs, &s);
	fuse_reply_statfs(req, &s);
}

/* Of a size of 0 only the length is wanted, else all of it has to fit. */
static void reply_xattr(fuse_req_t req, int r, const struct buf *b, size_t len,
			size_t size)
{
	if (!r && size && len > size)
		r = ERANGE;
	if (r)
		fuse_reply_err(req, r);
	else if (size)
		fuse_reply_buf(req, (const char *)b->data, b->len);
	else
		fuse_reply_xattr(req, len);
}

static void getxattr_of(fuse_req_t req, fuse_ino_t node, const char *name, size_t size)
{
	struct buf value = BUF_INIT;
	size_t len = 0;
	int r = apfs_fs_getxattr(of(req)->fs, to_apfs(node), name, size, &value, &len);

	reply_xattr(req, r, &value, len, size);
	buf_release(&value);
}

static void listxattr_of(fuse_req_t req, fuse_ino_t node, size_t size)
{
	struct buf names = BUF_INIT;
	int r = apfs_fs_listxattr(of(req)->fs, to_apfs(node), &names);

	reply_xattr(req, r, &names, names.len, size);
	buf_release(&names);
}

const struct fuse_lowlevel_ops requests_ops = {
	.init = init,
	.lookup = lookup,
	.getattr = getattr,
	.readlink = readlink_of,
	.open = open_of,
	.read = read_of,
	.opendir = open_of,
	.readdir = readdir_of,
	.readdirplus = readdirplus,
	.statfs = statfs_of,
	.getxattr = getxattr_of,
	.listxattr = listxattr_of,
};
