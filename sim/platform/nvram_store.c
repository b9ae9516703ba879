/* SPDX-License-Identifier: MIT */
/* NVRAM on its device, and as a folder of the running Mac. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/buf.h"
#include "sim/base/fsio.h"
#include "sim/platform/nvram_bank.h"

static const struct bank_format format = {
	.magic = NVRAM_MAGIC, .size = NVRAM_SIZE, .what = "NVRAM"};

static int read_record(struct nvram *nv, const uint8_t **p, size_t *left, struct err *e)
{
	struct bank_record r;
	char key[NVRAM_KEY_MAX + 1];

	if (bank_record_take(p, left, &r, e))
		return -(int)E_CORRUPT;
	if (r.key_len > NVRAM_KEY_MAX)
		return err_set(e, E_CORRUPT, "a key of %zu bytes", r.key_len);
	memcpy(key, r.key, r.key_len);
	key[r.key_len] = '\0';
	if (strlen(key) != r.key_len || nvram_get(nv, key))
		return err_set(e, E_CORRUPT, "bad or double key '%s'", key);
	if (nvram_set(nv, key, r.value, r.len, e))
		return err_set(e, E_CORRUPT, "bad record '%s'", key);
	return 0;
}

static int read_records(struct nvram *nv, const struct buf *b, struct err *e)
{
	const uint8_t *p = b->data;
	size_t left = b->len;

	while (left)
		if (read_record(nv, &p, &left, e))
			return err_ctx(e, "NVRAM");
	return 0;
}

int nvram_load(struct nvram *nv, int fd, struct err *e)
{
	struct buf b = BUF_INIT;
	uint64_t sequence = 0;
	int r;

	nvram_release(nv);
	r = bank_load(&format, fd, &b, &sequence, e);
	if (!r)
		r = read_records(nv, &b, e);
	buf_release(&b);
	if (r == -(int)E_NOTFOUND) { /* blank, as in a new Mac */
		err_clear(e);
		return 0;
	}
	if (r)
		nvram_release(nv);
	else
		nv->sequence = sequence;
	return r;
}

int nvram_store(struct nvram *nv, int fd, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = 0;

	for (size_t i = 0; !r && i < nv->n; i++)
		r = bank_record_append(&b, nv->vars[i].key, nv->vars[i].value,
				       nv->vars[i].len, e);
	if (!r)
		r = bank_store(&format, fd, &b, &nv->sequence, e);
	buf_release(&b);
	return r;
}

int nvram_load_file(struct nvram *nv, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return err_sys(e, "%s", path);
	r = nvram_load(nv, fd, e);
	close(fd);
	return r ? err_ctx(e, "%s", path) : 0;
}

int nvram_store_file(struct nvram *nv, const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644), r;

	if (fd < 0)
		return err_sys(e, "%s", path);
	r = nvram_store(nv, fd, e);
	if (close(fd) && !r)
		r = err_sys(e, "NVRAM");
	return r ? err_ctx(e, "%s", path) : 0;
}

static int write_var(int dir, const struct nvram_var *v, struct err *e)
{
	int fd = openat(dir, v->key, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), r;

	if (fd < 0)
		return err_sys(e, "%s", v->key);
	r = fsio_write_all(fd, v->value, v->len, v->key, e);
	if (close(fd) && !r)
		r = err_sys(e, "%s", v->key);
	return r;
}

int nvram_to_dir(const struct nvram *nv, const char *dir, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return err_sys(e, "%s", dir);
	for (size_t i = 0; !r && i < nv->n; i++)
		r = write_var(fd, &nv->vars[i], e);
	close(fd);
	return r ? err_ctx(e, "%s", dir) : 0;
}

static int read_var(struct nvram *nv, const char *dir, const char *key, struct err *e)
{
	char path[4096];
	struct buf b = BUF_INIT;
	int r = fsio_join(path, sizeof(path), dir, key, e);

	if (!r)
		r = fsio_read(path, NVRAM_BANK_RECORDS_MAX, &b, e);
	if (!r)
		r = nvram_set(nv, key, b.data, b.len, e);
	buf_release(&b);
	return r;
}

int nvram_from_dir(struct nvram *nv, const char *dir, struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *ent;
	int r = 0;

	if (!d)
		return err_sys(e, "%s", dir);
	nvram_release(nv);
	while (!r && (errno = 0, ent = readdir(d)))
		if (nvram_key_valid(ent->d_name))
			r = read_var(nv, dir, ent->d_name, e);
	if (!r && errno)
		r = err_sys(e, "%s", dir);
	closedir(d);
	return r;
}
