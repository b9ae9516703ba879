/* SPDX-License-Identifier: MIT */
/*
 * The payload of isys: the root hash of a sealed system volume, 208 bytes.
 *
 *	0    u32 version (2), u32 0, u32 hash type (1, SHA-256), u32 digest length (32)
 *	16   three slots of 64 bytes: digest for blocks of 4096, 8192, 16384 bytes
 *
 * A slot of zeros is one that nobody filled: our volumes have blocks of 4096 bytes.
 */
#ifndef SIM_FORMATS_IMAGE4_ISYS_H
#define SIM_FORMATS_IMAGE4_ISYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

#define ISYS_SIZE      208u
#define ISYS_HASH_LEN  32u
#define ISYS_VERSION   2u
#define ISYS_HASH_TYPE 1u /* SHA-256, as im_hash_type */
#define ISYS_SLOTS     3u

struct isys {
	uint32_t version, hash_type;
	uint8_t hash[ISYS_SLOTS][ISYS_HASH_LEN]; /* 4K, 8K, 16K */
};

void isys_write(const struct isys *s, uint8_t out[static ISYS_SIZE]);
/* E_CORRUPT: size, version or a byte that has to be zero; E_UNSUPPORTED: hash type. */
int isys_parse(const void *bytes, size_t len, struct isys *ret, struct err *e) MUST_CHECK;
/* The slot for @block_size. E_NOTFOUND when it is empty or there is no such slot. */
int isys_hash(const struct isys *s, uint32_t block_size, const uint8_t **ret,
	      struct err *e) MUST_CHECK;

#endif
