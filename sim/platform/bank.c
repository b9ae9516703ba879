/* SPDX-License-Identifier: MIT */
#include "sim/platform/bank.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "sim/base/fsio.h"

static uint32_t bank_crc(const uint8_t *bank, size_t records_len)
{
	uLong crc = crc32(0, bank, (uInt)offsetof(struct bank_raw, crc));

	crc = crc32(crc, bank + sizeof(struct bank_raw), (uInt)records_len);
	return (uint32_t)crc;
}

/* Is the bank whole? Then *ret_sequence and *ret_len are its header's. */
static bool bank_check(const struct bank_format *f, const uint8_t *bank,
		       uint64_t *ret_sequence, size_t *ret_len)
{
	struct bank_raw h;
	size_t len;

	memcpy(&h, bank, sizeof(h));
	len = le32_get(h.length);
	if (memcmp(h.magic, f->magic, sizeof(h.magic)) != 0 || len > BANK_ROOM(f->size) ||
	    le32_get(h.crc) != bank_crc(bank, len))
		return false;
	*ret_sequence = le64_get(h.sequence);
	*ret_len = len;
	return true;
}

/* The newest valid bank of @image, or -1. */
static int newest_bank(const struct bank_format *f, const uint8_t *image,
		       uint64_t *ret_sequence, size_t *ret_len)
{
	int best = -1;

	*ret_sequence = 0;
	for (int i = 0; i < 2; i++) {
		uint64_t seq;
		size_t len;

		if (!bank_check(f, image + (size_t)i * f->size / 2, &seq, &len) ||
		    (best >= 0 && seq < *ret_sequence))
			continue;
		best = i;
		*ret_sequence = seq;
		*ret_len = len;
	}
	return best;
}

static bool all_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

static int take_newest(const struct bank_format *f, const uint8_t *image, struct buf *ret,
		       uint64_t *ret_sequence, struct err *e)
{
	size_t len = 0;
	int bank = newest_bank(f, image, ret_sequence, &len);

	if (bank < 0 && all_zero(image, f->size))
		return err_set(e, E_NOTFOUND, "%s is blank", f->what);
	if (bank < 0)
		return err_set(e, E_CORRUPT, "%s: no valid bank", f->what);
	return buf_append(ret,
			  image + (size_t)bank * f->size / 2 + sizeof(struct bank_raw),
			  len, e);
}

int bank_load(const struct bank_format *f, int fd, struct buf *ret,
	      uint64_t *ret_sequence, struct err *e)
{
	uint8_t *image = malloc(f->size);
	int r;

	if (!image)
		return err_set(e, E_NOMEM, "out of memory");
	r = fsio_pread_all(fd, image, f->size, 0, f->what, e);
	if (!r)
		r = take_newest(f, image, ret, ret_sequence, e);
	free(image);
	return r;
}

/* A file that is shorter than the device grows to its size. */
static int ensure_size(const struct bank_format *f, int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(e, "%s", f->what);
	if (S_ISREG(st.st_mode) && st.st_size < f->size && ftruncate(fd, f->size))
		return err_sys(e, "%s", f->what);
	return 0;
}

static int make_bank(const struct bank_format *f, const struct buf *records,
		     uint64_t sequence, struct buf *b, struct err *e)
{
	struct bank_raw h = {
		.sequence = to_le64(sequence),
		.length = to_le32((uint32_t)records->len),
	};
	int r;

	if (records->len > BANK_ROOM(f->size))
		return err_set(e, E_OVERFLOW, "%s: no room for %zu bytes", f->what,
			       records->len);
	memcpy(h.magic, f->magic, sizeof(h.magic));
	r = buf_append(b, &h, sizeof(h), e);
	if (!r)
		r = buf_append(b, records->data, records->len, e);
	if (r)
		return r;
	h.crc = to_le32(bank_crc(b->data, records->len));
	memcpy(b->data, &h, sizeof(h));
	return 0;
}

static int write_bank(const struct bank_format *f, int fd, const struct buf *records,
		      uint8_t *image, uint64_t *ret_sequence, struct err *e)
{
	struct buf b = BUF_INIT;
	uint64_t seq = 0;
	size_t len;
	int bank, r;

	r = fsio_pread_all(fd, image, f->size, 0, f->what, e);
	if (r)
		return r;
	bank = newest_bank(f, image, &seq, &len) == 0 ? 1 : 0;
	r = make_bank(f, records, seq + 1, &b, e);
	if (!r)
		r = fsio_pwrite_all(fd, b.data, b.len, (uint64_t)bank * f->size / 2,
				    f->what, e);
	if (!r && fsync(fd))
		r = err_sys(e, "%s", f->what);
	if (!r)
		*ret_sequence = seq + 1;
	buf_release(&b);
	return r;
}

int bank_store(const struct bank_format *f, int fd, const struct buf *records,
	       uint64_t *ret_sequence, struct err *e)
{
	uint8_t *image = malloc(f->size);
	int r;

	if (!image)
		return err_set(e, E_NOMEM, "out of memory");
	r = ensure_size(f, fd, e);
	if (!r)
		r = write_bank(f, fd, records, image, ret_sequence, e);
	free(image);
	return r;
}

int bank_record_append(struct buf *b, const char *key, const void *value, size_t len,
		       struct err *e)
{
	size_t key_len = strlen(key);
	struct bank_record_raw h = {
		.key_len = to_le16((uint16_t)key_len),
		.value_len = to_le32((uint32_t)len),
	};
	int r;

	if (key_len > UINT16_MAX)
		return err_set(e, E_INVAL, "a key of %zu bytes", key_len);
	if (len > UINT32_MAX)
		return err_set(e, E_OVERFLOW, "a value of %zu bytes", len);
	r = buf_append(b, &h, sizeof(h), e);
	if (!r)
		r = buf_append(b, key, key_len, e);
	return r ? r : buf_append(b, value, len, e);
}

int bank_record_take(const uint8_t **p, size_t *left, struct bank_record *ret,
		     struct err *e)
{
	struct bank_record_raw h;

	if (*left < sizeof(h))
		return err_set(e, E_CORRUPT, "record cut off");
	memcpy(&h, *p, sizeof(h));
	ret->key_len = le16_get(h.key_len);
	ret->len = le32_get(h.value_len);
	if (bank_record_size(ret->key_len, ret->len) > *left)
		return err_set(e, E_CORRUPT, "record larger than its bank");
	ret->key = (const char *)*p + sizeof(h);
	ret->value = *p + sizeof(h) + ret->key_len;
	*p += bank_record_size(ret->key_len, ret->len);
	*left -= bank_record_size(ret->key_len, ret->len);
	return 0;
}
