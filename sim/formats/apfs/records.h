/* SPDX-License-Identifier: MIT */
/* The records of a file-system tree, gathered in any order, then sorted. */
#ifndef SIM_FORMATS_APFS_RECORDS_H
#define SIM_FORMATS_APFS_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"
#include "sim/formats/apfs/raw.h"

/* A record sorts by id, type, num, then name. */
struct apfs_record {
	uint64_t id, num;
	size_t at; /* in apfs_records.bytes: key, then value */
	uint16_t key_len, val_len;
	uint8_t type;    /* enum apfs_rec_type */
	uint8_t name_at; /* in the key: a NUL-terminated name; 0: none */
};

struct apfs_records {
	struct apfs_record *v; /* owned */
	size_t n, cap;
	struct buf bytes;
};

void apfs_records_release(struct apfs_records *r);

/*
 * Add the record of @r's id, type, num and name_at (counted from the key's start), whose
 * key has @tail behind the header. The bytes are copied.
 */
int apfs_records_add(struct apfs_records *rs, const struct apfs_record *r,
		     const void *tail, size_t tail_len, const void *val, size_t val_len, struct err *e)
	MUST_CHECK;

void apfs_records_sort(struct apfs_records *rs);

/* Into rs->bytes: valid until the next record is added. */
const uint8_t *apfs_record_key(const struct apfs_records *rs,
			       const struct apfs_record *r);
const uint8_t *apfs_record_val(const struct apfs_records *rs,
			       const struct apfs_record *r);
const char *apfs_record_name(const struct apfs_records *rs, const struct apfs_record *r);

#endif
