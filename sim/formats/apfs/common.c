/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/common.h"

#include <string.h>

#include <utf8proc.h>

#define FLETCHER_MOD 0xffffffffull
/* Words after which the sums are reduced: the second one cannot overflow before. */
#define FLETCHER_RUN 1024u

uint64_t apfs_checksum(const void *obj, size_t size)
{
	const uint8_t *p = (const uint8_t *)obj + 8;
	size_t words = (size - 8) / 4;
	uint64_t s1 = 0, s2 = 0;

	while (words > 0) {
		size_t run = words < FLETCHER_RUN ? words : FLETCHER_RUN;

		for (size_t i = 0; i < run; i++, p += 4) {
			s1 += get_le32(p);
			s2 += s1;
		}
		s1 %= FLETCHER_MOD;
		s2 %= FLETCHER_MOD;
		words -= run;
	}
	uint64_t c1 = FLETCHER_MOD - (s1 + s2) % FLETCHER_MOD;
	uint64_t c2 = FLETCHER_MOD - (s1 + c1) % FLETCHER_MOD;

	return c1 | c2 << 32;
}

bool apfs_checksum_ok(const void *obj, size_t size)
{
	return apfs_checksum(obj, size) == get_le64(obj);
}

void apfs_obj_seal(void *block, uint64_t oid, uint64_t xid, uint32_t type,
		   uint32_t subtype)
{
	struct apfs_obj *o = block;

	o->o_oid = to_le64(oid);
	o->o_xid = to_le64(xid);
	o->o_type = to_le32(type);
	o->o_subtype = to_le32(subtype);
	o->o_cksum = to_le64(apfs_checksum(block, APFS_BLOCK_SIZE));
}

/* CRC-32C of the 16 values of 4 bits, polynomial 0x82f63b78: small, and names are short.
 */
static const uint32_t crc_nibble[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t apfs_crc32c(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len-- > 0) {
		crc ^= *p++;
		crc = crc >> 4 ^ crc_nibble[crc & 15];
		crc = crc >> 4 ^ crc_nibble[crc & 15];
	}
	return crc;
}

int apfs_name_check(const char *name, struct err *e)
{
	size_t len = strlen(name), at = 0;

	if (len == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(e, E_INVAL, "'%s' is not a file name", name);
	if (len > APFS_NAME_MAX)
		return err_set(e, E_INVAL, "file name of %zu bytes, at most %d: %.40s...",
			       len, APFS_NAME_MAX, name);
	if (strchr(name, '/'))
		return err_set(e, E_INVAL, "file name '%s' has a '/'", name);
	while (at < len) {
		utf8proc_int32_t cp;
		utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)name + at,
						      (utf8proc_ssize_t)(len - at), &cp);

		if (n < 0)
			return err_set(e, E_INVAL, "file name is not UTF-8 after %zu bytes",
				       at);
		if (cp >= 0x80 && utf8proc_category(cp) == UTF8PROC_CATEGORY_CN)
			return err_set(e, E_INVAL, "file name has U+%04X, not a character",
				       (unsigned)cp);
		at += (size_t)n;
	}
	return 0;
}

/*
 * Code points of a name of the longest kind a record can hold (1023 bytes): no character
 * of n bytes decomposes or folds into more than 2 n code points.
 */
#define CANON_MAX 2048

struct canon {
	utf8proc_int32_t cp[CANON_MAX];
	size_t n;
};

static int decompose(struct canon *c, const char *name, size_t len,
		     utf8proc_option_t options, struct err *e)
{
	utf8proc_ssize_t n = utf8proc_decompose(
		(const utf8proc_uint8_t *)name, (utf8proc_ssize_t)len, c->cp, CANON_MAX,
		UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | options);

	if (n < 0)
		return err_set(e, E_INVAL, "file name: %s", utf8proc_errmsg(n));
	if (n > CANON_MAX)
		return err_set(e, E_OVERFLOW, "file name of %zd characters", (ssize_t)n);
	c->n = (size_t)n;
	return 0;
}

static bool canon_ascii(struct canon *c, const char *name, size_t len, bool fold)
{
	if (len > CANON_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char b = (unsigned char)name[i];

		if (b >= 0x80)
			return false;
		c->cp[i] = fold && b >= 'A' && b <= 'Z' ? b + ('a' - 'A') : b;
	}
	c->n = len;
	return true;
}

/* NFD, and for @fold NFD(fold(NFD)): folding may bring composed characters back. */
static int canon_set(struct canon *c, const char *name, bool fold, struct err *e)
{
	size_t len = strlen(name), n = 0;
	char nfd[CANON_MAX * 4];

	if (canon_ascii(c, name, len, fold))
		return 0;
	int rc = decompose(c, name, len, (utf8proc_option_t)0, e);

	if (rc != 0 || !fold)
		return rc;
	for (size_t i = 0; i < c->n; i++)
		n += (size_t)utf8proc_encode_char(c->cp[i], (utf8proc_uint8_t *)nfd + n);
	return decompose(c, nfd, n, UTF8PROC_CASEFOLD, e);
}

int apfs_name_hash(const char *name, bool fold, uint32_t *ret_hash, struct err *e)
{
	struct canon c;
	uint32_t crc = 0xffffffff;
	int rc = canon_set(&c, name, fold, e);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < c.n; i++) {
		le32 unit = to_le32((uint32_t)c.cp[i]);

		crc = apfs_crc32c(crc, &unit, sizeof(unit));
	}
	*ret_hash = crc & (APFS_DREC_HASH_MASK >> APFS_DREC_HASH_SHIFT);
	return 0;
}

bool apfs_name_same(const char *a, const char *b, bool fold)
{
	struct canon ca, cb;

	if (canon_set(&ca, a, fold, NULL) != 0 || canon_set(&cb, b, fold, NULL) != 0)
		return strcmp(a, b) == 0;
	return ca.n == cb.n && memcmp(ca.cp, cb.cp, ca.n * sizeof(ca.cp[0])) == 0;
}
