/* SPDX-License-Identifier: MIT */
#include "sim/formats/macho/write.h"

#include <string.h>

#include <openssl/sha.h>

static void put_name(char dst[16], const char *src)
{
	memset(dst, 0, 16);
	memcpy(dst, src, strnlen(src, 16));
}

int macho_put_header(struct buf *out, const struct macho_head *h, struct err *e)
{
	const struct macho_arch *arch = h->arch ? h->arch : macho_arch(MACHO_X86_64);
	struct macho_header_raw raw = {
		.magic = to_le32(MACHO_MAGIC_64),
		.cputype = to_le32(arch->cputype),
		.cpusubtype = to_le32(arch->cpusubtype),
		.filetype = to_le32(h->filetype),
		.ncmds = to_le32(h->ncmds),
		.sizeofcmds = to_le32(h->sizeofcmds),
		.flags = to_le32(h->flags),
	};

	return buf_append(out, &raw, sizeof(raw), e);
}

static struct macho_segment_raw segment_raw(const struct macho_segment *seg)
{
	struct macho_segment_raw raw = {
		.cmd = to_le32(LC_SEGMENT_64),
		.cmdsize = to_le32(
			(uint32_t)(sizeof(raw) +
				   seg->nsects * sizeof(struct macho_section_raw))),
		.vmaddr = to_le64(seg->vmaddr),
		.vmsize = to_le64(seg->vmsize),
		.fileoff = to_le64(seg->fileoff),
		.filesize = to_le64(seg->filesize),
		.maxprot = to_le32(seg->maxprot),
		.initprot = to_le32(seg->initprot),
		.nsects = to_le32(seg->nsects),
		.flags = to_le32(seg->flags),
	};

	put_name(raw.segname, seg->name);
	return raw;
}

static struct macho_section_raw section_raw(const struct macho_section *s)
{
	struct macho_section_raw raw = {
		.addr = to_le64(s->addr),
		.size = to_le64(s->size),
		.offset = to_le32(s->offset),
		.align = to_le32(s->align),
		.reloff = to_le32(s->reloff),
		.nreloc = to_le32(s->nreloc),
		.flags = to_le32(s->flags),
		.reserved1 = to_le32(s->reserved1),
		.reserved2 = to_le32(s->reserved2),
	};

	put_name(raw.sectname, s->name);
	put_name(raw.segname, s->segname);
	return raw;
}

int macho_put_segment(struct buf *out, const struct macho_segment *seg,
		      const struct macho_section *sects, struct err *e)
{
	struct macho_segment_raw raw = segment_raw(seg);
	int r = buf_append(out, &raw, sizeof(raw), e);

	for (unsigned i = 0; !r && i < seg->nsects; i++) {
		struct macho_section_raw s = section_raw(&sects[i]);

		r = buf_append(out, &s, sizeof(s), e);
	}
	return r;
}

int macho_put_symtab(struct buf *out, uint32_t symoff, uint32_t nsyms, uint32_t stroff,
		     uint32_t strsize, struct err *e)
{
	struct macho_symtab_raw raw = {
		.cmd = to_le32(LC_SYMTAB),
		.cmdsize = to_le32(sizeof(raw)),
		.symoff = to_le32(symoff),
		.nsyms = to_le32(nsyms),
		.stroff = to_le32(stroff),
		.strsize = to_le32(strsize),
	};

	return buf_append(out, &raw, sizeof(raw), e);
}

int macho_put_dysymtab(struct buf *out, const struct macho_dysymtab *d, struct err *e)
{
	struct macho_dysymtab_raw raw = {
		.cmd = to_le32(LC_DYSYMTAB),
		.cmdsize = to_le32(sizeof(raw)),
		.ilocalsym = to_le32(d->ilocal),
		.nlocalsym = to_le32(d->nlocal),
		.iextdefsym = to_le32(d->iextdef),
		.nextdefsym = to_le32(d->nextdef),
		.iundefsym = to_le32(d->iundef),
		.nundefsym = to_le32(d->nundef),
		.indirectsymoff = to_le32(d->indirectoff),
		.nindirectsyms = to_le32(d->nindirect),
		.extreloff = to_le32(d->extreloff),
		.nextrel = to_le32(d->nextrel),
		.locreloff = to_le32(d->locreloff),
		.nlocrel = to_le32(d->nlocrel),
	};

	return buf_append(out, &raw, sizeof(raw), e);
}

int macho_put_uuid(struct buf *out, const uint8_t uuid[16], struct err *e)
{
	struct macho_uuid_raw raw = {
		.cmd = to_le32(LC_UUID),
		.cmdsize = to_le32(sizeof(raw)),
	};

	memcpy(raw.uuid, uuid, sizeof(raw.uuid));
	return buf_append(out, &raw, sizeof(raw), e);
}

int macho_put_reloc(struct buf *out, const struct macho_reloc *r, struct err *e)
{
	struct macho_reloc_raw raw = {
		.address = to_le32(r->address),
		.bits = to_le32(r->symbolnum | (uint32_t)r->pcrel << 24 |
				(uint32_t)r->length << 25 | (uint32_t)r->is_extern << 27 |
				(uint32_t)r->type << 28),
	};

	return buf_append(out, &raw, sizeof(raw), e);
}

void macho_poke_segment(uint8_t *file, const struct macho_segment *seg)
{
	struct macho_segment_raw raw = segment_raw(seg);

	memcpy(&raw.cmdsize, file + seg->lc_off + 4, sizeof(raw.cmdsize));
	memcpy(file + seg->lc_off, &raw, sizeof(raw));
}

void macho_poke_section(uint8_t *file, const struct macho_segment *seg,
			unsigned sect_in_seg, const struct macho_section *s)
{
	struct macho_section_raw raw = section_raw(s);

	memcpy(file + seg->lc_off + sizeof(struct macho_segment_raw) +
		       sect_in_seg * sizeof(raw),
	       &raw, sizeof(raw));
}

int macho_pad(struct buf *out, size_t align, struct err *e)
{
	return buf_append_zeros(out, -out->len & (align - 1), e);
}

void macho_symw_release(struct macho_symw *w)
{
	buf_release(&w->nlists);
	buf_release(&w->strings);
	w->n = 0;
}

/* Offset 0 of a string table means "no name", so the table starts with a NUL. */
static int add_string(struct macho_symw *w, const char *s, uint32_t *strx, struct err *e)
{
	int r = w->strings.len ? 0 : buf_append(&w->strings, "", 1, e);

	if (r)
		return r;
	if (!*s) {
		*strx = 0;
		return 0;
	}
	if (w->strings.len > UINT32_MAX - strlen(s) - 1)
		return err_set(e, E_OVERFLOW, "string table too large");
	*strx = (uint32_t)w->strings.len;
	return buf_append(&w->strings, s, strlen(s) + 1, e);
}

int macho_symw_add(struct macho_symw *w, const struct macho_symbol *s, struct err *e)
{
	struct macho_nlist_raw raw = {
		.type = s->type,
		.sect = s->sect,
		.desc = to_le16(s->desc),
		.value = to_le64(s->value),
	};
	uint32_t strx;
	int r = add_string(w, s->name, &strx, e);

	if (r)
		return r;
	raw.strx = to_le32(strx);
	w->n++;
	return buf_append(&w->nlists, &raw, sizeof(raw), e);
}

int macho_symw_add_alias(struct macho_symw *w, const char *name, const char *target,
			 struct err *e)
{
	uint32_t strx;
	int r = add_string(w, target, &strx, e);

	if (r)
		return r;
	return macho_symw_add(w,
			      &(struct macho_symbol){
				      .name = name,
				      .type = N_INDR | N_EXT,
				      .value = strx,
			      },
			      e);
}

int macho_content_uuid(const void *data, size_t len, uint8_t uuid[16], struct err *e)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	if (!SHA256(data, len, digest))
		return err_set(e, E_NOMEM, "SHA-256 failed");
	memcpy(uuid, digest, 16);
	uuid[6] = (uuid[6] & 0x0f) | 0x50;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
	return 0;
}

int macho_put_linkedit_data(struct buf *out, uint32_t cmd, uint32_t off, uint32_t size,
			    struct err *e)
{
	struct macho_linkedit_data_raw raw = {
		.cmd = to_le32(cmd),
		.cmdsize = to_le32(sizeof(raw)),
		.dataoff = to_le32(off),
		.datasize = to_le32(size),
	};

	return buf_append(out, &raw, sizeof(raw), e);
}

static int put_fat_arch(struct buf *out, const struct buf *slice, uint64_t off,
			struct err *e)
{
	const struct macho_arch *arch = macho_arch_of(slice->data, slice->len);
	struct fat_arch_raw raw;

	if (!arch || off > UINT32_MAX || slice->len > UINT32_MAX)
		return err_set(e, E_INVAL, "not a slice for a fat file");
	raw = (struct fat_arch_raw){
		.cputype = to_be32(arch->cputype),
		.cpusubtype = to_be32(get_le32(slice->data + 8)),
		.offset = to_be32((uint32_t)off),
		.size = to_be32((uint32_t)slice->len),
		.align = to_be32((uint32_t)__builtin_ctz(arch->page)),
	};
	return buf_append(out, &raw, sizeof(raw), e);
}

int macho_put_fat(struct buf *out, const struct buf *slice, size_t n, struct err *e)
{
	struct fat_header_raw head = {to_be32(FAT_MAGIC_RAW), to_be32((uint32_t)n)};
	uint64_t off = sizeof(head) + n * sizeof(struct fat_arch_raw);
	int r = buf_append(out, &head, sizeof(head), e);

	for (size_t i = 0; !r && i < n; i++) {
		off = (off + MACHO_PAGE_ARM64 - 1) & ~(uint64_t)(MACHO_PAGE_ARM64 - 1);
		r = put_fat_arch(out, &slice[i], off, e);
		off += slice[i].len;
	}
	for (size_t i = 0; !r && i < n; i++) {
		r = macho_pad(out, MACHO_PAGE_ARM64, e);
		if (!r)
			r = buf_append(out, slice[i].data, slice[i].len, e);
	}
	return r;
}
