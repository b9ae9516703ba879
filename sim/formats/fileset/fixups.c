/* SPDX-License-Identifier: MIT */
/* Chained fixups: walking them. */
#include "sim/formats/fileset/fixups.h"

#include "sim/base/ckd.h"

struct walk {
	const struct macho *m;
	const uint8_t *table;
	uint32_t size;
	fixups_fn *fn;
	void *arg;
};

bool fixups_find(const struct macho *m, uint32_t *off, uint32_t *size)
{
	for (unsigned i = 0; i < m->ncmds; i++) {
		const struct macho_linkedit_data_raw *raw;
		uint32_t cmd, cmdsize;
		size_t at;

		macho_lc_at(m, i, &cmd, &at, &cmdsize);
		if (cmd != LC_DYLD_CHAINED_FIXUPS || cmdsize < sizeof(*raw))
			continue;
		raw = (const void *)(m->data + at);
		*off = le32_get(raw->dataoff);
		*size = le32_get(raw->datasize);
		return true;
	}
	return false;
}

static int bad(const struct macho_segment *s, const char *what, struct err *e)
{
	return err_set(e, E_CORRUPT, "fixups of segment %s: %s", s->name, what);
}

static int walk_chain(const struct walk *w, const struct macho_segment *s,
		      uint64_t page_off, uint32_t page_size, uint32_t start,
		      uint32_t stride, struct err *e)
{
	for (uint32_t in_page = start;;) {
		uint64_t off = page_off + in_page, raw;
		uint32_t next;
		int r;

		if (in_page >= page_size || !range_inside(off, 8, s->filesize))
			return bad(s, "a chain leaves its page", e);
		raw = get_le64(w->m->data + s->fileoff + off);
		r = w->fn(w->arg, s->vmaddr + off, (enum fixups_level)(raw >> 30 & 3),
			  raw & (FIXUPS_TARGET_MAX - 1), raw >> 63, e);
		next = (uint32_t)(raw >> 51 & 0xfff) * stride;
		if (r || !next)
			return r;
		in_page += next; /* below 2^15 + 2^14 */
	}
}

static int walk_segment(const struct walk *w, const struct macho_segment *s, uint32_t at,
			struct err *e)
{
	const struct fixups_segment_raw *raw = (const void *)(w->table + at);
	uint32_t page_size, format, pages;

	if (!range_inside(at, sizeof(*raw), w->size))
		return bad(s, "outside the table", e);
	page_size = le16_get(raw->page_size);
	format = le16_get(raw->pointer_format);
	pages = le16_get(raw->page_count);
	if (!range_inside(at + sizeof(*raw), 2ull * pages, w->size))
		return bad(s, "pages outside the table", e);
	if (page_size != MACHO_PAGE && page_size != MACHO_PAGE_ARM64)
		return bad(s, "page size", e);
	if (format != FIXUPS_PTR_ARM64 && format != FIXUPS_PTR_X86_64)
		return bad(s, "pointer format", e);
	if (le64_get(raw->segment_offset) != s->vmaddr - w->m->segs[0].vmaddr)
		return bad(s, "offset of the segment", e);
	for (uint32_t i = 0; i < pages; i++) {
		uint32_t start = le16_get(raw->page_start[i]);
		int r = 0;

		if (start != FIXUPS_NO_START)
			r = walk_chain(w, s, (uint64_t)i * page_size, page_size, start,
				       format == FIXUPS_PTR_X86_64 ? 1 : 4, e);
		if (r)
			return r;
	}
	return 0;
}

static int walk_image(const struct walk *w, uint32_t at, struct err *e)
{
	const struct fixups_image_raw *raw = (const void *)(w->table + at);
	uint32_t n;

	if (!range_inside(at, sizeof(*raw), w->size))
		return err_set(e, E_CORRUPT, "fixups: starts outside the table");
	n = le32_get(raw->seg_count);
	if (n > w->m->nsegs ||
	    !range_inside(at + sizeof(*raw), sizeof(le32) * (uint64_t)n, w->size))
		return err_set(e, E_CORRUPT, "fixups of %u segments, there are %u", n,
			       w->m->nsegs);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t info = le32_get(raw->seg_info_offset[i]);
		int r = 0;

		if (info && info > w->size - at)
			r = bad(&w->m->segs[i], "outside the table", e);
		else if (info)
			r = walk_segment(w, &w->m->segs[i], at + info, e);
		if (r)
			return r;
	}
	return 0;
}

int fixups_walk(const struct macho *m, uint32_t off, uint32_t size, fixups_fn *fn,
		void *arg, struct err *e)
{
	struct walk w = {.m = m, .size = size, .fn = fn, .arg = arg};
	const struct fixups_header_raw *h;

	if (!range_inside(off, size, m->len) || size < sizeof(*h) || !m->nsegs)
		return err_set(e, E_CORRUPT, "fixups are outside the file");
	w.table = m->data + off;
	h = (const void *)w.table;
	if (le32_get(h->version))
		return err_set(e, E_CORRUPT, "fixups of version %u",
			       le32_get(h->version));
	if (le32_get(h->imports_count))
		return err_set(e, E_CORRUPT, "fixups with imports");
	return walk_image(&w, le32_get(h->starts_offset), e);
}
