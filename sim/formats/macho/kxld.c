/* SPDX-License-Identifier: MIT */
/*
 * The order of a link, as in kxld_kext.c: dependencies' symbols are there already
 * (kxld_exports), own symbols are indexed and moved, references are bound, vtables
 * are found and patched, relocations are worked off, kmod_info is filled in.
 */
#define _GNU_SOURCE /* vasprintf */
#include "sim/formats/macho/kxld.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/macho/kxld_internal.h"

#define KEXT_VM_MAX (256u << 20)

void kxld_image_release(struct kxld_image *img)
{
	buf_release(&img->bytes);
	memset(img, 0, sizeof(*img));
}

static void release(struct kx *k)
{
	macho_release(&k->m);
	free(k->sym);
	split_refs_release(&k->refs);
	buf_release(&k->image);
	buf_release(&k->relocs);
	macho_symw_release(&k->out);
	free(k->target);
	kx_vtables_release(&k->vt);
	buf_release(&k->errors);
}

uint8_t *kx_at(struct kx *k, uint64_t addr, size_t len)
{
	if (addr < k->base || !range_inside(addr - k->base, len, k->code_end))
		return NULL;
	return k->image.data + (addr - k->base);
}

/* Load commands a kext may have, and whether they are kept. */
static const struct {
	uint32_t cmd;
	bool kept;
} kext_lcs[] = {
	{LC_SEGMENT_64, true},
	{LC_SYMTAB, true},
	{LC_DYSYMTAB, true},
	{LC_UUID, true},
	{LC_VERSION_MIN_MACOSX, true},
	{LC_VERSION_MIN_IPHONEOS, true},
	{LC_VERSION_MIN_TVOS, true},
	{LC_VERSION_MIN_WATCHOS, true},
	{LC_BUILD_VERSION, true},
	{LC_SOURCE_VERSION, true},
	{LC_SEGMENT_SPLIT_INFO, false},
	{LC_NOTE, false},
	{LC_CODE_SIGNATURE, false},
	{LC_DYLD_INFO, false},
	{LC_DYLD_INFO_ONLY, false},
	{LC_FUNCTION_STARTS, false},
	{LC_DATA_IN_CODE, false},
	{LC_DYLIB_CODE_SIGN_DRS, false},
};

/* 1 kept, 0 dropped, -1 not allowed */
static int lc_policy(uint32_t cmd)
{
	for (size_t i = 0; i < sizeof(kext_lcs) / sizeof(kext_lcs[0]); i++)
		if (kext_lcs[i].cmd == cmd)
			return kext_lcs[i].kept;
	return -1;
}

static int check_commands(const struct kx *k, struct err *e)
{
	for (unsigned i = 0; i < k->m.ncmds; i++) {
		uint32_t cmd, size;
		size_t off;

		macho_lc_at(&k->m, i, &cmd, &off, &size);
		if (cmd == LC_UNIXTHREAD || cmd == LC_MAIN) {
			if (k->rq->kernel)
				continue;
			return err_set(e, E_UNSUPPORTED,
				       "The Mach-O file is malformed: "
				       "LC_UNIXTHREAD/LC_MAIN segment is not valid in a "
				       "kext.");
		}
		if (lc_policy(cmd) < 0)
			return err_set(e, E_UNSUPPORTED,
				       "The Mach-O file is malformed: Invalid load "
				       "command type in "
				       "MH_KEXT_BUNDLE kext: %u.",
				       cmd);
	}
	return 0;
}

static int malformed(const char *what, struct err *e)
{
	return err_set(e, E_CORRUPT, "The Mach-O file is malformed: %s.", what);
}

/*
 * Of a kext the first segment; of an executable of x86_64 the first that is written to
 * (dyld MachOLoaded.cpp).
 */
static uint64_t reloc_base(const struct kx *k)
{
	const struct macho *m = &k->m;

	if (m->filetype == MH_EXECUTE && m->arch == macho_arch(MACHO_X86_64))
		for (unsigned i = 0; i < m->nsegs; i++)
			if (m->segs[i].initprot & VM_PROT_WRITE)
				return m->segs[i].vmaddr;
	return m->segs[0].vmaddr;
}

/* Segments ascend from the header on, page-aligned, and __LINKEDIT is the last. */
static int check_segments(struct kx *k, struct err *e)
{
	const struct macho *m = &k->m;
	const uint64_t page = m->arch->page;
	uint64_t end;

	if (m->nsegs < 2 || !m->segs[0].filesize || m->segs[0].fileoff)
		return malformed("No segment with the Mach-O header", e);
	k->base = end = m->segs[0].vmaddr;
	for (unsigned i = 0; i < m->nsegs; i++) {
		const struct macho_segment *s = &m->segs[i];

		if (s->vmaddr % page || s->vmaddr < end || s->filesize > s->vmsize)
			return malformed("Segments overlap or are not page-aligned", e);
		end = s->vmaddr + s->vmsize;
		if (end - k->base > KEXT_VM_MAX)
			return err_set(e, E_OVERFLOW, "kext of more than %u bytes",
				       KEXT_VM_MAX);
	}
	k->reloc_base = reloc_base(k);
	k->linkedit = m->nsegs - 1;
	if (strcmp(m->segs[k->linkedit].name, "__LINKEDIT"))
		return malformed("The last segment is not __LINKEDIT", e);
	end = m->segs[k->linkedit - 1].vmaddr + m->segs[k->linkedit - 1].vmsize - k->base;
	return ckd_round_up(&k->code_end, end, page) ? malformed("Segment size", e) : 0;
}

/* How far each segment moves. */
static int set_slides(struct kx *k, struct err *e)
{
	const uint64_t *addr = k->rq->seg_addr;

	if (!addr && k->rq->load_addr % k->m.arch->page)
		return err_set(e, E_INVAL, "Load address 0x%llx is not page-aligned.",
			       (unsigned long long)k->rq->load_addr);
	for (unsigned i = 0; i < k->linkedit; i++) {
		k->slide[i] =
			addr ? addr[i] - k->m.segs[i].vmaddr : k->rq->load_addr - k->base;
		if (k->slide[i] % MACHO_PAGE)
			return err_set(e, E_INVAL, "segment %s moves by 0x%llx",
				       k->m.segs[i].name,
				       (unsigned long long)k->slide[i]);
	}
	return addr ? kx_read_split(k, e) : 0;
}

static int open_kext(struct kx *k, struct err *e)
{
	const struct macho_arch *arch =
		k->rq->arch ? k->rq->arch : macho_arch(MACHO_X86_64);
	int r = macho_open_for(k->rq->file, k->rq->len, arch, &k->m, e);

	if (r)
		return r;
	if (k->m.filetype != (k->rq->kernel ? MH_EXECUTE : MH_KEXT_BUNDLE))
		return err_set(e, E_UNSUPPORTED,
			       "The Mach-O filetype 0x%x is not supported on the target "
			       "architecture.",
			       k->m.filetype);
	r = check_commands(k, e);
	if (!r && (!k->m.has_symtab || !k->m.has_dysymtab))
		r = malformed("No symbol table", e);
	if (!r)
		r = check_segments(k, e);
	if (!r &&
	    sizeof(struct macho_header_raw) + k->m.sizeofcmds > k->m.segs[0].filesize)
		r = malformed("Load commands are outside the first segment", e);
	return r ? r : set_slides(k, e);
}

/* Page multiple; behind the segments. */
static uint64_t got_size(const struct kx *k)
{
	const uint64_t page = k->m.arch->page;

	return (k->n_got * 8ull + page - 1) & ~(page - 1);
}

/*
 * The image in memory: each segment at its distance from the first, the GOT behind them.
 */
static int make_image(struct kx *k, struct err *e)
{
	int r = buf_append_zeros(&k->image, k->code_end + got_size(k), e);

	if (r)
		return r;
	for (unsigned i = 0; i < k->linkedit; i++) {
		const struct macho_segment *s = &k->m.segs[i];

		memcpy(k->image.data + (s->vmaddr - k->base), k->m.data + s->fileoff,
		       s->filesize);
	}
	k->got_addr = k->base + k->code_end + k->slide[k->linkedit - 1];
	return 0;
}

static int fill_kmod_info(struct kx *k, uint64_t size, uint64_t *ret, struct err *e)
{
	struct macho_symbol s;
	uint8_t *p;

	*ret = 0;
	if (k->rq->kernel)
		return 0;
	if (macho_find_defined(&k->m, "_kmod_info", &s, e))
		return err_set(e, E_NOTFOUND,
			       "The kext is missing its kmod_info structure.");
	p = kx_at(k, s.value, KMOD_INFO_SIZE);
	if (!p)
		return malformed("kmod_info is outside the kext", e);
	put_le64(p + KMOD_OFF_ADDRESS, k->base + k->slide[0]);
	put_le64(p + KMOD_OFF_SIZE, size);
	put_le64(p + KMOD_OFF_HDR_SIZE, 0); /* the header is part of __TEXT */
	*ret = s.value + kx_slide_at(k, s.value);
	return 0;
}

/* Only what is defined here stays in the symbol table, with its final address. */
static int write_symbols(struct kx *k, bool external, struct err *e)
{
	for (uint32_t i = 0; i < k->m.nsyms; i++) {
		struct macho_symbol s = k->sym[i].s;
		int r;

		if (k->sym[i].state != KX_DEFINED ||
		    macho_sym_is_external(&s) != external)
			continue;
		s.value = k->sym[i].value;
		r = macho_symw_add(&k->out, &s, e);
		if (r)
			return r;
	}
	return 0;
}

/* Where the parts of the new __LINKEDIT are, as offsets in the image. */
struct linkedit {
	uint32_t start, symoff, stroff;
};

static int put_linkedit(struct kx *k, struct linkedit *le, struct err *e)
{
	int r;

	le->start = (uint32_t)k->image.len;
	r = buf_append(&k->image, k->relocs.data, k->relocs.len, e);
	le->symoff = (uint32_t)k->image.len;
	if (!r)
		r = buf_append(&k->image, k->out.nlists.data, k->out.nlists.len, e);
	le->stroff = (uint32_t)k->image.len;
	if (!r)
		r = buf_append(&k->image, k->out.strings.data, k->out.strings.len, e);
	if (!r && k->image.len == le->start)
		r = buf_append_zeros(&k->image, 1, e); /* a segment is never empty */
	return r ? r : macho_pad(&k->image, k->m.arch->page, e);
}

/*
 * Segments keep their sections. The last one before __LINKEDIT, __DATA in what ld -kext
 * makes, also covers the GOT; the GOT gets no section of its own because the room for
 * load commands is not ours to grow.
 */
static int put_segment(struct kx *k, struct buf *out, unsigned i,
		       const struct linkedit *le, struct err *e)
{
	const uint64_t slide = k->slide[i < k->linkedit ? i : k->linkedit - 1];
	struct macho_segment seg = k->m.segs[i];
	struct macho_section sects[MACHO_SECTS_MAX];

	seg.fileoff = seg.vmaddr - k->base;
	if (i == k->linkedit)
		seg.fileoff = le->start;
	if (i == k->linkedit - 1)
		seg.vmsize = le->start - seg.fileoff;
	if (i == k->linkedit)
		seg.vmsize = k->image.len - le->start;
	seg.filesize = seg.vmsize;
	seg.vmaddr = k->base + seg.fileoff + slide;
	for (unsigned n = 0; n < seg.nsects; n++) {
		struct macho_section *s = &sects[n];

		*s = k->m.sects[seg.first_sect + n];
		s->offset = macho_is_zerofill(s) ? 0 : (uint32_t)(s->addr - k->base);
		s->addr += slide;
		s->reloff = s->nreloc = 0;
	}
	return macho_put_segment(out, &seg, sects, e);
}

/* Where the program counter is in LC_UNIXTHREAD; NULL when it is not there. */
static uint8_t *thread_pc(const struct kx *k, uint8_t *cmd, uint32_t size)
{
	const bool arm = k->m.arch == macho_arch(MACHO_ARM64E);
	const struct macho_thread_raw *t = (const void *)cmd;
	size_t reg = arm ? ARM_THREAD_STATE64_PC : X86_THREAD_STATE64_RIP;

	if (size < sizeof(*t) + (arm ? 8 * (33 - 21) : 0) ||
	    le32_get(t->flavor) != (arm ? ARM_THREAD_STATE64 : X86_THREAD_STATE64))
		return NULL;
	return cmd + offsetof(struct macho_thread_raw, reg) + 8 * reg;
}

/* The kernel's entry point moves with its segment. */
static int put_thread(struct kx *k, struct buf *out, size_t off, uint32_t size,
		      struct err *e)
{
	size_t at = out->len;
	int r = buf_append(out, k->m.data + off, size, e);
	uint8_t *pc = r ? NULL : thread_pc(k, out->data + at, size);

	if (r)
		return r;
	if (!pc)
		return malformed("LC_UNIXTHREAD", e);
	put_le64(pc, get_le64(pc) + kx_slide_at(k, get_le64(pc)));
	return 0;
}

static int put_command(struct kx *k, struct buf *out, unsigned i, unsigned *seg,
		       const struct linkedit *le, struct err *e)
{
	struct macho_dysymtab d = {.nlocal = k->n_locals, .iextdef = k->n_locals};
	uint32_t cmd, size;
	size_t off;

	macho_lc_at(&k->m, i, &cmd, &off, &size);
	switch (cmd) {
	case LC_SEGMENT_64:
		return put_segment(k, out, (*seg)++, le, e);
	case LC_SYMTAB:
		return macho_put_symtab(out, le->symoff, k->out.n, le->stroff,
					(uint32_t)k->out.strings.len, e);
	case LC_DYSYMTAB:
		d.nextdef = k->out.n - k->n_locals;
		d.iundef = k->out.n;
		d.locreloff = k->n_relocs ? le->start : 0;
		d.nlocrel = k->n_relocs;
		return macho_put_dysymtab(out, &d, e);
	case LC_UNIXTHREAD:
		return put_thread(k, out, off, size, e);
	default:
		return buf_append(out, k->m.data + off, size, e);
	}
}

static int put_commands(struct kx *k, const struct linkedit *le, struct err *e)
{
	struct macho_head head = {.arch = k->m.arch,
				  .filetype = (enum macho_filetype)k->m.filetype,
				  /* in a collection they keep what they are */
				  .flags = k->rq->collection ? k->m.flags | MH_NOUNDEFS
							     : MH_NOUNDEFS};
	size_t room = sizeof(struct macho_header_raw) + k->m.sizeofcmds;
	struct buf cmds = BUF_INIT, out = BUF_INIT;
	unsigned seg = 0;
	int r = 0;

	for (unsigned i = 0; !r && i < k->m.ncmds; i++) {
		uint32_t cmd, size;
		size_t off;

		macho_lc_at(&k->m, i, &cmd, &off, &size);
		if (!lc_policy(cmd))
			continue;
		r = put_command(k, &cmds, i, &seg, le, e);
		head.ncmds++;
	}
	head.sizeofcmds = (uint32_t)cmds.len;
	if (!r)
		r = macho_put_header(&out, &head, e);
	if (!r)
		r = buf_append(&out, cmds.data, cmds.len, e);
	if (!r && out.len > room)
		r = malformed("Load commands have padding", e);
	if (!r) {
		memset(k->image.data, 0, room);
		memcpy(k->image.data, out.data, out.len);
	}
	buf_release(&cmds);
	buf_release(&out);
	return r;
}

/* All that is done to the image once every symbol has its value. */
static int finish(struct kx *k, struct kxld_image *img, struct err *e)
{
	struct linkedit le;
	int r = kx_relocate(k, e);

	if (!r)
		r = kx_adjust_split(k, e);
	if (!r)
		r = write_symbols(k, false, e);
	k->n_locals = k->out.n;
	if (!r)
		r = write_symbols(k, true, e);
	if (!r)
		r = put_linkedit(k, &le, e);
	if (!r)
		r = fill_kmod_info(k, k->image.len, &img->kmod_info, e);
	if (!r)
		r = put_commands(k, &le, e);
	return r;
}

static int link_kext(struct kx *k, struct kxld_image *img, struct err *e)
{
	int r = open_kext(k, e);

	if (!r)
		r = kx_index_symbols(k, e);
	if (!r)
		r = kx_resolve(k, e);
	if (!r)
		r = kx_find_classes(k, e);
	if (!r)
		r = kx_patch_classes(k, e);
	if (!r)
		r = kx_check_resolved(k, e);
	if (!r)
		r = kx_count_got(k, e);
	if (!r)
		r = make_image(k, e);
	if (!r)
		r = finish(k, img, e);
	return r;
}

int kx_error(struct kx *k, enum err_code code, const char *fmt, ...)
{
	va_list ap;
	char *line = NULL;
	int n, r = -(int)code;

	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -(int)E_NOMEM;
	if (buf_printf(&k->errors, NULL, "%s%s", k->errors.len ? "\n" : "", line))
		r = -(int)E_NOMEM;
	free(line);
	return r;
}

/* @e gets the lines that there are, or the other way round. */
static int report(struct kx *k, int r, struct err *e)
{
	struct err own = ERR_INIT;
	const char *text;

	if (r == -(int)E_NOMEM)
		return err_set(e, E_NOMEM, "out of memory");
	if (!e)
		e = &own;
	if (k->errors.len)
		r = err_set(e, (enum err_code) - r, "%s", buf_str(&k->errors));
	text = k->errors.len ? buf_str(&k->errors) : e->msg;
	if (k->rq->errors && buf_printf(k->rq->errors, NULL, "%s", text))
		return err_set(e, E_NOMEM, "out of memory");
	return r;
}

int kxld_link(const struct kxld_request *rq, struct kxld_image *img, struct err *e)
{
	struct kx k = {.rq = rq};
	int r;

	memset(img, 0, sizeof(*img));
	clog_say(rq->log, CLOG_PROGRESS, "kxld[%s]: Linking kext %s", rq->name, rq->name);
	r = link_kext(&k, img, e);
	if (r)
		r = report(&k, r, e);
	if (!r) {
		img->bytes = k.image;
		k.image = (struct buf)BUF_INIT;
		img->has_uuid = k.m.has_uuid;
		memcpy(img->uuid, k.m.uuid, sizeof(img->uuid));
	}
	release(&k);
	return r;
}

static int measure(struct kx *k, struct kxld_layout *ret, struct err *e)
{
	int r = open_kext(k, e);

	if (!r)
		r = kx_index_symbols(k, e);
	if (!r)
		r = kx_count_got(k, e);
	if (r)
		return r;
	ret->nsegs = k->linkedit;
	for (unsigned i = 0; i < k->linkedit; i++) {
		const struct macho_segment *s = &k->m.segs[i];

		memcpy(ret->seg[i].name, s->name, sizeof(ret->seg[i].name));
		ret->seg[i].size = s->vmsize;
		ret->seg[i].initprot = s->initprot;
	}
	ret->seg[ret->nsegs - 1].size =
		k->base + k->code_end + got_size(k) - k->m.segs[ret->nsegs - 1].vmaddr;
	ret->split = !kx_read_split(k, NULL);
	return 0;
}

int kxld_measure(const struct kxld_request *rq, struct kxld_layout *ret, struct err *e)
{
	const struct kxld_request plain = {
		.file = rq->file, .len = rq->len, .arch = rq->arch, .kernel = rq->kernel};
	struct kx k = {.rq = &plain};
	int r;

	memset(ret, 0, sizeof(*ret));
	r = measure(&k, ret, e);
	if (r)
		r = report(&k, r, e);
	release(&k);
	return r;
}
