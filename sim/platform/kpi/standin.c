/* SPDX-License-Identifier: MIT */
/* The kernel to link against: symbols at addresses, and code that is never run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/macho/splitinfo.h"
#include "sim/formats/macho/write.h"
#include "sim/platform/kpi/kpi.h"
#include "sim/platform/kpi/standin_cpu.h"
#include "sim/platform/machine.h"

#define SLOT STANDIN_SLOT

/* Sections of the file, in their order; the first three segments own them. */
enum sect {
	SECT_TEXT,
	SECT_TEXT_CONST,
	SECT_DATA,
	SECT_DATA_CONST,
	SECT_COMMON,
	SECT_PRELINK_TEXT,
	SECT_PRELINK_INFO,
	N_SECTS
};

enum seg { SEG_TEXT, SEG_DATA, SEG_PRELINK_TEXT, SEG_PRELINK_INFO, SEG_LINKEDIT, N_SEGS };

static const struct macho_section sect_proto[N_SECTS] = {
	[SECT_TEXT] = {.segname = "__TEXT",
		       .name = "__text",
		       .align = 4,
		       .flags = S_ATTR_PURE_INSTRUCTIONS | S_ATTR_SOME_INSTRUCTIONS},
	[SECT_TEXT_CONST] = {.segname = "__TEXT", .name = "__const", .align = 4},
	[SECT_DATA] = {.segname = "__DATA", .name = "__data", .align = 4},
	[SECT_DATA_CONST] = {.segname = "__DATA", .name = "__const", .align = 4},
	[SECT_COMMON] = {.segname = "__DATA",
			 .name = "__common",
			 .align = 4,
			 .flags = S_ZEROFILL},
	[SECT_PRELINK_TEXT] = {.segname = "__PRELINK_TEXT", .name = "__text"},
	[SECT_PRELINK_INFO] = {.segname = "__PRELINK_INFO", .name = "__info"},
};

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

/* Symbols with content: what config/version.c would hold. */
enum content {
	CONTENT_NONE,
	CONTENT_VERSION,
	CONTENT_DARWIN,
	CONTENT_OSTYPE,
	CONTENT_MAJOR,
	CONTENT_MINOR,
	CONTENT_REVISION,
};

/* Symbols whose section the table does not know, but which are no functions. */
static const struct {
	const char *name;
	enum content content;
	uint32_t size;
} data_symbols[] = {
	{"_version", CONTENT_VERSION, RELEASE_BANNER_MAX},
	{"_osrelease", CONTENT_DARWIN, SLOT},
	{"_ostype", CONTENT_OSTYPE, SLOT},
	{"_version_major", CONTENT_MAJOR, SLOT},
	{"_version_minor", CONTENT_MINOR, SLOT},
	{"_version_revision", CONTENT_REVISION, SLOT},
	{"_version_stage", CONTENT_NONE, SLOT},
	{"_version_prerelease_level", CONTENT_NONE, SLOT},
	{"_version_variant", CONTENT_NONE, SLOT},
};

#define HEADER_SYMBOL "__mh_execute_header" /* the linker's: start of __TEXT */

struct placed {
	const struct kpi_symbol *sym;
	enum sect sect;
	enum content content;
	uint64_t off; /* in its section */
};

struct kernel {
	const struct release *release;
	const struct machine_model *machine;
	const struct standin_cpu *cpu;
	const struct macho_arch *arch;
	struct placed *placed; /* sorted by name */
	size_t n;
	struct macho_section sect[N_SECTS];
	struct macho_segment seg[N_SEGS];
	bool prelink; /* has room for a prelinked kernel; else it is for collections */
	struct macho_symw syms;
	struct buf file;
};

static void place(struct placed *p, const struct kpi_symbol *s, uint32_t *size)
{
	*size = SLOT;
	p->sym = s;
	p->sect = SECT_TEXT;
	for (unsigned i = 0; i < SECT_PRELINK_TEXT; i++) {
		const char *sep = strchr(s->section, ',');

		if (sep &&
		    !strncmp(s->section, sect_proto[i].segname,
			     (size_t)(sep - s->section)) &&
		    !strcmp(sep + 1, sect_proto[i].name))
			p->sect = i;
	}
	for (size_t i = 0; i < sizeof(data_symbols) / sizeof(data_symbols[0]); i++)
		if (!strcmp(s->name, data_symbols[i].name)) {
			p->sect = SECT_TEXT_CONST;
			p->content = data_symbols[i].content;
			*size = data_symbols[i].size;
		}
}

static int by_name(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	return strcmp(x->sym->name, y->sym->name);
}

/* Names that a RELEASE kernel has: all but local ones and the KPIs' aliases. */
static int place_symbols(struct kernel *k, const struct kpi_table *t, struct err *e)
{
	k->placed = calloc(t->n_syms + 1, sizeof(*k->placed));
	if (!k->placed)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < t->n_syms; i++) {
		const struct kpi_symbol *s = &t->sym[i];
		struct placed *p = &k->placed[k->n];
		uint32_t size;

		if (s->alias_of || s->binding == 'L')
			continue;
		place(p, s, &size);
		if (strcmp(s->name, HEADER_SYMBOL) != 0) {
			p->off = k->sect[p->sect].size;
			k->sect[p->sect].size += size;
		}
		k->n++;
	}
	qsort(k->placed, k->n, sizeof(*k->placed), by_name);
	return 0;
}

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

static uint64_t address(const struct kernel *k, const struct placed *p)
{
	if (!strcmp(p->sym->name, HEADER_SYMBOL))
		return k->cpu->text_addr;
	return k->sect[p->sect].addr + p->off;
}

static int add_symbols(struct kernel *k, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < k->n; i++) {
		const struct placed *p = &k->placed[i];
		struct macho_symbol s = {
			.name = p->sym->name,
			.type = N_SECT | N_EXT,
			.sect = (uint8_t)(p->sect + 1),
			.value = address(k, p),
		};

		r = macho_symw_add(&k->syms, &s, e);
	}
	return r;
}

/* Part @n of "19.0.0". */
static uint32_t version_part(const char *version, unsigned n)
{
	while (n-- && version)
		version = strchr(version, '.') ? strchr(version, '.') + 1 : NULL;
	return version ? (uint32_t)strtoul(version, NULL, 10) : 0;
}

static void fill(const struct kernel *k, const struct placed *p, uint8_t *at)
{
	switch (p->content) {
	case CONTENT_VERSION:
		release_kernel_banner(k->release, k->machine, (char *)at);
		break;
	case CONTENT_DARWIN:
		snprintf((char *)at, SLOT, "%s", k->release->darwin);
		break;
	case CONTENT_OSTYPE:
		snprintf((char *)at, SLOT, "Darwin");
		break;
	case CONTENT_MAJOR:
	case CONTENT_MINOR:
	case CONTENT_REVISION:
		put_le32(at,
			 version_part(k->release->darwin, p->content - CONTENT_MAJOR));
		break;
	case CONTENT_NONE:
		break;
	}
}

static void fill_sections(struct kernel *k)
{
	for (size_t i = 0; i < k->n; i++) {
		const struct placed *p = &k->placed[i];
		const struct macho_section *s = &k->sect[p->sect];

		if (macho_is_zerofill(s) || !strcmp(p->sym->name, HEADER_SYMBOL))
			continue;
		if (p->sect == SECT_TEXT)
			memcpy(k->file.data + s->offset + p->off, k->cpu->function, SLOT);
		else
			fill(k, p, k->file.data + s->offset + p->off);
	}
}

/* Where __LINKEDIT's parts are; the prelink segments follow, empty. */
struct linkedit {
	uint32_t symoff, stroff, splitoff, splitsize;
};

/* Nothing in this kernel refers to anything, so that its segments may go where they like:
 * an empty table says so to the linker of collections. */
static int put_split_info(struct kernel *k, struct linkedit *le, struct err *e)
{
	struct split_refs none = {.n = 0};
	int r;

	le->splitoff = (uint32_t)k->file.len;
	r = split_info_write(&none, &k->file, e);
	le->splitsize = (uint32_t)k->file.len - le->splitoff;
	return r;
}

static int put_linkedit(struct kernel *k, struct linkedit *le, struct err *e)
{
	struct macho_segment *seg = &k->seg[SEG_LINKEDIT];
	int r;

	seg->vmaddr = k->seg[SEG_DATA].vmaddr + k->seg[SEG_DATA].vmsize;
	seg->fileoff = k->file.len;
	le->symoff = (uint32_t)k->file.len;
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

static int put_commands(struct kernel *k, struct buf *out, const struct linkedit *le,
			struct err *e)
{
	struct macho_dysymtab d = {.nextdef = k->syms.n, .iundef = k->syms.n};
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

static int build(struct kernel *k, const struct kpi_table *t, struct err *e)
{
	struct linkedit le = {.symoff = 0};
	int r = place_symbols(k, t, e);

	if (r)
		return r;
	lay_out(k);
	r = add_symbols(k, e);
	if (!r)
		r = buf_append_zeros(&k->file,
				     k->seg[SEG_DATA].fileoff + k->seg[SEG_DATA].filesize,
				     e);
	if (!r) {
		fill_sections(k);
		r = put_linkedit(k, &le, e);
	}
	if (!r)
		r = put_header(k, &le, e);
	return r;
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
	struct kpi_table *t = NULL;
	int rc;

	if (!machine_runs(m, r))
		return err_set(e, E_INVAL, "release %s does not run on %s", r->name,
			       m->name);
	rc = kpi_table_load(r->darwin, &t, e);
	if (rc)
		return rc;
	memcpy(k.sect, sect_proto, sizeof(k.sect));
	memcpy(k.seg, seg_proto, sizeof(k.seg));
	rc = build(&k, t, e);
	if (!rc)
		rc = buf_append(out, k.file.data, k.file.len, e);
	macho_symw_release(&k.syms);
	buf_release(&k.file);
	free(k.placed);
	kpi_table_free(t);
	return rc;
}
