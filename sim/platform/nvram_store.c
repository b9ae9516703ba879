/* SPDX-License-Identifier: MIT */
/* NVRAM on its device, and as a folder of the running Mac. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "sim/base/buf.h"
#include "sim/base/fsio.h"
#include "sim/platform/nvram_bank.h"

static uint32_t bank_crc(const uint8_t *bank, size_t records_len)
{
	size_t head = offsetof(struct nvram_bank_raw, crc);
	uLong crc = crc32(0, bank, (uInt)head);

	crc = crc32(crc, bank + sizeof(struct nvram_bank_raw), (uInt)records_len);
	return (uint32_t)crc;
}

/* Is the bank whole? Then *ret_sequence and *ret_len are its header's. */
static bool bank_check(const uint8_t *bank, uint64_t *ret_sequence, size_t *ret_len)
{
	struct nvram_bank_raw h;
	size_t len;

	memcpy(&h, bank, sizeof(h));
	len = le32_get(h.length);
	if (memcmp(h.magic, NVRAM_MAGIC, sizeof(h.magic)) != 0 ||
	    len > NVRAM_BANK_RECORDS_MAX || le32_get(h.crc) != bank_crc(bank, len))
		return false;
	*ret_sequence = le64_get(h.sequence);
	*ret_len = len;
	return true;
}

static int read_record(struct nvram *nv, const uint8_t **p, size_t *left, struct err *e)
{
	struct nvram_record_raw r;
	char key[NVRAM_KEY_MAX + 1];
	size_t klen, vlen;

	if (*left < sizeof(r))
		return err_set(e, E_CORRUPT, "record cut off");
	memcpy(&r, *p, sizeof(r));
	klen = le16_get(r.key_len);
	vlen = le32_get(r.value_len);
	if (klen > NVRAM_KEY_MAX || nvram_record_size(klen, vlen) > *left)
		return err_set(e, E_CORRUPT, "record larger than its bank");
	memcpy(key, *p + sizeof(r), klen);
	key[klen] = '\0';
	if (strlen(key) != klen || nvram_get(nv, key))
		return err_set(e, E_CORRUPT, "bad or double key '%s'", key);
	if (nvram_set(nv, key, *p + sizeof(r) + klen, vlen, e))
		return err_set(e, E_CORRUPT, "bad record '%s'", key);
	*p += nvram_record_size(klen, vlen);
	*left -= nvram_record_size(klen, vlen);
	return 0;
}

static int read_bank(struct nvram *nv, const uint8_t *bank, size_t len, struct err *e)
{
	const uint8_t *p = bank + sizeof(struct nvram_bank_raw);

	while (len)
		if (read_record(nv, &p, &len, e))
			return -(int)E_CORRUPT;
	return 0;
}

static bool all_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

/* The newest valid bank of @image, or -1. */
static int newest_bank(const uint8_t *image, uint64_t *ret_sequence, size_t *ret_len)
{
	int best = -1;

	*ret_sequence = 0;
	for (int i = 0; i < 2; i++) {
		uint64_t seq;
		size_t len;

		if (!bank_check(image + i * NVRAM_BANK_SIZE, &seq, &len) ||
		    (best >= 0 && seq < *ret_sequence))
			continue;
		best = i;
		*ret_sequence = seq;
		*ret_len = len;
	}
	return best;
}

static int load_image(struct nvram *nv, const uint8_t *image, struct err *e)
{
	uint64_t seq;
	size_t len = 0;
	int bank = newest_bank(image, &seq, &len);

	if (bank < 0 && all_zero(image, NVRAM_SIZE))
		return 0;
	if (bank < 0)
		return err_set(e, E_CORRUPT, "NVRAM: no valid bank");
	if (read_bank(nv, image + bank * NVRAM_BANK_SIZE, len, e)) {
		nvram_release(nv);
		return err_ctx(e, "NVRAM: bank %d", bank);
	}
	nv->sequence = seq;
	return 0;
}

int nvram_load(struct nvram *nv, int fd, struct err *e)
{
	uint8_t *image = malloc(NVRAM_SIZE);
	int r;

	nvram_release(nv);
	if (!image)
		return err_set(e, E_NOMEM, "out of memory");
	r = fsio_pread_all(fd, image, NVRAM_SIZE, 0, "NVRAM", e);
	if (!r)
		r = load_image(nv, image, e);
	free(image);
	return r;
}

static int append_record(struct buf *b, const struct nvram_var *v, struct err *e)
{
	struct nvram_record_raw r = {
		.key_len = to_le16((uint16_t)strlen(v->key)),
		.value_len = to_le32((uint32_t)v->len),
	};

	int err = buf_append(b, &r, sizeof(r), e);

	if (!err)
		err = buf_append(b, v->key, strlen(v->key), e);
	return err ? err : buf_append(b, v->value, v->len, e);
}

static int make_bank(const struct nvram *nv, uint64_t sequence, struct buf *b,
		     struct err *e)
{
	struct nvram_bank_raw h = {.sequence = to_le64(sequence)};
	int r = buf_append(b, &h, sizeof(h), e);

	for (size_t i = 0; !r && i < nv->n; i++)
		r = append_record(b, &nv->vars[i], e);
	if (r)
		return r;
	memcpy(h.magic, NVRAM_MAGIC, sizeof(h.magic));
	h.length = to_le32((uint32_t)(b->len - sizeof(h)));
	memcpy(b->data, &h, sizeof(h));
	h.crc = to_le32(bank_crc(b->data, b->len - sizeof(h)));
	memcpy(b->data, &h, sizeof(h));
	return 0;
}

/* A file that is shorter than a device of NVRAM grows to its size. */
static int ensure_size(int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(e, "NVRAM");
	if (S_ISREG(st.st_mode) && st.st_size < NVRAM_SIZE && ftruncate(fd, NVRAM_SIZE))
		return err_sys(e, "NVRAM");
	return 0;
}

int nvram_store(struct nvram *nv, int fd, struct err *e)
{
	struct buf b = BUF_INIT;
	uint8_t *image = malloc(NVRAM_SIZE);
	uint64_t seq = 0;
	size_t len;
	int r, bank = 0;

	if (!image)
		return err_set(e, E_NOMEM, "out of memory");
	r = ensure_size(fd, e);
	if (!r)
		r = fsio_pread_all(fd, image, NVRAM_SIZE, 0, "NVRAM", e);
	if (!r) {
		bank = newest_bank(image, &seq, &len) == 0 ? 1 : 0;
		r = make_bank(nv, seq + 1, &b, e);
	}
	if (!r)
		r = fsio_pwrite_all(fd, b.data, b.len, (uint64_t)bank * NVRAM_BANK_SIZE,
				    "NVRAM", e);
	if (!r && fsync(fd))
		r = err_sys(e, "NVRAM");
	if (!r)
		nv->sequence = seq + 1;
	buf_release(&b);
	free(image);
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
