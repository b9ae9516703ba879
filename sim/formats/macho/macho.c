/* SPDX-License-Identifier: MIT */
#include "sim/formats/macho/macho.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/macho/internal.h"

int macho_truncated(struct err *e)
{
	return err_set(e, E_CORRUPT,
		       "The Mach-O file has been truncated. "
		       "Make sure the Mach-O header structures are correct.");
}

static void copy_name(char dst[17], const char src[16])
{
	memcpy(dst, src, 16);
	dst[16] = '\0';
}

bool macho_is_zerofill(const struct macho_section *s)
{
	uint32_t type = s->flags & SECTION_TYPE;

	return type == S_ZEROFILL || type == S_GB_ZEROFILL;
}

void macho_lc_at(const struct macho *m, unsigned i, uint32_t *cmd, size_t *off,
		 uint32_t *size)
{
	size_t at = m->head + sizeof(struct macho_header_raw);

	while (i--)
		at += get_le32(m->data + at + 4);
	*cmd = get_le32(m->data + at);
	*size = get_le32(m->data + at + 4);
	*off = at;
}

/* A table of @n items of @size bytes at @off inside the file? */
static bool table_inside(const struct macho *m, uint32_t off, uint32_t n, size_t size)
{
	return !n || range_inside(off, (uint64_t)n * size, m->len);
}

static int read_section(struct macho *m, const struct macho_section_raw *raw,
			struct err *e)
{
	struct macho_section *s = &m->sects[m->nsects];

	copy_name(s->name, raw->sectname);
	copy_name(s->segname, raw->segname);
	s->addr = le64_get(raw->addr);
	s->size = le64_get(raw->size);
	s->offset = le32_get(raw->offset);
	s->align = le32_get(raw->align);
	s->reloff = le32_get(raw->reloff);
	s->nreloc = le32_get(raw->nreloc);
	s->flags = le32_get(raw->flags);
	s->reserved1 = le32_get(raw->reserved1);
	s->reserved2 = le32_get(raw->reserved2);
	if (s->align > 15 || s->addr + s->size < s->addr)
		return err_set(e, E_CORRUPT, "section %s,%s: bad alignment or address",
			       s->segname, s->name);
	if (!macho_is_zerofill(s) && s->size && !range_inside(s->offset, s->size, m->len))
		return macho_truncated(e);
	if (!table_inside(m, s->reloff, s->nreloc, sizeof(struct macho_reloc_raw)))
		return macho_truncated(e);
	m->nsects++;
	return 0;
}

/* Sections of an object lie in one nameless segment; in other files inside their own. */
static bool section_in_segment(const struct macho *m, const struct macho_segment *seg,
			       const struct macho_section *s)
{
	if (m->filetype == MH_OBJECT)
		return true;
	if (s->addr < seg->vmaddr ||
	    !range_inside(s->addr - seg->vmaddr, s->size, seg->vmsize))
		return false;
	if (macho_is_zerofill(s) || !s->size)
		return true;
	return s->offset >= seg->fileoff &&
	       range_inside(s->offset - seg->fileoff, s->size, seg->filesize);
}

static int read_sections(struct macho *m, struct macho_segment *seg, size_t off,
			 uint32_t size, uint32_t nsects, struct err *e)
{
	const struct macho_section_raw *raw =
		(const void *)(m->data + off + sizeof(struct macho_segment_raw));
	struct macho_section *grown;
	int r;

	if (!range_inside(sizeof(struct macho_segment_raw), nsects * sizeof(*raw), size))
		return macho_truncated(e);
	if (nsects > MACHO_SECTS_MAX - m->nsects)
		return err_set(e, E_OVERFLOW, "too many sections");
	seg->first_sect = m->nsects;
	seg->nsects = nsects;
	if (!nsects)
		return 0;
	grown = realloc(m->sects, (m->nsects + nsects) * sizeof(*grown));
	if (!grown)
		return err_set(e, E_NOMEM, "out of memory");
	m->sects = grown;
	for (uint32_t i = 0; i < nsects; i++) {
		r = read_section(m, &raw[i], e);
		if (r) {
			err_ctx(e, "section at offset 0x%zx",
				off + sizeof(struct macho_segment_raw) + i * sizeof(*raw));
			return r;
		}
		if (!section_in_segment(m, seg, &m->sects[m->nsects - 1]))
			return err_set(e, E_CORRUPT,
				       "section %s,%s is outside its segment",
				       m->sects[m->nsects - 1].segname,
				       m->sects[m->nsects - 1].name);
	}
	return 0;
}

static int read_segment(struct macho *m, size_t off, uint32_t size, struct err *e)
{
	const struct macho_segment_raw *raw = (const void *)(m->data + off);
	struct macho_segment *grown, *seg;
	uint64_t end;

	if (size < sizeof(*raw))
		return macho_truncated(e);
	if (m->nsegs == MACHO_SEGS_MAX)
		return err_set(e, E_OVERFLOW, "too many segments");
	grown = realloc(m->segs, (m->nsegs + 1) * sizeof(*grown));
	if (!grown)
		return err_set(e, E_NOMEM, "out of memory");
	m->segs = grown;
	seg = &m->segs[m->nsegs++];
	memset(seg, 0, sizeof(*seg));
	copy_name(seg->name, raw->segname);
	seg->vmaddr = le64_get(raw->vmaddr);
	seg->vmsize = le64_get(raw->vmsize);
	seg->fileoff = le64_get(raw->fileoff);
	seg->filesize = le64_get(raw->filesize);
	seg->maxprot = le32_get(raw->maxprot);
	seg->initprot = le32_get(raw->initprot);
	seg->flags = le32_get(raw->flags);
	seg->lc_off = off;
	if (ckd_add(&end, seg->vmaddr, seg->vmsize))
		return err_set(e, E_CORRUPT, "segment %s: bad address", seg->name);
	if (seg->filesize && !range_inside(seg->fileoff, seg->filesize, m->len))
		return macho_truncated(e);
	return read_sections(m, seg, off, size, le32_get(raw->nsects), e);
}

static int read_symtab(struct macho *m, size_t off, uint32_t size, struct err *e)
{
	const struct macho_symtab_raw *raw = (const void *)(m->data + off);

	if (size < sizeof(*raw))
		return macho_truncated(e);
	if (m->has_symtab)
		return err_set(e, E_CORRUPT, "two LC_SYMTAB");
	m->has_symtab = true;
	m->symoff = le32_get(raw->symoff);
	m->nsyms = le32_get(raw->nsyms);
	m->stroff = le32_get(raw->stroff);
	m->strsize = le32_get(raw->strsize);
	if (!table_inside(m, m->symoff, m->nsyms, sizeof(struct macho_nlist_raw)) ||
	    !table_inside(m, m->stroff, m->strsize, 1))
		return macho_truncated(e);
	return 0;
}

static int read_dysymtab(struct macho *m, size_t off, uint32_t size, struct err *e)
{
	const struct macho_dysymtab_raw *raw = (const void *)(m->data + off);
	struct macho_dysymtab *d = &m->dysym;

	if (size < sizeof(*raw))
		return macho_truncated(e);
	if (m->has_dysymtab)
		return err_set(e, E_CORRUPT, "two LC_DYSYMTAB");
	m->has_dysymtab = true;
	d->ilocal = le32_get(raw->ilocalsym);
	d->nlocal = le32_get(raw->nlocalsym);
	d->iextdef = le32_get(raw->iextdefsym);
	d->nextdef = le32_get(raw->nextdefsym);
	d->iundef = le32_get(raw->iundefsym);
	d->nundef = le32_get(raw->nundefsym);
	d->indirectoff = le32_get(raw->indirectsymoff);
	d->nindirect = le32_get(raw->nindirectsyms);
	d->extreloff = le32_get(raw->extreloff);
	d->nextrel = le32_get(raw->nextrel);
	d->locreloff = le32_get(raw->locreloff);
	d->nlocrel = le32_get(raw->nlocrel);
	if (!table_inside(m, d->indirectoff, d->nindirect, sizeof(le32)) ||
	    !table_inside(m, d->extreloff, d->nextrel, sizeof(struct macho_reloc_raw)) ||
	    !table_inside(m, d->locreloff, d->nlocrel, sizeof(struct macho_reloc_raw)))
		return macho_truncated(e);
	return 0;
}

static int read_uuid(struct macho *m, size_t off, uint32_t size, struct err *e)
{
	if (size != sizeof(struct macho_uuid_raw))
		return macho_truncated(e);
	m->has_uuid = true;
	memcpy(m->uuid, m->data + off + 8, sizeof(m->uuid));
	return 0;
}

static int read_lc(struct macho *m, uint32_t cmd, size_t off, uint32_t size,
		   struct err *e)
{
	switch (cmd) {
	case LC_SEGMENT_64:
		return read_segment(m, off, size, e);
	case LC_SYMTAB:
		return read_symtab(m, off, size, e);
	case LC_DYSYMTAB:
		return read_dysymtab(m, off, size, e);
	case LC_UUID:
		return read_uuid(m, off, size, e);
	default:
		return 0; /* which commands are allowed is the linker's question */
	}
}

/* The command at @off, which has to end at or before @end. */
static int read_lc_at(struct macho *m, size_t off, size_t end, uint32_t *ret_size,
		      struct err *e)
{
	uint32_t size;

	if (!range_inside(off, sizeof(struct macho_lc_raw), end))
		return macho_truncated(e);
	size = get_le32(m->data + off + 4);
	if (size < sizeof(struct macho_lc_raw) || size % 4 || !range_inside(off, size, end))
		return macho_truncated(e);
	*ret_size = size;
	return read_lc(m, get_le32(m->data + off), off, size, e);
}

static int read_lcs(struct macho *m, struct err *e)
{
	size_t off = m->head + sizeof(struct macho_header_raw);
	size_t end = off + m->sizeofcmds;
	uint32_t size = 0;
	int r;

	for (unsigned i = 0; i < m->ncmds; i++) {
		r = read_lc_at(m, off, end, &size, e);
		if (r) {
			err_ctx(e, "load command %u at offset 0x%zx", i, off);
			return r;
		}
		off += size;
	}
	return 0;
}

static int truncated_header(const struct macho *m, struct err *e)
{
	int r = macho_truncated(e);

	err_ctx(e, "Mach-O header at offset 0x%zx", m->head);
	return r;
}

static int read_header(struct macho *m, struct err *e)
{
	const struct macho_header_raw *h = (const void *)(m->data + m->head);
	uint32_t magic;

	if (!range_inside(m->head, sizeof(*h), m->len))
		return truncated_header(m, e);
	magic = le32_get(h->magic);
	m->cputype = le32_get(h->cputype);
	if (magic != MACHO_MAGIC_64 && magic != MACHO_MAGIC_32)
		return err_set(e, E_CORRUPT, "not a Mach-O file (magic 0x%08x)", magic);
	if (magic != MACHO_MAGIC_64 || m->cputype != m->arch->cputype)
		return err_set(e, E_UNSUPPORTED,
			       "The target architecture (cputype 0x%x) is not supported "
			       "by kxld.",
			       m->cputype);
	m->cpusubtype = le32_get(h->cpusubtype);
	m->filetype = le32_get(h->filetype);
	m->flags = le32_get(h->flags);
	m->ncmds = le32_get(h->ncmds);
	m->sizeofcmds = le32_get(h->sizeofcmds);
	if (m->ncmds > MACHO_LCS_MAX ||
	    !range_inside(m->head + sizeof(*h), m->sizeofcmds, m->len))
		return truncated_header(m, e);
	return 0;
}

int macho_open(const void *data, size_t len, struct macho *m, struct err *e)
{
	return macho_open_for(data, len, macho_arch(MACHO_X86_64), m, e);
}

int macho_open_for(const void *data, size_t len, const struct macho_arch *arch,
		   struct macho *m, struct err *e)
{
	size_t off = 0, size = 0;
	int r;

	memset(m, 0, sizeof(*m));
	r = macho_slice_for(data, len, arch, &off, &size, e);
	return r ? r : macho_open_entry((const uint8_t *)data + off, size, 0, arch, m, e);
}

int macho_open_entry(const void *data, size_t len, size_t head,
		     const struct macho_arch *arch, struct macho *m, struct err *e)
{
	int r;

	*m = (struct macho){.data = data, .len = len, .head = head, .arch = arch};
	r = read_header(m, e);
	if (!r)
		r = read_lcs(m, e);
	if (r)
		macho_release(m);
	return r;
}

void macho_release(struct macho *m)
{
	free(m->segs);
	free(m->sects);
	memset(m, 0, sizeof(*m));
}

const struct macho_segment *macho_segment(const struct macho *m, const char *segname)
{
	for (unsigned i = 0; i < m->nsegs; i++)
		if (!strcmp(m->segs[i].name, segname))
			return &m->segs[i];
	return NULL;
}

const struct macho_section *macho_section(const struct macho *m, const char *segname,
					  const char *sectname)
{
	for (unsigned i = 0; i < m->nsects; i++)
		if (!strcmp(m->sects[i].segname, segname) &&
		    !strcmp(m->sects[i].name, sectname))
			return &m->sects[i];
	return NULL;
}

const struct macho_section *macho_section_at(const struct macho *m, uint64_t addr)
{
	for (unsigned i = 0; i < m->nsects; i++)
		if (addr >= m->sects[i].addr &&
		    addr - m->sects[i].addr < m->sects[i].size)
			return &m->sects[i];
	return NULL;
}

int macho_symbol(const struct macho *m, uint32_t i, struct macho_symbol *s, struct err *e)
{
	const struct macho_nlist_raw *raw;
	uint32_t strx;

	if (i >= m->nsyms)
		return err_set(e, E_CORRUPT, "symbol %u of %u", i, m->nsyms);
	raw = (const struct macho_nlist_raw *)(const void *)(m->data + m->symoff) + i;
	strx = le32_get(raw->strx);
	s->type = raw->type;
	s->sect = raw->sect;
	s->desc = le16_get(raw->desc);
	s->value = le64_get(raw->value);
	if (!m->strsize && !strx) {
		s->name = "";
		return 0;
	}
	if (strx >= m->strsize ||
	    !memchr(m->data + m->stroff + strx, '\0', m->strsize - strx))
		return err_set(e, E_CORRUPT, "symbol %u: name outside the string table",
			       i);
	s->name = (const char *)m->data + m->stroff + strx;
	return 0;
}

int macho_find_defined(const struct macho *m, const char *name, struct macho_symbol *s,
		       struct err *e)
{
	for (uint32_t i = 0; i < m->nsyms; i++) {
		int r = macho_symbol(m, i, s, e);

		if (r)
			return r;
		if (!macho_sym_is_stab(s) && (s->type & N_TYPE) == N_SECT &&
		    !strcmp(s->name, name))
			return 0;
	}
	return err_set(e, E_NOTFOUND, "no symbol %s", name);
}

bool macho_reloc_is_pcrel(uint8_t type)
{
	switch (type) {
	case X86_64_RELOC_SIGNED:
	case X86_64_RELOC_SIGNED_1:
	case X86_64_RELOC_SIGNED_2:
	case X86_64_RELOC_SIGNED_4:
	case X86_64_RELOC_BRANCH:
	case X86_64_RELOC_GOT:
	case X86_64_RELOC_GOT_LOAD:
		return true;
	default:
		return false;
	}
}

struct macho_reloc macho_reloc(const struct macho *m, uint32_t reloff, uint32_t i)
{
	const uint8_t *p = m->data + reloff + (size_t)i * sizeof(struct macho_reloc_raw);
	uint32_t bits = get_le32(p + 4);

	return (struct macho_reloc){
		.address = get_le32(p),
		.symbolnum = bits & 0xffffff,
		.pcrel = bits >> 24 & 1,
		.length = bits >> 25 & 3,
		.is_extern = bits >> 27 & 1,
		.type = (uint8_t)(bits >> 28),
	};
}
