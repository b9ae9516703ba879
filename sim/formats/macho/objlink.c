/* SPDX-License-Identifier: MIT */
#include "sim/formats/macho/objlink.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/macho/objlink_internal.h"

#define HEADER_PAD 32u /* bytes */
#define KEXT_SIZE_MAX (1u << 30) /* r_address of a relocation is 32 bits */

static void release(struct ol *l)
{
	for (size_t i = 0; i < l->n_objs; i++) {
		macho_release(&l->obj[i].m);
		free(l->obj[i].place);
		free(l->obj[i].global);
	}
	free(l->obj);
	free(l->sect);
	free(l->global);
	symdict_release(&l->names);
	buf_release(&l->file);
	split_refs_release(&l->refs);
	free(l->ext.r);
	free(l->loc.r);
	macho_symw_release(&l->syms);
}

static int open_inputs(struct ol *l, const struct objlink_input *in, size_t n,
		       struct err *e)
{
	l->obj = calloc(n, sizeof(*l->obj));
	if (!l->obj)
		return err_set(e, E_NOMEM, "out of memory");
	/* What is of no architecture is refused as not being of x86_64. */
	l->arch = macho_arch_of(in[0].data, in[0].len);
	if (!l->arch)
		l->arch = macho_arch(MACHO_X86_64);
	for (size_t i = 0; i < n; i++) {
		struct ol_object *o = &l->obj[i];
		int r = macho_open_for(in[i].data, in[i].len, l->arch, &o->m, e);

		if (r)
			return err_ctx(e, "%s", in[i].name);
		l->n_objs++;
		o->name = in[i].name;
		if (o->m.filetype != MH_OBJECT)
			return err_set(e, E_UNSUPPORTED,
				       "%s: not an object file (filetype 0x%x)", o->name,
				       o->m.filetype);
		o->place = calloc(o->m.nsects + 1, sizeof(*o->place));
		if (!o->place)
			return err_set(e, E_NOMEM, "out of memory");
	}
	return 0;
}

/* Debugging information and unwind tables do not go into the kernel. */
static bool is_left_out(const struct macho_section *s)
{
	return (s->flags & S_ATTR_DEBUG) || !strcmp(s->segname, "__LD") ||
	       !strcmp(s->segname, "__DWARF") || !strcmp(s->segname, "__LLVM");
}

/*
 * Section types whose content can be laid end to end; the others need code of their own.
 */
static bool can_concatenate(const struct macho_section *s)
{
	static const uint32_t known = 1u << S_REGULAR | 1u << S_ZEROFILL |
				      1u << S_CSTRING_LITERALS | 1u << 0x3 | 1u << 0x4 |
				      1u << 0x5 |	      /* literals */
				      1u << 0x9 | 1u << 0xa | /* init, term */
				      1u << 0xb | 1u << 0xe;  /* coalesced, 16 bytes */
	uint32_t type = s->flags & SECTION_TYPE;

	return type < 32 && (known >> type & 1);
}

static struct ol_section *output_for(struct ol *l, const struct macho_section *in)
{
	for (size_t i = 0; i < l->n_sects; i++) {
		struct ol_section *s = &l->sect[i];

		if (!strcmp(s->s.segname, in->segname) && !strcmp(s->s.name, in->name))
			return s;
	}
	return NULL;
}

static int new_output(struct ol *l, const struct macho_section *in,
		      struct ol_section **ret, struct err *e)
{
	struct ol_section *grown, *s;

	if (l->n_sects == MACHO_SECTS_MAX)
		return err_set(e, E_OVERFLOW, "too many sections");
	grown = realloc(l->sect, (l->n_sects + 1) * sizeof(*grown));
	if (!grown)
		return err_set(e, E_NOMEM, "out of memory");
	l->sect = grown;
	s = &l->sect[l->n_sects];
	*s = (struct ol_section){.s = *in, .index = (uint32_t)l->n_sects};
	s->s.size = s->s.align = s->s.reloff = s->s.nreloc = 0;
	l->n_sects++;
	*ret = s;
	return 0;
}

static int place_section(struct ol *l, struct ol_object *o, unsigned n, struct err *e)
{
	const struct macho_section *in = &o->m.sects[n];
	struct ol_section *out;
	uint64_t at;
	int r;

	o->place[n].out = NOT_PLACED;
	if (is_left_out(in))
		return 0;
	if (!can_concatenate(in))
		return err_set(e, E_UNSUPPORTED, "%s: section %s,%s of type %u", o->name,
			       in->segname, in->name, in->flags & SECTION_TYPE);
	out = output_for(l, in);
	if (!out) {
		r = new_output(l, in, &out, e);
		if (r)
			return r;
	}
	if (macho_is_zerofill(&out->s) != macho_is_zerofill(in))
		return err_set(e, E_UNSUPPORTED, "%s: section %s,%s changes its type",
			       o->name, in->segname, in->name);
	if (out->s.align < in->align)
		out->s.align = in->align;
	if (ckd_round_up(&at, out->s.size, 1ull << in->align) ||
	    ckd_add(&out->s.size, at, in->size) || out->s.size > KEXT_SIZE_MAX)
		return err_set(e, E_OVERFLOW, "%s: section %s,%s is too large", o->name,
			       in->segname, in->name);
	o->place[n] = (struct ol_place){.out = out->index, .offset = at};
	return 0;
}

/* __TEXT first, because it holds the header; then __DATA; the rest as it came. */
static unsigned segment_rank(const struct ol_section *s)
{
	if (!strcmp(s->s.segname, "__TEXT"))
		return 0;
	return strcmp(s->s.segname, "__DATA") ? 2 + s->index : 1;
}

static int by_order(const void *a, const void *b)
{
	const struct ol_section *x = a, *y = b;
	bool zx = macho_is_zerofill(&x->s), zy = macho_is_zerofill(&y->s);

	if (x->seg_rank != y->seg_rank)
		return x->seg_rank < y->seg_rank ? -1 : 1;
	if (zx != zy)
		return zx ? 1 : -1; /* takes no room in the file, so it comes last */
	return x->order < y->order ? -1 : 1;
}

static void sort_sections(struct ol *l)
{
	uint32_t now[MACHO_SECTS_MAX];

	for (size_t i = 0; i < l->n_sects; i++) {
		struct ol_section *s = &l->sect[i];

		s->seg_rank = segment_rank(s);
		for (size_t j = 0; j < i; j++)
			if (!strcmp(l->sect[j].s.segname, s->s.segname))
				s->seg_rank = l->sect[j].seg_rank;
		s->order = strcmp(s->s.name, "__text") ? s->index + 1 : 0;
	}
	if (l->n_sects) /* objects may have none at all */
		qsort(l->sect, l->n_sects, sizeof(*l->sect), by_order);
	for (size_t i = 0; i < l->n_sects; i++)
		now[l->sect[i].index] = (uint32_t)i;
	for (size_t i = 0; i < l->n_objs; i++)
		for (unsigned n = 0; n < l->obj[i].m.nsects; n++)
			if (l->obj[i].place[n].out != NOT_PLACED)
				l->obj[i].place[n].out = now[l->obj[i].place[n].out];
}

/* Group the sorted sections into segments. __TEXT is there even when it is empty. */
static int make_segments(struct ol *l, struct err *e)
{
	struct macho_segment *seg = &l->seg[0];

	*seg = (struct macho_segment){.name = "__TEXT", .maxprot = 7, .initprot = 5};
	l->n_segs = 1;
	for (unsigned i = 0; i < l->n_sects; i++) {
		const char *name = l->sect[i].s.segname;

		if (strcmp(seg->name, name)) {
			if (l->n_segs == MACHO_SEGS_MAX - 1)
				return err_set(e, E_OVERFLOW, "too many segments");
			seg = &l->seg[l->n_segs++];
			*seg = (struct macho_segment){
				.maxprot = 7, .initprot = 3, .first_sect = i};
			memcpy(seg->name, name, sizeof(seg->name));
		}
		seg->nsects++;
	}
	return 0;
}

static uint32_t commands_size(const struct ol *l)
{
	return (uint32_t)((l->n_segs + 1) * sizeof(struct macho_segment_raw) +
			  l->n_sects * sizeof(struct macho_section_raw) +
			  sizeof(struct macho_symtab_raw) +
			  sizeof(struct macho_dysymtab_raw) +
			  sizeof(struct macho_uuid_raw) +
			  (l->split ? sizeof(struct macho_linkedit_data_raw) : 0));
}

/*
 * Addresses count from 0; __TEXT begins with header and load commands. Behind them is
 * some room, as ld64 leaves it (-headerpad): code signing adds a load command.
 */
static int lay_out(struct ol *l, struct err *e)
{
	const uint64_t page = l->arch->page;
	uint64_t addr = 0, off = 0;

	for (unsigned i = 0; i < l->n_segs; i++) {
		struct macho_segment *seg = &l->seg[i];
		uint64_t at = i ? 0
				: sizeof(struct macho_header_raw) + commands_size(l) +
					  HEADER_PAD;
		uint64_t in_file = at;

		for (unsigned k = 0; k < seg->nsects; k++) {
			struct macho_section *s = &l->sect[seg->first_sect + k].s;

			if (ckd_round_up(&at, at, 1ull << s->align))
				return err_set(e, E_OVERFLOW, "kext too large");
			s->addr = addr + at;
			s->offset = macho_is_zerofill(s) ? 0 : (uint32_t)(off + at);
			at += s->size;
			if (!macho_is_zerofill(s))
				in_file = at;
			if (addr + at > KEXT_SIZE_MAX)
				return err_set(e, E_OVERFLOW, "kext too large");
		}
		seg->vmaddr = addr;
		seg->fileoff = off;
		seg->vmsize = (at + page - 1) & ~(page - 1);
		seg->filesize = (in_file + page - 1) & ~(page - 1);
		addr += seg->vmsize;
		off += seg->filesize;
	}
	return buf_append_zeros(&l->file, off, e);
}

static void copy_sections(struct ol *l)
{
	for (size_t i = 0; i < l->n_objs; i++)
		for (unsigned n = 0; n < l->obj[i].m.nsects; n++) {
			const struct ol_object *o = &l->obj[i];
			const struct macho_section *in = &o->m.sects[n];
			const struct ol_place *p = &o->place[n];

			if (p->out == NOT_PLACED || macho_is_zerofill(in) || !in->size)
				continue;
			memcpy(l->file.data + l->sect[p->out].s.offset + p->offset,
			       o->m.data + in->offset, in->size);
		}
}

static int put_relocs(struct ol *l, struct ol_relocs *list, uint32_t *off, uint32_t *n,
		      struct err *e)
{
	int r = 0;

	*off = list->n ? (uint32_t)l->file.len : 0;
	*n = (uint32_t)list->n;
	for (size_t i = 0; !r && i < list->n; i++) {
		struct macho_reloc *rel = &list->r[i];

		if (rel->is_extern)
			rel->symbolnum = l->global[rel->symbolnum].out_index;
		r = macho_put_reloc(&l->file, rel, e);
	}
	return r;
}

/* Where the parts of __LINKEDIT are that load commands name. */
struct linkedit {
	struct macho_segment seg;
	uint32_t symoff, stroff, splitoff, splitsize;
};

static int put_split_info(struct ol *l, struct linkedit *p, struct err *e)
{
	int r;

	p->splitoff = (uint32_t)l->file.len;
	r = split_info_write(&l->refs, &l->file, e);
	p->splitsize = (uint32_t)l->file.len - p->splitoff;
	return r;
}

/* __LINKEDIT: relocations, symbols, strings, perhaps split information. */
static int put_linkedit(struct ol *l, struct linkedit *p, struct err *e)
{
	struct macho_segment *le = &p->seg;
	const struct macho_segment *last = &l->seg[l->n_segs - 1];
	int r;

	*le = (struct macho_segment){.name = "__LINKEDIT", .maxprot = 7, .initprot = 1};
	le->vmaddr = last->vmaddr + last->vmsize;
	le->fileoff = l->file.len;
	r = put_relocs(l, &l->loc, &l->dysym.locreloff, &l->dysym.nlocrel, e);
	if (!r)
		r = put_relocs(l, &l->ext, &l->dysym.extreloff, &l->dysym.nextrel, e);
	p->symoff = (uint32_t)l->file.len;
	if (!r)
		r = buf_append(&l->file, l->syms.nlists.data, l->syms.nlists.len, e);
	p->stroff = (uint32_t)l->file.len;
	if (!r)
		r = buf_append(&l->file, l->syms.strings.data, l->syms.strings.len, e);
	if (!r)
		r = macho_pad(&l->file, 8, e);
	if (!r && l->split)
		r = put_split_info(l, p, e);
	le->filesize = l->file.len - le->fileoff;
	le->vmsize = (le->filesize + l->arch->page - 1) & ~(uint64_t)(l->arch->page - 1);
	return r;
}

static int put_commands(const struct ol *l, struct buf *out, const struct linkedit *p,
			struct err *e)
{
	static const uint8_t no_uuid[16];
	struct macho_section sects[MACHO_SECTS_MAX];
	struct macho_head head = {
		.arch = l->arch,
		.filetype = MH_KEXT_BUNDLE,
		.ncmds = l->n_segs + 4 + l->split,
		.sizeofcmds = commands_size(l),
	};
	int r = macho_put_header(out, &head, e);

	for (unsigned i = 0; i < l->n_sects; i++)
		sects[i] = l->sect[i].s;
	for (unsigned i = 0; !r && i < l->n_segs; i++)
		r = macho_put_segment(out, &l->seg[i], &sects[l->seg[i].first_sect], e);
	if (!r)
		r = macho_put_segment(out, &p->seg, NULL, e);
	if (!r && l->split)
		r = macho_put_linkedit_data(out, LC_SEGMENT_SPLIT_INFO, p->splitoff,
					    p->splitsize, e);
	if (!r)
		r = macho_put_symtab(out, p->symoff, l->syms.n, p->stroff,
				     (uint32_t)l->syms.strings.len, e);
	if (!r)
		r = macho_put_dysymtab(out, &l->dysym, e);
	if (!r)
		r = macho_put_uuid(out, no_uuid, e);
	return r;
}

/* Load commands go where lay_out left room; then the UUID of all that. */
static int finish(struct ol *l, struct err *e)
{
	struct buf head = BUF_INIT;
	struct linkedit le;
	uint8_t uuid[16];
	int r;

	memset(&le, 0, sizeof(le));
	r = put_linkedit(l, &le, e);
	if (!r)
		r = put_commands(l, &head, &le, e);
	if (!r) {
		memcpy(l->file.data, head.data, head.len);
		r = macho_content_uuid(l->file.data, l->file.len, uuid, e);
	}
	if (!r)
		memcpy(l->file.data + head.len - sizeof(uuid), uuid, sizeof(uuid));
	buf_release(&head);
	return r;
}

static int link_objects(struct ol *l, const struct objlink_input *in, size_t n,
			struct err *e)
{
	int r = open_inputs(l, in, n, e);

	for (size_t i = 0; !r && i < l->n_objs; i++)
		for (unsigned s = 0; !r && s < l->obj[i].m.nsects; s++)
			r = place_section(l, &l->obj[i], s, e);
	if (r)
		return r;
	sort_sections(l);
	r = make_segments(l, e);
	if (!r)
		r = lay_out(l, e);
	if (r)
		return r;
	copy_sections(l);
	r = ol_collect_symbols(l, e);
	if (!r)
		r = ol_write_symbols(l, e);
	if (!r)
		r = ol_relocate(l, e);
	if (!r)
		r = finish(l, e);
	return r;
}

int objlink(const struct objlink_input *in, size_t n, struct buf *out, struct err *e)
{
	return objlink_split(in, n, false, out, e);
}

int objlink_split(const struct objlink_input *in, size_t n, bool split, struct buf *out,
		  struct err *e)
{
	struct ol l = {.split = split};
	int r;

	if (!n || n > OBJLINK_INPUTS_MAX)
		return err_set(e, E_INVAL, "%zu input files", n);
	r = link_objects(&l, in, n, e);
	if (!r)
		r = buf_append(out, l.file.data, l.file.len, e);
	release(&l);
	return r;
}
