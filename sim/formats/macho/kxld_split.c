/* SPDX-License-Identifier: MIT */
/* Segments that move by different distances (dyld AdjustDylibSegments.cpp). */
#include "sim/base/ckd.h"
#include "sim/formats/macho/arm64.h"
#include "sim/formats/macho/kxld_internal.h"

uint64_t kx_slide_at(const struct kx *k, uint64_t addr)
{
	unsigned i = k->linkedit - 1; /* the GOT is behind the last one */

	while (i && addr < k->m.segs[i].vmaddr)
		i--;
	return k->slide[i];
}

int kx_section_slide(const struct kx *k, uint32_t n, uint64_t *ret, struct err *e)
{
	*ret = k->slide[0];
	if (!k->rq->seg_addr) /* all move alike; the number is not looked at */
		return 0;
	for (unsigned i = 0; i < k->linkedit; i++) {
		const struct macho_segment *s = &k->m.segs[i];

		if (n > s->first_sect && n - s->first_sect <= s->nsects) {
			*ret = k->slide[i];
			return 0;
		}
	}
	return err_set(e, E_CORRUPT, "no section %u outside __LINKEDIT", n);
}

int kx_read_split(struct kx *k, struct err *e)
{
	for (unsigned i = 0; i < k->m.ncmds; i++) {
		const struct macho_linkedit_data_raw *raw;
		uint32_t cmd, size;
		size_t off;

		macho_lc_at(&k->m, i, &cmd, &off, &size);
		if (cmd != LC_SEGMENT_SPLIT_INFO || size < sizeof(*raw))
			continue;
		raw = (const void *)(k->m.data + off);
		if (!range_inside(le32_get(raw->dataoff), le32_get(raw->datasize),
				  k->m.len))
			return err_set(e, E_CORRUPT,
				       "split information is outside the file");
		return split_info_read(k->m.data + le32_get(raw->dataoff),
				       le32_get(raw->datasize), &k->refs, e);
	}
	return err_set(e, E_UNSUPPORTED,
		       "the kext has no split information, its segments stay together");
}

/* Address in the input of @offset in section @n, where 0 is the header. */
static int place_of(const struct kx *k, uint32_t n, uint64_t offset, uint64_t *ret,
		    struct err *e)
{
	uint64_t start = k->base;

	if (n > k->m.nsects)
		return err_set(e, E_CORRUPT, "split information: no section %u", n);
	if (n)
		start = k->m.sects[n - 1].addr;
	return ckd_add(ret, start, offset)
		       ? err_set(e, E_CORRUPT, "split information: offset 0x%llx",
				 (unsigned long long)offset)
		       : 0;
}

static int add_32(uint8_t *at, int64_t by, struct err *e)
{
	int64_t v = (int32_t)get_le32(at) + by;

	if (v != (int32_t)v)
		return kx_overflow(e);
	put_le32(at, (uint32_t)v);
	return 0;
}

/* @by: how much farther the target is now. A multiple of 4 KiB. */
static int adjust(uint32_t kind, uint8_t *at, int64_t by, struct err *e)
{
	switch (kind) {
	case SPLIT_POINTER_64:	/* has a relocation too */
	case SPLIT_ARM64_OFF12: /* its page moved, not its place in the page */
		return 0;
	case SPLIT_DELTA_32:
		return add_32(at, by, e);
	case SPLIT_DELTA_64:
		put_le64(at, get_le64(at) + (uint64_t)by);
		return 0;
	case SPLIT_ARM64_ADRP:
		return arm64_set_page21(at, arm64_page21(at) + by) ? 0 : kx_overflow(e);
	case SPLIT_ARM64_BR26:
		return arm64_set_branch26(at, arm64_branch26(at) + by) ? 0
								       : kx_overflow(e);
	default:
		return err_set(e, E_UNSUPPORTED, "split information of kind %u", kind);
	}
}

static int adjust_one(struct kx *k, const struct split_ref *ref, struct err *e)
{
	uint64_t from = 0, to_slide = 0;
	uint8_t *at;
	int r = place_of(k, ref->from, ref->from_offset, &from, e);

	if (!r && ref->to)
		r = kx_section_slide(k, ref->to, &to_slide, e);
	else if (!r)
		to_slide = k->slide[0];
	if (r)
		return r;
	at = kx_at(k, from, ref->kind == SPLIT_DELTA_64 ? 8 : 4);
	if (!at)
		return err_set(e, E_CORRUPT, "split information: 0x%llx is outside",
			       (unsigned long long)from);
	return adjust(ref->kind, at, (int64_t)(to_slide - kx_slide_at(k, from)), e);
}

int kx_adjust_split(struct kx *k, struct err *e)
{
	int r = 0;

	if (!k->rq->seg_addr)
		return 0;
	for (size_t i = 0; !r && i < k->refs.n; i++)
		r = adjust_one(k, &k->refs.r[i], e);
	return r;
}
