/* SPDX-License-Identifier: MIT */
/* The pointers of kernel and kexts become chains of fixups. */
#include <stdlib.h>
#include <string.h>

#include "sim/formats/fileset/build_internal.h"

/* Addresses of pointers, ascending once sorted. */
struct pointers {
	uint64_t *addr;
	size_t n;
};

/* Kexts of such a collection can be loaded one by one, so each has a table of its own. */
static bool is_per_kext(const struct fb *b)
{
	return b->rq->kind == FILESET_PAGEABLE ||
	       (b->rq->kind == FILESET_AUXILIARY &&
		b->rq->arch == macho_arch(MACHO_X86_64));
}

/*
 * Is there room for one more load command before the first section? Where
 * LC_SEGMENT_SPLIT_INFO was there is; other kexts may have none, and are in the
 * collection's table then.
 */
static bool has_room(const struct fb_unit *u)
{
	const struct macho_segment *text = &u->m.segs[0];
	uint64_t end = sizeof(struct macho_header_raw) + u->m.sizeofcmds;
	uint64_t first = text->filesize;

	for (unsigned i = 0; i < text->nsects; i++) {
		const struct macho_section *s = &u->m.sects[text->first_sect + i];

		if (s->addr - text->vmaddr < first)
			first = s->addr - text->vmaddr;
	}
	return end + sizeof(struct macho_linkedit_data_raw) <= first;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Relocations count from the start of the image. */
static int pointers_of(const struct fb_unit *u, struct pointers *p, struct err *e)
{
	for (uint32_t i = 0; i < u->m.dysym.nlocrel; i++) {
		struct macho_reloc r = macho_reloc(&u->m, u->m.dysym.locreloff, i);
		unsigned s = 0;

		while (s < u->layout.nsegs &&
		       (r.address < u->m.segs[s].fileoff ||
			r.address - u->m.segs[s].fileoff >= u->m.segs[s].filesize))
			s++;
		if (s == u->layout.nsegs)
			return err_set(e, E_CORRUPT, "%s: pointer at 0x%x", u->id,
				       r.address);
		p->addr[p->n++] =
			u->m.segs[s].vmaddr + (r.address - u->m.segs[s].fileoff);
	}
	return 0;
}

static size_t count(const struct fb *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_units; i++)
		if (b->unit[i].here)
			n += b->unit[i].m.dysym.nlocrel;
	return n;
}

static void set_space(const struct fb *b, struct fixups_space *space)
{
	static const enum fixups_level own[] = {
		[FILESET_PRIMARY] = FIXUPS_BOOT,
		[FILESET_PAGEABLE] = FIXUPS_PAGEABLE,
		[FILESET_AUXILIARY] = FIXUPS_AUXILIARY,
	};

	memset(space, 0, sizeof(*space));
	if (b->rq->boot)
		fileset_range(b->rq->boot, &space->level[FIXUPS_BOOT].base,
			      &space->level[FIXUPS_BOOT].size);
	if (b->rq->pageable)
		fileset_range(b->rq->pageable, &space->level[FIXUPS_PAGEABLE].base,
			      &space->level[FIXUPS_PAGEABLE].size);
	space->level[own[b->rq->kind]].base = b->base;
	space->level[own[b->rq->kind]].size =
		b->region[b->n_regions - 1].vmaddr - b->base;
}

static int write_table(struct fb *b, const struct fixups_request *rq, uint32_t *off,
		       uint32_t *size, struct err *e)
{
	int r = macho_pad(&b->linkedit, 8, e);

	*off = (uint32_t)b->linkedit.len;
	if (!r)
		r = fixups_write(rq, &b->linkedit, e);
	*size = (uint32_t)b->linkedit.len - *off;
	return r;
}

/* One table for all; __LINKEDIT, of unknown size, has none anyway. */
static int fixups_of_collection(struct fb *b, struct fixups_request *rq,
				struct pointers *p, struct err *e)
{
	struct fixups_segment seg[MACHO_SEGS_MAX];
	int r = 0;

	for (unsigned i = 0; i < b->n_regions; i++)
		if (b->region[i].used)
			seg[rq->n_segs++] = (struct fixups_segment){
				.vmaddr = b->region[i].vmaddr,
				.vmsize = b->region[i].size,
				.fileoff = b->region[i].fileoff,
				.may_have = &b->region[i] != fb_linkedit(b),
			};
	for (size_t i = 0; !r && i < b->n_units; i++)
		if (b->unit[i].here && !b->unit[i].own_fixups)
			r = pointers_of(&b->unit[i], p, e);
	if (r || !p->n)
		return r;
	qsort(p->addr, p->n, sizeof(*p->addr), by_value);
	rq->seg = seg;
	rq->ptr = p->addr;
	rq->n_ptrs = p->n;
	rq->base = b->base;
	return write_table(b, rq, &b->fixups_off, &b->fixups_size, e);
}

static int add_command(struct fb *b, const struct fb_unit *u, uint32_t off, uint32_t size,
		       struct err *e)
{
	uint64_t start = b->region[u->region[0]].fileoff + u->in_region[0];
	struct macho_header_raw *h = (void *)(b->file.data + start);
	struct buf cmd = BUF_INIT;
	int r = macho_put_linkedit_data(&cmd, LC_DYLD_CHAINED_FIXUPS,
					(uint32_t)fb_linkedit(b)->fileoff + off, size, e);

	if (!r) {
		memcpy((uint8_t *)(h + 1) + u->m.sizeofcmds, cmd.data, cmd.len);
		h->ncmds = to_le32(u->m.ncmds + 1);
		h->sizeofcmds = to_le32(u->m.sizeofcmds + (uint32_t)cmd.len);
	}
	buf_release(&cmd);
	return r;
}

static int fixups_of_kext(struct fb *b, const struct fb_unit *u,
			  struct fixups_request *rq, struct pointers *p, struct err *e)
{
	struct fixups_segment seg[MACHO_SEGS_MAX];
	uint32_t off, size;
	int r;

	p->n = 0;
	r = pointers_of(u, p, e);
	if (r || !p->n)
		return r;
	for (unsigned i = 0; i < u->m.nsegs; i++)
		seg[i] = (struct fixups_segment){
			.vmaddr = u->m.segs[i].vmaddr,
			.vmsize = u->m.segs[i].vmsize,
			.fileoff = i < u->layout.nsegs ? b->region[u->region[i]].fileoff +
								 u->in_region[i]
						       : 0,
			.may_have = i < u->layout.nsegs,
		};
	qsort(p->addr, p->n, sizeof(*p->addr), by_value);
	rq->seg = seg;
	rq->n_segs = u->m.nsegs;
	rq->ptr = p->addr;
	rq->n_ptrs = p->n;
	rq->base = u->addr[0];
	r = write_table(b, rq, &off, &size, e);
	return r ? r : add_command(b, u, off, size, e);
}

int fb_fixups(struct fb *b, struct err *e)
{
	struct pointers p = {.addr = calloc(count(b) + 1, sizeof(uint64_t))};
	struct fixups_space space;
	struct fixups_request rq = {
		.arch = b->rq->arch,
		.space = &space,
		.file = b->file.data,
	};
	int r = 0;

	if (!p.addr)
		return err_set(e, E_NOMEM, "out of memory");
	set_space(b, &space);
	for (size_t i = 0; !r && i < b->n_units; i++) {
		struct fb_unit *u = &b->unit[i];

		u->own_fixups = u->here && is_per_kext(b) && has_room(u);
		if (u->own_fixups)
			r = fixups_of_kext(b, u, &rq, &p, e);
	}
	p.n = rq.n_segs = 0;
	if (!r)
		r = fixups_of_collection(b, &rq, &p, e);
	free(p.addr);
	return r ? err_ctx(e, "fixups") : 0;
}
