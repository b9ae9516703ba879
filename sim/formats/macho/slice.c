/* SPDX-License-Identifier: MIT */
/* Fat files: which part is for an architecture. */
#include "sim/base/ckd.h"
#include "sim/formats/macho/internal.h"

#define FAT_ARCHS_MAX 64

/* The fat header, or one of its rows, does not fit the file. */
static int bad_fat(size_t off, struct err *e)
{
	int r = macho_truncated(e);

	err_ctx(e, "fat header at offset 0x%zx", off);
	return r;
}

static int slice_of_fat(const uint8_t *data, size_t len, const struct macho_arch *arch,
			size_t *ret_off, size_t *ret_len, struct err *e)
{
	uint32_t n = get_be32(data + 4);

	if (n > FAT_ARCHS_MAX || !range_inside(sizeof(struct fat_header_raw),
					       n * sizeof(struct fat_arch_raw), len))
		return bad_fat(0, e);
	for (uint32_t i = 0; i < n; i++) {
		const struct fat_arch_raw *a =
			(const struct fat_arch_raw *)(data +
						      sizeof(struct fat_header_raw)) +
			i;

		if (be32_get(a->cputype) != arch->cputype)
			continue;
		if (!range_inside(be32_get(a->offset), be32_get(a->size), len))
			return bad_fat((size_t)((const uint8_t *)a - data), e);
		*ret_off = be32_get(a->offset);
		*ret_len = be32_get(a->size);
		return 0;
	}
	return err_set(
		e, E_UNSUPPORTED,
		"The kext does not contain a fat slice for the target architecture.");
}

int macho_slice(const void *data, size_t len, size_t *ret_off, size_t *ret_len,
		struct err *e)
{
	return macho_slice_for(data, len, macho_arch(MACHO_X86_64), ret_off, ret_len, e);
}

int macho_slice_for(const void *data, size_t len, const struct macho_arch *arch,
		    size_t *ret_off, size_t *ret_len, struct err *e)
{
	const uint8_t *p = data;

	if (len < sizeof(struct fat_header_raw))
		return bad_fat(0, e);
	if (get_be32(p) == FAT_MAGIC_RAW)
		return slice_of_fat(p, len, arch, ret_off, ret_len, e);
	*ret_off = 0;
	*ret_len = len;
	return 0;
}
