/* SPDX-License-Identifier: MIT */
/* From linked units to the bytes of the collection. */
#include <string.h>

#include <openssl/sha.h>

#include "sim/base/ckd.h"
#include "sim/formats/fileset/build_internal.h"

#define LINKEDIT_PART 0x1000u /* what an entry has in __LINKEDIT begins at a multiple */

/* File offset of segment @i of @u. */
static uint64_t seg_fileoff(const struct fb *b, const struct fb_unit *u, unsigned i)
{
	return b->region[u->region[i]].fileoff + u->in_region[i];
}

/* kxld keeps distances where it is told no addresses: they have to be those of here. */
static int check_addresses(const struct fb_unit *u, struct err *e)
{
	for (unsigned i = 0; i < u->layout.nsegs; i++)
		if (u->m.segs[i].vmaddr != u->addr[i] ||
		    u->m.segs[i].filesize > u->layout.seg[i].size)
			return err_set(
				e, E_UNSUPPORTED,
				"%s: segments with gaps between them, and no split "
				"information",
				u->id);
	return 0;
}

static int copy_segments(struct fb *b, struct err *e)
{
	for (size_t i = 0; i < b->n_units; i++) {
		const struct fb_unit *u = &b->unit[i];
		int r = u->here ? check_addresses(u, e) : 0;

		if (r)
			return r;
		for (unsigned k = 0; u->here && k < u->layout.nsegs; k++)
			memcpy(b->file.data + seg_fileoff(b, u, k),
			       u->img.bytes.data + u->m.segs[k].fileoff,
			       u->m.segs[k].filesize);
	}
	return 0;
}

/* Symbols and strings of each entry, one after the other. */
static int collect_linkedit(struct fb *b, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < b->n_units; i++) {
		struct fb_unit *u = &b->unit[i];

		if (!u->here)
			continue;
		r = macho_pad(&b->linkedit, LINKEDIT_PART, e);
		u->link_off = b->linkedit.len;
		if (!r)
			r = buf_append(&b->linkedit, u->m.data + u->m.symoff,
				       u->m.nsyms * sizeof(struct macho_nlist_raw), e);
		if (!r)
			r = buf_append(&b->linkedit, u->m.data + u->m.stroff,
				       u->m.strsize, e);
		u->link_size = b->linkedit.len - u->link_off;
	}
	return r ? r : macho_pad(&b->linkedit, LINKEDIT_PART, e);
}

/* ---- the headers of the entries: offsets count from the start of the collection ---- */

static void poke_segments(struct fb *b, const struct fb_unit *u, uint8_t *head)
{
	for (unsigned i = 0; i < u->m.nsegs; i++) {
		struct macho_segment seg = u->m.segs[i];
		bool linkedit = i >= u->layout.nsegs;

		seg.fileoff = linkedit ? fb_linkedit(b)->fileoff + u->link_off
				       : seg_fileoff(b, u, i);
		if (linkedit) {
			seg.vmaddr = fb_linkedit(b)->vmaddr + u->link_off;
			seg.filesize = u->link_size;
			seg.vmsize = fb_align(u->link_size, LINKEDIT_PART);
		}
		macho_poke_segment(head, &seg);
		for (unsigned k = 0; k < seg.nsects; k++) {
			struct macho_section s = u->m.sects[seg.first_sect + k];

			if (!macho_is_zerofill(&s))
				s.offset =
					(uint32_t)(seg.fileoff + (s.addr - seg.vmaddr));
			macho_poke_section(head, &seg, k, &s);
		}
	}
}

static void poke_symtab(struct fb *b, const struct fb_unit *u, uint8_t *head)
{
	uint32_t start = (uint32_t)(fb_linkedit(b)->fileoff + u->link_off);

	for (unsigned i = 0; i < u->m.ncmds; i++) {
		struct macho_symtab_raw *sym;
		struct macho_dysymtab_raw *dysym;
		uint32_t cmd, size;
		size_t off;

		macho_lc_at(&u->m, i, &cmd, &off, &size);
		sym = (void *)(head + off);
		dysym = (void *)(head + off);
		if (cmd == LC_SYMTAB) {
			sym->symoff = to_le32(start);
			sym->stroff = to_le32(
				start +
				u->m.nsyms * (uint32_t)sizeof(struct macho_nlist_raw));
		} else if (cmd == LC_DYSYMTAB) { /* they became fixups */
			dysym->locreloff = dysym->nlocrel = to_le32(0);
		}
	}
}

/* kmod_info speaks of __TEXT alone, as the other segments are elsewhere. */
static void poke_kmod(struct fb *b, const struct fb_unit *u)
{
	for (unsigned i = 0; u->k && i < u->layout.nsegs; i++) {
		const struct macho_segment *s = &u->m.segs[i];

		if (u->img.kmod_info >= s->vmaddr &&
		    range_inside(u->img.kmod_info - s->vmaddr, KMOD_INFO_SIZE,
				 s->filesize))
			put_le64(b->file.data + seg_fileoff(b, u, i) +
					 (u->img.kmod_info - s->vmaddr) + KMOD_OFF_SIZE,
				 u->m.segs[0].vmsize);
	}
}

static void poke_entries(struct fb *b)
{
	for (size_t i = 0; i < b->n_units; i++) {
		const struct fb_unit *u = &b->unit[i];
		uint8_t *head;

		if (!u->here)
			continue;
		head = b->file.data + seg_fileoff(b, u, 0);
		poke_segments(b, u, head);
		poke_symtab(b, u, head);
		poke_kmod(b, u);
	}
}

/* ---- the rest ---- */

static int put_linkedit(struct fb *b, struct err *e)
{
	struct fb_region *le = fb_linkedit(b);
	int r = buf_append(&b->file, b->linkedit.data, b->linkedit.len, e);

	if (!r)
		r = macho_pad(&b->file, FB_ALIGN, e);
	le->size = b->file.len - le->fileoff;
	if (!r && b->file.len > FILESET_MAX)
		r = err_set(e, E_OVERFLOW,
			    "kernel collection size exceeds maximum size of %u",
			    FILESET_MAX);
	return r;
}

static int put_info(struct fb *b, struct err *e)
{
	const struct fb_region *r = &b->region[FB_PRELINK_INFO];
	int rc = fb_info_write(b, e);

	if (rc)
		return rc;
	if (b->info.len >= r->size)
		return err_set(e, E_OVERFLOW, "Overflow in prelink info segment.");
	memcpy(b->file.data + r->fileoff, b->info.data, b->info.len);
	memset(b->file.data + r->fileoff + b->info.len, 0, r->size - b->info.len);
	return 0;
}

/* The collection's name is a hash of everything in it, with the name left blank. */
static int put_kcid(struct fb *b, struct err *e)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	int r;

	if (!SHA256(b->file.data, b->file.len, digest))
		return err_set(e, E_NOMEM, "SHA-256 failed");
	memcpy(b->kcid, digest, UUID_LEN);
	r = put_info(b, e);
	return r ? r : fb_put_header(b, e);
}

int fb_compose(struct fb *b, struct err *e)
{
	int r = buf_append_zeros(&b->file, fb_linkedit(b)->fileoff, e);

	if (!r)
		r = copy_segments(b, e);
	if (!r)
		r = collect_linkedit(b, e);
	if (r)
		return r;
	poke_entries(b);
	r = fb_fixups(b, e);
	if (!r)
		r = put_info(b, e);
	if (!r)
		r = put_linkedit(b, e);
	if (!r)
		r = fb_put_header(b, e);
	return r ? r : put_kcid(b, e);
}
