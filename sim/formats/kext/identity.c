/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sim/formats/kext/identity.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "sim/base/bytes.h"
#include "sim/base/fsio.h"
#include "sim/base/idtext.h"
#include "sim/formats/codesign/codesign.h"

#define FOLDER_DEPTH 64
#define PIECE	     65536

struct walk {
	EVP_MD_CTX *sha;
	size_t files;
	char path[PATH_MAX]; /* of what is looked at */
	size_t root_len;     /* so much of it is the bundle */
};

/* In front of each entry's bytes, so that no two trees give the same stream. */
enum entry_kind { ENTRY_FOLDER = 'd', ENTRY_FILE = 'f', ENTRY_LINK = 'l' };

static int feed(struct walk *w, const void *data, size_t len, struct err *e)
{
	return EVP_DigestUpdate(w->sha, data, len) == 1
		       ? 0
		       : err_set(e, E_INFRA, "SHA-256 of %s", w->path);
}

static int feed_head(struct walk *w, enum entry_kind kind, uint64_t size, struct err *e)
{
	const char *rel = w->path + w->root_len;
	size_t len = strlen(rel);
	uint8_t head[1 + 8 + 8];
	int r;

	head[0] = (uint8_t)kind;
	put_le64(head + 1, len);
	put_le64(head + 9, size);
	r = feed(w, head, sizeof(head), e);
	return r ? r : feed(w, rel, len, e);
}

static int feed_content(struct walk *w, int fd, uint64_t size, struct err *e)
{
	uint8_t piece[PIECE];
	int r = 0;

	for (uint64_t at = 0; at < size && !r;) {
		size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;

		r = fsio_pread_all(fd, piece, n, at, w->path, e);
		if (!r)
			r = feed(w, piece, n, e);
		at += n;
	}
	return r;
}

static int add_file(struct walk *w, uint64_t size, struct err *e)
{
	int fd, r;

	if (size > KEXT_CONTENT_MAX)
		return err_set(e, E_OVERFLOW, "%s is larger than %llu bytes", w->path,
			       KEXT_CONTENT_MAX);
	fd = open(w->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", w->path);
	r = feed_head(w, ENTRY_FILE, size, e);
	if (!r)
		r = feed_content(w, fd, size, e);
	close(fd);
	return r;
}

static int add_link(struct walk *w, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlink(w->path, target, sizeof(target));
	int r;

	if (n < 0)
		return err_sys(e, "%s", w->path);
	r = feed_head(w, ENTRY_LINK, (uint64_t)n, e);
	return r ? r : feed(w, target, (size_t)n, e);
}

/* Sealed by no signature: what the Finder leaves, and bundles in the bundle. */
static bool counts(const struct walk *w)
{
	const char *rel = w->path + w->root_len, *name = strrchr(rel, '/') + 1;

	return strcmp(name, ".DS_Store") && strcmp(rel, "/Contents/PlugIns") &&
	       strcmp(rel, "/PlugIns");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_entry(struct walk *w, unsigned depth, struct err *e);

static int add_child(struct walk *w, const char *name, unsigned depth, struct err *e)
{
	size_t len = strlen(w->path);
	int r = 0;

	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return 0;
	if (len + 1 + strlen(name) >= sizeof(w->path))
		return err_set(e, E_OVERFLOW, "path too long below %s", w->path);
	w->path[len] = '/';
	strcpy(w->path + len + 1, name);
	if (counts(w))
		r = add_entry(w, depth, e);
	w->path[len] = '\0';
	return r;
}

static int add_folder(struct walk *w, unsigned depth, struct err *e)
{
	struct dirent **list = NULL;
	int n, r = feed_head(w, ENTRY_FOLDER, 0, e);

	if (r)
		return r;
	if (depth >= FOLDER_DEPTH)
		return err_set(e, E_OVERFLOW, "folders too deep: %s", w->path);
	n = scandir(w->path, &list, NULL, by_name);
	if (n < 0)
		return err_sys(e, "reading %s", w->path);
	for (int i = 0; i < n; i++) {
		if (!r)
			r = add_child(w, list[i]->d_name, depth + 1, e);
		free(list[i]);
	}
	free(list);
	return r;
}

static int add_entry(struct walk *w, unsigned depth, struct err *e)
{
	struct stat st;

	if (lstat(w->path, &st))
		return err_sys(e, "%s", w->path);
	if (++w->files > KEXT_CONTENT_FILES)
		return err_set(e, E_OVERFLOW, "%.*s holds more than %d files",
			       (int)w->root_len, w->path, KEXT_CONTENT_FILES);
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return add_folder(w, depth, e);
	case S_IFREG:
		return add_file(w, (uint64_t)st.st_size, e);
	case S_IFLNK:
		return add_link(w, e);
	default:
		return err_set(e, E_UNSUPPORTED, "%s is neither file nor folder nor link",
			       w->path);
	}
}

static int digest(struct walk *w, uint8_t sum[static EVP_MAX_MD_SIZE], struct err *e)
{
	int r;

	if (EVP_DigestInit_ex(w->sha, EVP_sha256(), NULL) != 1)
		return err_set(e, E_INFRA, "OpenSSL has no SHA-256");
	r = add_entry(w, 0, e);
	if (!r && EVP_DigestFinal_ex(w->sha, sum, NULL) != 1)
		r = err_set(e, E_INFRA, "SHA-256 of %s", w->path);
	return r;
}

/* False: there is none. */
static int signed_identity(const char *path, char ret[static KEXT_IDENTITY_MAX],
			   bool *ret_signed, struct err *e)
{
	const struct cs_anchors none = {.n = 0};
	const struct codesign_check how = {.anchors = &none};
	struct codesign_result res = {.status = CS_OK};
	int r = codesign_verify(path, &how, &res, e);

	*ret_signed = !r && res.is_signed;
	if (*ret_signed)
		hex_text(res.cdhash, CS_CDHASH_LEN, ret);
	codesign_result_release(&res);
	return r;
}

static int content_identity(const char *path, char ret[static KEXT_IDENTITY_MAX],
			    struct err *e)
{
	struct walk w = {.sha = EVP_MD_CTX_new(), .root_len = strlen(path)};
	uint8_t sum[EVP_MAX_MD_SIZE];
	int r;

	while (w.root_len > 1 && path[w.root_len - 1] == '/')
		w.root_len--;
	if (!w.sha)
		return err_set(e, E_NOMEM, "out of memory");
	if (w.root_len >= sizeof(w.path)) {
		r = err_set(e, E_OVERFLOW, "path too long: %s", path);
	} else {
		memcpy(w.path, path, w.root_len);
		r = digest(&w, sum, e);
	}
	EVP_MD_CTX_free(w.sha);
	if (!r)
		hex_text(sum, KEXT_CDHASH_LEN, ret);
	return r;
}

int kext_identity(const char *path, char ret[static KEXT_IDENTITY_MAX], struct err *e)
{
	bool is_signed = false;
	int r = signed_identity(path, ret, &is_signed, e);

	return r || is_signed ? r : content_identity(path, ret, e);
}
