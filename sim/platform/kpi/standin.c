/* SPDX-License-Identifier: MIT */
/* The kernel to link against: symbols at addresses, and code that is never run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/platform/kpi/standin_internal.h"

static const struct macho_segment seg_proto[N_SEGS] = {
	[SEG_TEXT] = {.name = "__TEXT", .maxprot = 5, .initprot = 5, .nsects = 2},
	[SEG_DATA] = {.name = "__DATA",
		      .maxprot = 3,
		      .initprot = 3,
		      .first_sect = SECT_DATA,
		      .nsects = 3},
	[SEG_PRELINK_TEXT] = {.name = "__PRELINK_TEXT",
			      .maxprot = 3,
			      .initprot = 3,
			      .first_sect = SECT_PRELINK_TEXT,
			      .nsects = 1},
	[SEG_PRELINK_INFO] = {.name = "__PRELINK_INFO",
			      .maxprot = 3,
			      .initprot = 3,
			      .first_sect = SECT_PRELINK_INFO,
			      .nsects = 1},
	[SEG_LINKEDIT] = {.name = "__LINKEDIT", .maxprot = 1, .initprot = 1},
};

static uint64_t page_up(const struct kernel *k, uint64_t v)
{
	return (v + k->arch->page - 1) & ~(uint64_t)(k->arch->page - 1);
}

/* __TEXT and __DATA, with sections end to end; the header has the first page. */
static void lay_out(struct kernel *k)
{
	uint64_t addr = k->cpu->text_addr, off = 0;

	for (unsigned i = SEG_TEXT; i <= SEG_DATA; i++) {
		struct macho_segment *seg = &k->seg[i];
		uint64_t at = i == SEG_TEXT ? k->arch->page : 0, in_file = at;

		for (unsigned n = 0; n < seg->nsects; n++) {
			struct macho_section *s = &k->sect[seg->first_sect + n];

			s->addr = addr + at;
			s->offset = macho_is_zerofill(s) ? 0 : (uint32_t)(off + at);
			at += s->size;
			if (!macho_is_zerofill(s))
				in_file = at;
		}
		seg->vmaddr = addr;
		seg->fileoff = off;
		seg->vmsize = page_up(k, at);
		seg->filesize = page_up(k, in_file);
		addr += seg->vmsize;
		off += seg->filesize;
	}
}

/* Where __LINKEDIT's parts are; the prelink segments follow, empty. */
struct linkedit {
	uint32_t relocoff, symoff, stroff, splitoff, splitsize;
};

/* Pointers are all that refers to something in this kernel, so that its segments may go
 * where they like: the table says so to the linker of collections. */
static int put_split_info(struct kernel *k, struct linkedit *le, struct err *e)
{
	int r;

	le->splitoff = (uint32_t)k->file.len;
	r = split_info_write(&k->refs, &k->file, e);
	le->splitsize = (uint32_t)k->file.len - le->splitoff;
	return r;
}

static int put_linkedit(struct kernel *k, struct linkedit *le, struct err *e)
{
	struct macho_segment *seg = &k->seg[SEG_LINKEDIT];
	int r;

	seg->vmaddr = k->seg[SEG_DATA].vmaddr + k->seg[SEG_DATA].vmsize;
	seg->fileoff = k->file.len;
	le->relocoff = (uint32_t)k->file.len;
	r = buf_append(&k->file, k->relocs.data, k->relocs.len, e);
	le->symoff = (uint32_t)k->file.len;
	if (!r)
		r = buf_append(&k->file, k->syms.nlists.data, k->syms.nlists.len, e);
	le->stroff = (uint32_t)k->file.len;
	if (!r)
		r = buf_append(&k->file, k->syms.strings.data, k->syms.strings.len, e);
	if (!r)
		r = macho_pad(&k->file, 8, e);
	if (!r && !k->prelink)
		r = put_split_info(k, le, e);
	seg->filesize = k->file.len - seg->fileoff;
	seg->vmsize = page_up(k, seg->filesize);
	for (unsigned i = SEG_PRELINK_TEXT; i <= SEG_PRELINK_INFO; i++) {
		k->seg[i].vmaddr = seg->vmaddr + seg->vmsize;
		k->seg[i].fileoff = k->file.len;
		k->sect[k->seg[i].first_sect].addr = k->seg[i].vmaddr;
		k->sect[k->seg[i].first_sect].offset = (uint32_t)k->file.len;
	}
	return r;
}

/* One xnu build, one UUID, however many releases ship it. */
static int kernel_uuid(const struct kernel *k, uint8_t uuid[16], struct err *e)
{
	const struct release *r = k->release;
	char id[192];
	int n = snprintf(id, sizeof(id), "stand-in kernel, Darwin %s, xnu-%s%s%s",
			 r->darwin, r->xnu, r->kernel_collections ? ", " : "",
			 r->kernel_collections ? k->machine->kernel : "");

	return macho_content_uuid(id, (size_t)n, uuid, e);
}

bool kernel_is_standin(const uint8_t uuid[static 16])
{
	struct kernel k = {.machine = NULL};

	for (size_t r = 0; (k.release = release_at(r)); r++)
		for (size_t m = 0; (k.machine = machine_at(m)); m++) {
			uint8_t of[16];

			if (!kernel_uuid(&k, of, NULL) && !memcmp(of, uuid, sizeof(of)))
				return true;
		}
	return false;
}

static int put_commands(struct kernel *k, struct buf *out, const struct linkedit *le,
			struct err *e)
{
	struct macho_dysymtab d = {
		.nextdef = k->syms.n,
		.iundef = k->syms.n,
		.locreloff = le->relocoff,
		.nlocrel = k->n_relocs,
	};
	uint8_t uuid[16];
	int r = kernel_uuid(k, uuid, e);

	for (unsigned i = 0; !r && i < N_SEGS; i++)
		if (k->prelink || (i != SEG_PRELINK_TEXT && i != SEG_PRELINK_INFO))
			r = macho_put_segment(out, &k->seg[i],
					      &k->sect[k->seg[i].first_sect], e);
	if (!r && !k->prelink)
		r = macho_put_linkedit_data(out, LC_SEGMENT_SPLIT_INFO, le->splitoff,
					    le->splitsize, e);
	if (!r)
		r = macho_put_symtab(out, le->symoff, k->syms.n, le->stroff,
				     (uint32_t)k->syms.strings.len, e);
	if (!r)
		r = macho_put_dysymtab(out, &d, e);
	if (!r)
		r = macho_put_uuid(out, uuid, e);
	if (!r)
		r = k->cpu->put_thread(out, k->sect[SECT_TEXT].addr, e);
	return r;
}

static int put_header(struct kernel *k, const struct linkedit *le, struct err *e)
{
	struct macho_head head = {
		.arch = k->arch,
		.filetype = MH_EXECUTE,
		.ncmds = k->prelink ? N_SEGS + 4 : N_SEGS - 2 + 5,
		.flags = MH_NOUNDEFS | MH_PIE,
	};
	struct buf cmds = BUF_INIT, out = BUF_INIT;
	int r = put_commands(k, &cmds, le, e);

	head.sizeofcmds = (uint32_t)cmds.len;
	if (!r)
		r = macho_put_header(&out, &head, e);
	if (!r) {
		memcpy(k->file.data, out.data, out.len);
		memcpy(k->file.data + out.len, cmds.data, cmds.len);
	}
	buf_release(&cmds);
	buf_release(&out);
	return r;
}

static int build(struct kernel *k, struct err *e)
{
	struct linkedit le = {.symoff = 0};
	int r = standin_place(k, e);

	if (r)
		return r;
	lay_out(k);
	r = standin_add_symbols(k, e);
	if (!r)
		r = buf_append_zeros(&k->file,
				     k->seg[SEG_DATA].fileoff + k->seg[SEG_DATA].filesize,
				     e);
	if (!r) {
		standin_fill(k);
		r = standin_put_pointers(k, e);
	}
	if (!r)
		r = put_linkedit(k, &le, e);
	if (!r)
		r = put_header(k, &le, e);
	return r;
}

static void release(struct kernel *k)
{
	macho_symw_release(&k->syms);
	symdict_release(&k->names);
	symdict_release(&k->vtables);
	buf_release(&k->relocs);
	split_refs_release(&k->refs);
	buf_release(&k->file);
	free(k->placed);
}

int kernel_standin_build(const struct release *r, struct buf *out, struct err *e)
{
	return kernel_standin_build_for(r, machine_by_name("intel"), out, e);
}

int kernel_standin_build_for(const struct release *r, const struct machine_model *m,
			     struct buf *out, struct err *e)
{
	struct kernel k = {
		.release = r,
		.machine = m,
		.cpu = standin_cpu(m->arch),
		.arch = macho_arch(m->arch),
		.prelink = !r->kernel_collections,
	};
	int rc;

	if (!machine_runs(m, r))
		return err_set(e, E_INVAL, "release %s does not run on %s", r->name,
			       m->name);
	rc = kpi_table_of(r->darwin, &k.table, e);
	if (rc)
		return rc;
	memcpy(k.sect, standin_sections, sizeof(k.sect));
	memcpy(k.seg, seg_proto, sizeof(k.seg));
	rc = build(&k, e);
	if (!rc)
		rc = buf_append(out, k.file.data, k.file.len, e);
	release(&k);
	return rc;
}
