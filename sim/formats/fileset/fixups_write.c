/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "sim/formats/fileset/fixups.h"
#include "sim/formats/macho/write.h"

/* One segment at work: its part of rq->ptr, and its table in the output. */
struct chain {
	const struct fixups_request *rq;
	const struct fixups_segment *seg;
	size_t first, end;
	uint32_t page_size, stride;
};

static const struct fixups_segment *segment_of(const struct fixups_request *rq,
					       uint64_t addr)
{
	for (unsigned i = 0; i < rq->n_segs; i++) {
		const struct fixups_segment *s = &rq->seg[i];

		if (s->may_have && addr >= s->vmaddr && addr - s->vmaddr < s->vmsize &&
		    s->vmsize - (addr - s->vmaddr) >= 8)
			return s;
	}
	return NULL;
}

static int check_places(const struct fixups_request *rq, struct err *e)
{
	for (size_t i = 0; i < rq->n_ptrs; i++) {
		if (!segment_of(rq, rq->ptr[i]))
			return err_set(e, E_CORRUPT,
				       "pointer at 0x%llx, which is in no segment",
				       (unsigned long long)rq->ptr[i]);
		if (i && rq->ptr[i] - rq->ptr[i - 1] < 8)
			return err_set(e, E_CORRUPT, "pointer at 0x%llx lies on another",
				       (unsigned long long)rq->ptr[i]);
	}
	return 0;
}

/* The collection that @addr is in, and where; one byte behind its end still counts. */
static int find_target(const struct fixups_space *space, uint64_t addr, unsigned *level,
		       uint64_t *offset, struct err *e)
{
	for (*level = 0; *level < FIXUPS_LEVELS; ++*level) {
		*offset = addr - space->level[*level].base;
		if (space->level[*level].size && addr >= space->level[*level].base &&
		    *offset <= space->level[*level].size)
			break;
	}
	if (*level == FIXUPS_LEVELS)
		return err_set(e, E_CORRUPT, "pointer to 0x%llx, where no collection is",
			       (unsigned long long)addr);
	if (*offset >= FIXUPS_TARGET_MAX)
		return err_set(e, E_OVERFLOW, "pointer 0x%llx bytes into a collection",
			       (unsigned long long)*offset);
	return 0;
}

static uint64_t page_of(const struct chain *c, uint64_t addr)
{
	return (addr - c->seg->vmaddr) / c->page_size;
}

/* Link pointer @i to the next one of its page. */
static int put_pointer(const struct chain *c, size_t i, struct err *e)
{
	const struct fixups_request *rq = c->rq;
	uint64_t addr = rq->ptr[i], offset, next = 0;
	uint8_t *at = rq->file + c->seg->fileoff + (addr - c->seg->vmaddr);
	unsigned level;
	int r = find_target(rq->space, get_le64(at), &level, &offset, e);

	if (r)
		return err_ctx(e, "0x%llx", (unsigned long long)addr);
	if (i + 1 < c->end && page_of(c, rq->ptr[i + 1]) == page_of(c, addr))
		next = rq->ptr[i + 1] - addr;
	if (next % c->stride || (addr - c->seg->vmaddr) % c->stride)
		return err_set(e, E_CORRUPT, "pointer near 0x%llx is not aligned",
			       (unsigned long long)addr);
	put_le64(at, offset | (uint64_t)level << 30 | next / c->stride << 51);
	return 0;
}

static int put_starts(const struct chain *c, struct buf *out, struct err *e)
{
	uint64_t pages = (c->seg->vmsize + c->page_size - 1) / c->page_size;
	struct fixups_segment_raw raw = {
		.size = to_le32((uint32_t)(sizeof(raw) + 2 * pages)),
		.page_size = to_le16((uint16_t)c->page_size),
		.pointer_format =
			to_le16(c->stride == 1 ? FIXUPS_PTR_X86_64 : FIXUPS_PTR_ARM64),
		.segment_offset = to_le64(c->seg->vmaddr - c->rq->base),
		.page_count = to_le16((uint16_t)pages),
	};
	size_t i = c->first;
	int r;

	if (pages >= FIXUPS_NO_START)
		return err_set(e, E_OVERFLOW, "segment of %llu pages with pointers",
			       (unsigned long long)pages);
	r = buf_append(out, &raw, sizeof(raw), e);
	for (uint64_t page = 0; !r && page < pages; page++) {
		le16 start = to_le16(FIXUPS_NO_START);

		if (i < c->end && page_of(c, c->rq->ptr[i]) == page)
			start = to_le16((uint16_t)((c->rq->ptr[i] - c->seg->vmaddr) %
						   c->page_size));
		while (i < c->end && page_of(c, c->rq->ptr[i]) == page)
			i++;
		r = buf_append(out, &start, sizeof(start), e);
	}
	return r ? r : macho_pad(out, 8, e);
}

/* The pointers in @s, of which there may be none. */
static struct chain chain_of(const struct fixups_request *rq,
			     const struct fixups_segment *s)
{
	struct chain c = {.rq = rq, .seg = s, .page_size = rq->arch->page, .stride = 4};

	if (rq->arch == macho_arch(MACHO_X86_64))
		c.stride = 1;
	while (c.first < rq->n_ptrs && segment_of(rq, rq->ptr[c.first]) != s)
		c.first++;
	for (c.end = c.first; c.end < rq->n_ptrs; c.end++)
		if (segment_of(rq, rq->ptr[c.end]) != s)
			break;
	return c;
}

static int put_segment(const struct fixups_request *rq, unsigned seg, size_t image,
		       struct buf *out, struct err *e)
{
	struct chain c = chain_of(rq, &rq->seg[seg]);
	size_t at = image + sizeof(struct fixups_image_raw) + sizeof(le32) * seg;
	int r;

	if (c.first == c.end)
		return 0;
	put_le32(out->data + at, (uint32_t)(out->len - image));
	r = put_starts(&c, out, e);
	for (size_t i = c.first; !r && i < c.end; i++)
		r = put_pointer(&c, i, e);
	return r;
}

int fixups_write(const struct fixups_request *rq, struct buf *out, struct err *e)
{
	const struct fixups_header_raw empty = {.version = to_le32(0)};
	const le32 seg_count = to_le32(rq->n_segs);
	size_t start = out->len, image;
	int r = check_places(rq, e);

	if (!r)
		r = buf_append(out, &empty, sizeof(empty), e);
	if (!r)
		r = macho_pad(out, 8, e);
	image = out->len;
	if (!r)
		r = buf_append(out, &seg_count, sizeof(seg_count), e);
	if (!r)
		r = buf_append_zeros(out, sizeof(le32) * rq->n_segs, e);
	if (!r)
		r = macho_pad(out, 8, e);
	for (unsigned i = 0; !r && i < rq->n_segs; i++)
		r = put_segment(rq, i, image, out, e);
	if (!r) {
		struct fixups_header_raw *h = (void *)(out->data + start);

		h->starts_offset = to_le32((uint32_t)(image - start));
		h->imports_offset = to_le32((uint32_t)(out->len - start));
		h->symbols_offset = h->imports_offset;
		h->imports_format = to_le32(FIXUPS_IMPORT_FORMAT);
	}
	return r;
}
