/* SPDX-License-Identifier: MIT */
/*
 * A small device that is always whole: two banks of half its size. Each store goes to the
 * bank that is not the newest, so that a power cut leaves the old content. A bank, all
 * little-endian:
 *
 *	0   8  magic of the kind of device
 *	8   8  sequence number; the higher of two valid banks counts
 *	16  4  bytes of records that follow the header
 *	20  4  CRC-32 (zlib) of bytes 0..19 and the records
 *	24     records: u16 length of key, u32 length of value, key, value
 *
 * A device of zeros only is blank. NVRAM (nvram.h) and the chip (secureboot/chip.h) are
 * such devices; what keys and values mean is theirs.
 */
#ifndef SIM_PLATFORM_BANK_H
#define SIM_PLATFORM_BANK_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/buf.h"
#include "sim/base/bytes.h"
#include "sim/base/err.h"

#define BANK_MAGIC_LEN 8

struct bank_raw {
	uint8_t magic[BANK_MAGIC_LEN];
	le64 sequence;
	le32 length; /* of the records */
	le32 crc;    /* over what stands before it, and the records */
};

struct bank_record_raw {
	le16 key_len;
	le32 value_len;
};

_Static_assert(sizeof(struct bank_raw) == 24, "bank header");
_Static_assert(sizeof(struct bank_record_raw) == 6, "record header");

/* A kind of device. */
struct bank_format {
	char magic[BANK_MAGIC_LEN + 1];
	uint32_t size;	  /* of the device, bytes */
	const char *what; /* "NVRAM", for messages */
};

/* How many bytes of records a device of @size has room for. */
#define BANK_ROOM(size) ((size) / 2 - sizeof(struct bank_raw))

/*
 * Append the records of the newest valid bank of @fd to @ret. E_NOTFOUND: the device is
 * blank; E_CORRUPT: no bank is valid. *ret_sequence is that of the bank.
 */
int bank_load(const struct bank_format *f, int fd, struct buf *ret,
	      uint64_t *ret_sequence, struct err *e) MUST_CHECK;
/*
 * Write @records to the older bank and flush. A file that is shorter than the device is
 * made as long. E_OVERFLOW: they do not fit.
 */
int bank_store(const struct bank_format *f, int fd, const struct buf *records,
	       uint64_t *ret_sequence, struct err *e) MUST_CHECK;

struct bank_record {
	const char *key; /* no NUL */
	size_t key_len;
	const uint8_t *value;
	size_t len;
};

static inline size_t bank_record_size(size_t key_len, size_t value_len)
{
	return sizeof(struct bank_record_raw) + key_len + value_len;
}

/* E_INVAL for a key of more than 65535 bytes, E_OVERFLOW for 4 GiB. */
int bank_record_append(struct buf *b, const char *key, const void *value, size_t len,
		       struct err *e) MUST_CHECK;
/* Take the next record off the @left bytes at *@p. E_CORRUPT: it is cut off. */
int bank_record_take(const uint8_t **p, size_t *left, struct bank_record *ret,
		     struct err *e) MUST_CHECK;

#endif
