/* SPDX-License-Identifier: MIT */
#include "sim/formats/ustar/ustar.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/fsio.h"

#define BLOCK         512
#define FILE_SIZE_MAX 0x1ffffffffull /* eleven octal digits */
#define DEPTH_MAX     32

/* The header of POSIX.1-1988, all text. */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
	char type, target[100], magic[6], version[2], uname[32], gname[32];
	char devmajor[8], devminor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

/* A path over 100 bytes is split at a slash into prefix and name. */
static int set_path(struct header *h, const char *path, struct err *e)
{
	size_t len = strlen(path);
	const char *slash;

	if (len == 0 || path[0] == '/')
		return err_set(e, E_INVAL, "tar: bad path '%s'", path);
	if (len <= sizeof(h->name)) {
		memcpy(h->name, path, len);
		return 0;
	}
	slash = strchr(path + len - sizeof(h->name) - 1, '/');
	if (!slash || slash[1] == '\0' || (size_t)(slash - path) > sizeof(h->prefix))
		return err_set(e, E_INVAL, "tar: path too long: %s", path);
	memcpy(h->prefix, path, (size_t)(slash - path));
	memcpy(h->name, slash + 1, len - (size_t)(slash + 1 - path));
	return 0;
}

static void set_octal(char *field, size_t size, uint64_t v)
{
	snprintf(field, size, "%0*llo", (int)size - 1, (unsigned long long)v);
}

static void set_checksum(struct header *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0;

	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += p[i];
	snprintf(h->checksum, sizeof(h->checksum), "%06o", sum);
}

int ustar_add(struct buf *out, const struct ustar_entry *m, const void *data, size_t len,
	      struct err *e)
{
	struct header h = {.type = m->type};
	int r = set_path(&h, m->path, e);

	if (r)
		return r;
	if (m->mtime < 0 || len > FILE_SIZE_MAX)
		return err_set(e, E_INVAL, "tar: %s: time or size out of range", m->path);
	if (m->target) {
		if (strlen(m->target) > sizeof(h.target))
			return err_set(e, E_INVAL, "tar: link target too long: %s",
				       m->target);
		memcpy(h.target, m->target, strlen(m->target));
	}
	set_octal(h.mode, sizeof(h.mode), m->mode & 07777);
	set_octal(h.uid, sizeof(h.uid), m->uid & 07777777);
	set_octal(h.gid, sizeof(h.gid), m->gid & 07777777);
	set_octal(h.size, sizeof(h.size), len);
	set_octal(h.mtime, sizeof(h.mtime), (uint64_t)m->mtime & 077777777777);
	memcpy(h.magic, "ustar", 6);
	memcpy(h.version, "00", 2);
	set_checksum(&h);
	r = buf_append(out, &h, sizeof(h), e);
	if (!r)
		r = buf_append(out, data, len, e);
	if (!r && len % BLOCK)
		r = buf_append_zeros(out, BLOCK - len % BLOCK, e);
	return r;
}

int ustar_end(struct buf *out, struct err *e)
{
	return buf_append_zeros(out, 2 * (size_t)BLOCK, e);
}

static int add_tree(struct buf *out, const char *path, const char *host, unsigned depth,
		    struct err *e);

static int add_children(struct buf *out, const char *path, const char *host, unsigned depth,
			struct err *e)
{
	struct dirent **list;
	int n = scandir(host, &list, NULL, alphasort), r = 0;

	if (n < 0)
		return err_sys(e, "reading folder %s", host);
	for (int i = 0; i < n; i++) {
		char p[PATH_MAX], h[PATH_MAX];
		const char *name = list[i]->d_name;

		if (!r && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			r = fsio_join(p, sizeof(p), path, name, e);
			if (!r)
				r = fsio_join(h, sizeof(h), host, name, e);
			if (!r)
				r = add_tree(out, p, h, depth + 1, e);
		}
		free(list[i]);
	}
	free(list);
	return r;
}

static int add_file(struct buf *out, struct ustar_entry *m, const char *host, struct err *e)
{
	struct buf data = BUF_INIT;
	int r = fsio_read(host, 1u << 30, &data, e);

	if (!r)
		r = ustar_add(out, m, data.data, data.len, e);
	buf_release(&data);
	return r;
}

static int add_link(struct buf *out, struct ustar_entry *m, const char *host, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlink(host, target, sizeof(target) - 1);

	if (n < 0)
		return err_sys(e, "reading link %s", host);
	target[n] = '\0';
	m->target = target;
	return ustar_add(out, m, NULL, 0, e);
}

static int add_tree(struct buf *out, const char *path, const char *host, unsigned depth,
		    struct err *e)
{
	struct ustar_entry m = {.path = path};
	struct stat st;
	int r;

	if (depth > DEPTH_MAX)
		return err_set(e, E_OVERFLOW, "%s: folders nested too deep", host);
	if (lstat(host, &st))
		return err_sys(e, "%s", host);
	m.mode = st.st_mode & 07777;
	m.mtime = st.st_mtime;
	if (S_ISREG(st.st_mode)) {
		m.type = '0';
		return add_file(out, &m, host, e);
	}
	if (S_ISLNK(st.st_mode)) {
		m.type = '2';
		return add_link(out, &m, host, e);
	}
	if (!S_ISDIR(st.st_mode))
		return err_set(e, E_UNSUPPORTED, "%s: neither file, folder nor link", host);
	m.type = '5';
	r = ustar_add(out, &m, NULL, 0, e);
	return r ? r : add_children(out, path, host, depth, e);
}

int ustar_add_host(struct buf *out, const char *path, const char *host, struct err *e)
{
	return add_tree(out, path, host, 0, e);
}
