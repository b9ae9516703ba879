/* SPDX-License-Identifier: MIT */
#include "sim/carrier/ld_cache.h"

#include <string.h>

#include "sim/base/bytes.h"
#include "sim/base/ckd.h"
#include "sim/base/fsio.h"

#define CACHE_MAX    (16u << 20)
#define CACHE_MAGIC  "glibc-ld.so.cache1.1"
#define HEADER_LEN   48
#define HEADER_NLIBS 20
#define ENTRY_LEN    24 /* flags, key, value: 4 bytes each; OS version 4; hwcap 8 */
/* FLAG_X8664_LIB64 | FLAG_ELF_LIBC6 */
#define FLAGS_X86_64 0x0303u

int ld_cache_load(struct ld_cache *c, const char *path, struct err *e)
{
	struct err why = ERR_INIT;
	uint32_t n;
	int r = fsio_read(path, CACHE_MAX, &c->bytes, &why);

	c->n = 0;
	if (r == -E_NOTFOUND)
		return 0;
	if (r) {
		if (e)
			*e = why;
		return r;
	}
	if (c->bytes.len < HEADER_LEN ||
	    memcmp(c->bytes.data, CACHE_MAGIC, strlen(CACHE_MAGIC)) != 0)
		return 0;
	n = get_le32(c->bytes.data + HEADER_NLIBS);
	if (range_inside(HEADER_LEN, (uint64_t)n * ENTRY_LEN, c->bytes.len))
		c->n = n;
	return 0;
}

/* The NUL-terminated string at @off, or NULL. */
static const char *string_at(const struct ld_cache *c, uint32_t off)
{
	if (off >= c->bytes.len || !memchr(c->bytes.data + off, 0, c->bytes.len - off))
		return NULL;
	return (const char *)c->bytes.data + off;
}

const char *ld_cache_find(const struct ld_cache *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++) {
		const uint8_t *p = c->bytes.data + HEADER_LEN + i * ENTRY_LEN;
		const char *key = string_at(c, get_le32(p + 4));

		if (get_le32(p) == FLAGS_X86_64 && !get_le64(p + 16) && key &&
		    !strcmp(key, name))
			return string_at(c, get_le32(p + 8));
	}
	return NULL;
}

void ld_cache_release(struct ld_cache *c)
{
	buf_release(&c->bytes);
	c->n = 0;
}
