/* SPDX-License-Identifier: MIT */
#include "sim/formats/macho/detach.h"

#include <stddef.h>
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/macho/write.h"

/* In the header of what lies in a shared cache or collection. */
#define MH_DYLIB_IN_CACHE 0x80000000u
#define LINKEDIT	  "__LINKEDIT"
/* Segments do not share bytes, so that they need no more room than the file and padding.
 */
#define ROOM_MAX(m) ((m)->len + (uint64_t)MACHO_SEGS_MAX * (m)->arch->page)

/* Where load commands say what __LINKEDIT holds for them. */
static const struct linkedit_part {
	uint32_t cmd;
	unsigned off_at, n_at; /* in the command: where it is, how many */
	unsigned unit;	       /* bytes of one */
} linkedit_parts[] = {
	{LC_SYMTAB, 8, 12, sizeof(struct macho_nlist_raw)},
	{LC_SYMTAB, 16, 20, 1},
	{LC_DYSYMTAB, 56, 60, 4}, /* indirect symbols */
	{LC_DYSYMTAB, 64, 68, sizeof(struct macho_reloc_raw)},
	{LC_DYSYMTAB, 72, 76, sizeof(struct macho_reloc_raw)},
	{LC_CODE_SIGNATURE, 8, 12, 1},
	{LC_SEGMENT_SPLIT_INFO, 8, 12, 1},
	{LC_FUNCTION_STARTS, 8, 12, 1},
	{LC_DATA_IN_CODE, 8, 12, 1},
	{LC_DYLIB_CODE_SIGN_DRS, 8, 12, 1},
	{LC_DYLD_CHAINED_FIXUPS, 8, 12, 1},
};
#define N_PARTS (sizeof(linkedit_parts) / sizeof(linkedit_parts[0]))

struct detach {
	const struct macho *m;
	struct buf *out;
	bool linkedit_done; /* there is only one */
};

static bool is_linkedit(const struct macho_segment *s)
{
	return !strcmp(s->name, LINKEDIT);
}

/* Of segment @i, which has been put at @fileoff of the new file. */
static int poke(struct detach *d, unsigned i, uint64_t fileoff, uint64_t filesize,
		struct err *e)
{
	struct macho_segment seg = d->m->segs[i];

	seg.lc_off -= d->m->head;
	seg.fileoff = fileoff;
	seg.filesize = filesize;
	if (is_linkedit(&seg))
		seg.vmsize = (filesize + d->m->arch->page - 1) &
			     ~(uint64_t)(d->m->arch->page - 1);
	macho_poke_segment(d->out->data, &seg);
	for (unsigned k = 0; k < seg.nsects; k++) {
		struct macho_section s = d->m->sects[seg.first_sect + k];

		if (s.nreloc)
			return err_set(e, E_UNSUPPORTED, "%s,%s has relocations",
				       s.segname, s.name);
		s.reloff = 0;
		if (!macho_is_zerofill(&s) && s.size)
			s.offset = (uint32_t)(s.offset - d->m->segs[i].fileoff + fileoff);
		else
			s.offset = 0;
		macho_poke_section(d->out->data, &seg, k, &s);
	}
	return 0;
}

/* What a load command names of __LINKEDIT, behind what is there. */
static int put_part(struct detach *d, size_t lc, const struct linkedit_part *p,
		    uint32_t lc_size, struct err *e)
{
	const uint8_t *from = d->m->data + lc;
	uint8_t *to;
	uint64_t len;
	uint32_t off;
	int r;

	if (lc_size < p->n_at + 4)
		return err_set(e, E_CORRUPT, "load command at %#zx has %u bytes", lc,
			       lc_size);
	off = get_le32(from + p->off_at);
	len = (uint64_t)get_le32(from + p->n_at) * p->unit;
	if (len && !range_inside(off, len, d->m->len))
		return err_set(e, E_CORRUPT, "load command at %#zx: %#x bytes at %#x", lc,
			       (unsigned)len, off);
	r = macho_pad(d->out, 8, e);
	to = d->out->data + (lc - d->m->head);
	put_le32(to + p->off_at, len ? (uint32_t)d->out->len : 0);
	return r || !len ? r : buf_append(d->out, d->m->data + off, len, e);
}

static int put_linkedit(struct detach *d, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; i < d->m->ncmds; i++) {
		uint32_t cmd, size;
		size_t off;

		macho_lc_at(d->m, i, &cmd, &off, &size);
		for (size_t k = 0; !r && k < N_PARTS; k++)
			if (linkedit_parts[k].cmd == cmd)
				r = put_part(d, off, &linkedit_parts[k], size, e);
	}
	return r;
}

static int put_segment(struct detach *d, unsigned i, struct err *e)
{
	const struct macho_segment *s = &d->m->segs[i];
	int r = macho_pad(d->out, d->m->arch->page, e);
	uint64_t start = d->out->len;

	if (r)
		return r;
	if (start + s->filesize > ROOM_MAX(d->m))
		return err_set(e, E_OVERFLOW, "segments of more than the whole file");
	if (!is_linkedit(s))
		r = buf_append(d->out, d->m->data + s->fileoff, s->filesize, e);
	else if (!d->linkedit_done)
		r = put_linkedit(d, e);
	d->linkedit_done |= is_linkedit(s);
	return r ? r : poke(d, i, start, d->out->len - start, e);
}

/* The index of the segment that the header is in; nsegs: none starts with it. */
static unsigned first_segment(const struct macho *m)
{
	unsigned i = 0;

	while (i < m->nsegs &&
	       (is_linkedit(&m->segs[i]) || m->segs[i].fileoff != m->head ||
		m->segs[i].filesize < sizeof(struct macho_header_raw) + m->sizeofcmds))
		i++;
	return i;
}

int macho_detach(const struct macho *m, struct buf *out, struct err *e)
{
	struct detach d = {.m = m, .out = out};
	unsigned first = first_segment(m);
	uint8_t *flags;
	int r;

	if (first == m->nsegs)
		return err_set(e, E_CORRUPT, "no segment starts with the header at %#zx",
			       m->head);
	r = put_segment(&d, first, e);
	for (unsigned i = 0; !r && i < m->nsegs; i++)
		if (i != first)
			r = put_segment(&d, i, e);
	if (r)
		return r;
	flags = out->data + offsetof(struct macho_header_raw, flags);
	put_le32(flags, get_le32(flags) & ~MH_DYLIB_IN_CACHE);
	return 0;
}
