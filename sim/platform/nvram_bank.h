/* SPDX-License-Identifier: MIT */
/* The layout of nvram.h, shared by the two files that implement it. */
#ifndef SIM_PLATFORM_NVRAM_BANK_H
#define SIM_PLATFORM_NVRAM_BANK_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/bytes.h"
#include "sim/platform/nvram.h"

#define NVRAM_MAGIC "KLNVRAM1"

struct nvram_bank_raw {
	uint8_t magic[8];
	le64 sequence;
	le32 length; /* of the records */
	le32 crc;    /* over what stands before it, and the records */
};

struct nvram_record_raw {
	le16 key_len;
	le32 value_len;
};

_Static_assert(sizeof(struct nvram_bank_raw) == 24, "bank header");
_Static_assert(sizeof(struct nvram_record_raw) == 6, "record header");

#define NVRAM_BANK_SIZE        (NVRAM_SIZE / 2)
#define NVRAM_BANK_RECORDS_MAX (NVRAM_BANK_SIZE - sizeof(struct nvram_bank_raw))

static inline size_t nvram_record_size(size_t key_len, size_t value_len)
{
	return sizeof(struct nvram_record_raw) + key_len + value_len;
}

/* Is @key "GUID:name" with an upper-case GUID and a name without a slash? */
bool nvram_key_valid(const char *key);

#endif
