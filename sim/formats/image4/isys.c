/* SPDX-License-Identifier: MIT */
#include "sim/formats/image4/isys.h"

#include <string.h>

#include "sim/base/bytes.h"

#define SLOT_SIZE 64u

struct isys_raw {
	le32 version, zero, hash_type, hash_len;
	uint8_t slot[ISYS_SLOTS][SLOT_SIZE];
};
_Static_assert(sizeof(struct isys_raw) == ISYS_SIZE, "isys");

static const uint32_t block_size_of_slot[ISYS_SLOTS] = {4096, 8192, 16384};

void isys_write(const struct isys *s, uint8_t out[static ISYS_SIZE])
{
	struct isys_raw raw = {
		.version = to_le32(s->version),
		.hash_type = to_le32(s->hash_type),
		.hash_len = to_le32(ISYS_HASH_LEN),
	};

	for (size_t i = 0; i < ISYS_SLOTS; i++)
		memcpy(raw.slot[i], s->hash[i], ISYS_HASH_LEN);
	memcpy(out, &raw, sizeof(raw));
}

static bool all_zero(const uint8_t *p, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= p[i];
	return !any;
}

int isys_parse(const void *bytes, size_t len, struct isys *ret, struct err *e)
{
	struct isys_raw raw;

	if (len != ISYS_SIZE)
		return err_set(e, E_CORRUPT, "isys: %zu bytes, not %u", len, ISYS_SIZE);
	memcpy(&raw, bytes, sizeof(raw));
	if (le32_get(raw.version) != ISYS_VERSION || le32_get(raw.zero))
		return err_set(e, E_CORRUPT, "isys: version %u, then %u",
			       le32_get(raw.version), le32_get(raw.zero));
	if (le32_get(raw.hash_type) != ISYS_HASH_TYPE ||
	    le32_get(raw.hash_len) != ISYS_HASH_LEN)
		return err_set(e, E_UNSUPPORTED, "isys: hash type %u of %u bytes",
			       le32_get(raw.hash_type), le32_get(raw.hash_len));
	*ret = (struct isys){.version = ISYS_VERSION, .hash_type = ISYS_HASH_TYPE};
	for (size_t i = 0; i < ISYS_SLOTS; i++) {
		if (!all_zero(raw.slot[i] + ISYS_HASH_LEN, SLOT_SIZE - ISYS_HASH_LEN))
			return err_set(e, E_CORRUPT, "isys: slot %zu is longer than %u",
				       i, ISYS_HASH_LEN);
		memcpy(ret->hash[i], raw.slot[i], ISYS_HASH_LEN);
	}
	return 0;
}

int isys_hash(const struct isys *s, uint32_t block_size, const uint8_t **ret,
	      struct err *e)
{
	for (size_t i = 0; i < ISYS_SLOTS; i++)
		if (block_size_of_slot[i] == block_size &&
		    !all_zero(s->hash[i], ISYS_HASH_LEN)) {
			*ret = s->hash[i];
			return 0;
		}
	return err_set(e, E_NOTFOUND, "isys: no hash for blocks of %u bytes", block_size);
}
