/* SPDX-License-Identifier: MIT */
/* Which segment of the collection a segment of kernel or kext goes to, and where. */
#include <stdio.h>
#include <string.h>

#include "sim/formats/fileset/build_internal.h"

static const struct fb_region fixed[FB_N_FIXED] = {
	[FB_HEADER] = {.name = "__TEXT", .prot = VM_PROT_READ, .always = true},
	[FB_PRELINK_TEXT] = {.name = "__PRELINK_TEXT",
			     .prot = VM_PROT_READ,
			     .always = true},
	[FB_DATA_CONST] = {.name = "__DATA_CONST", .prot = VM_PROT_READ | VM_PROT_WRITE},
	[FB_TEXT_EXEC] = {.name = "__TEXT_EXEC", .prot = VM_PROT_READ | VM_PROT_EXECUTE},
	[FB_PRELINK_INFO] = {.name = "__PRELINK_INFO",
			     .prot = VM_PROT_READ | VM_PROT_WRITE,
			     .always = true},
	[FB_DATA] = {.name = "__DATA", .prot = VM_PROT_READ | VM_PROT_WRITE},
};

/*
 * Where a collection without a kernel lies. Apple's has addresses from 0, and calls into
 * the kernel by way of __BRANCH_STUBS, because the distance is only known when it is
 * loaded. Here it is fixed, and near enough for direct calls.
 */
static const struct {
	enum fileset_kind kind;
	enum macho_cpu cpu;
	uint64_t base;
} bases[] = {
	{FILESET_PAGEABLE, MACHO_X86_64, 0xffffff7f90000000},
	{FILESET_AUXILIARY, MACHO_X86_64, 0xffffff7fb0000000},
	{FILESET_AUXILIARY, MACHO_ARM64E, 0xfffffe0003004000},
};

static unsigned region_for(const struct kxld_layout *l, unsigned seg)
{
	static const char *const constant[] = {"__DATA_CONST", "__PPLDATA_CONST",
					       "__LASTDATA_CONST", "__LATE_CONST"};
	uint32_t prot = l->seg[seg].initprot;

	for (size_t i = 0; i < sizeof(constant) / sizeof(constant[0]); i++)
		if (!strcmp(l->seg[seg].name, constant[i]))
			return FB_DATA_CONST;
	if (prot & VM_PROT_EXECUTE)
		return FB_TEXT_EXEC;
	return prot & VM_PROT_WRITE ? FB_DATA : FB_PRELINK_TEXT;
}

static int new_region(struct fb *b, const char *name, uint32_t prot, unsigned *ret,
		      struct err *e)
{
	struct fb_region *r;

	if (b->n_regions == MACHO_SEGS_MAX)
		return err_set(e, E_OVERFLOW, "more than %d segments", MACHO_SEGS_MAX);
	*ret = b->n_regions++;
	r = &b->region[*ret];
	*r = (struct fb_region){.prot = prot, .used = true};
	snprintf(r->name, sizeof(r->name), "%s", name);
	return 0;
}

/* Kexts that cannot be taken apart: a segment of the collection for each of theirs. */
static int assign_together(struct fb *b, struct fb_unit *u, unsigned *n_named,
			   struct err *e)
{
	for (unsigned i = 0; i < u->layout.nsegs; i++) {
		char name[32];
		int r;

		snprintf(name, sizeof(name), "__REGION%u", (*n_named)++);
		r = new_region(b, name, u->layout.seg[i].initprot, &u->region[i], e);
		if (r)
			return r;
		b->region[u->region[i]].size = u->layout.seg[i].size;
	}
	return 0;
}

static void assign_apart(struct fb *b, struct fb_unit *u)
{
	for (unsigned i = 0; i < u->layout.nsegs; i++) {
		struct fb_region *r = &b->region[region_for(&u->layout, i)];

		u->region[i] = (unsigned)(r - b->region);
		u->in_region[i] = r->size;
		r->size += fb_align(u->layout.seg[i].size, b->rq->arch->page);
		r->used = true;
	}
}

int fb_assign_regions(struct fb *b, struct err *e)
{
	unsigned n_named = 0, linkedit;
	int r = 0;

	memcpy(b->region, fixed, sizeof(fixed));
	b->n_regions = FB_N_FIXED;
	for (unsigned i = 0; i < FB_N_FIXED; i++)
		b->region[i].used = b->region[i].always;
	for (size_t i = 0; !r && i < b->n_units; i++) {
		struct fb_unit *u = &b->unit[i];

		if (!u->here)
			continue;
		if (u->layout.split)
			assign_apart(b, u);
		else
			r = assign_together(b, u, &n_named, e);
	}
	return r ? r : new_region(b, "__LINKEDIT", VM_PROT_READ, &linkedit, e);
}

static int choose_base(struct fb *b, struct err *e)
{
	if (b->rq->kind == FILESET_PRIMARY) {
		struct macho m;
		int r = macho_open_for(b->rq->kernel, b->rq->kernel_len, b->rq->arch, &m,
				       e);

		if (r)
			return err_ctx(e, "kernel");
		b->base = m.nsegs ? m.segs[0].vmaddr : 0;
		macho_release(&m);
		return 0;
	}
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		if (bases[i].kind == b->rq->kind &&
		    macho_arch(bases[i].cpu) == b->rq->arch) {
			b->base = bases[i].base;
			return 0;
		}
	return err_set(e, E_INVAL, "%s has no collection of kind %d", b->rq->arch->name,
		       (int)b->rq->kind);
}

uint64_t fb_header_size(const struct fb *b)
{
	uint64_t size = sizeof(struct macho_header_raw) + sizeof(struct macho_uuid_raw) +
			sizeof(struct macho_build_version_raw) +
			sizeof(struct macho_thread_arm64_raw) + /* the longer one */
			sizeof(struct macho_linkedit_data_raw) +
			2 * sizeof(struct macho_section_raw);

	size += b->n_regions * sizeof(struct macho_segment_raw);
	for (size_t i = 0; i < b->n_units; i++)
		if (b->unit[i].here)
			size += fb_align(sizeof(struct macho_fileset_entry_raw) +
						 strlen(b->unit[i].id) + 1,
					 8);
	return size;
}

/* Segments of __REGION kexts have to keep their distances, so they are not aligned. */
static void place_regions(struct fb *b)
{
	uint64_t off = 0;

	for (unsigned i = 0; i < b->n_regions; i++) {
		struct fb_region *r = &b->region[i];
		bool region = i >= FB_N_FIXED && r != fb_linkedit(b);

		if (!region || i == FB_N_FIXED)
			off = fb_align(off, FB_ALIGN);
		if (!region)
			r->size = fb_align(r->size, FB_ALIGN);
		r->vmaddr = b->base + off;
		r->fileoff = off;
		off += r->used ? r->size : 0;
	}
}

int fb_assign_addresses(struct fb *b, struct err *e)
{
	int r = choose_base(b, e);

	if (!r)
		r = fb_info_size(b, &b->region[FB_PRELINK_INFO].size, e);
	if (r)
		return r;
	b->region[FB_HEADER].size = fb_header_size(b);
	place_regions(b);
	if (fb_linkedit(b)->fileoff > FILESET_MAX)
		return err_set(e, E_OVERFLOW,
			       "kernel collection size exceeds maximum size of %u",
			       FILESET_MAX);
	for (size_t i = 0; i < b->n_units; i++) {
		struct fb_unit *u = &b->unit[i];

		for (unsigned k = 0; u->here && k < u->layout.nsegs; k++)
			u->addr[k] = b->region[u->region[k]].vmaddr + u->in_region[k];
	}
	return 0;
}
