/* SPDX-License-Identifier: MIT */
/* Header and load commands of the collection itself, in the order of kmutil. */
#include <string.h>

#include "sim/formats/fileset/build_internal.h"

static int put_build_version(struct buf *out, struct err *e)
{
	const struct macho_build_version_raw raw = {
		.cmd = to_le32(LC_BUILD_VERSION),
		.cmdsize = to_le32(sizeof(raw)),
		.platform = to_le32(PLATFORM_MACOS),
	};

	return buf_append(out, &raw, sizeof(raw), e);
}

/* The kernel's entry point, where the booter looks for it. */
static int put_thread(const struct fb *b, struct buf *out, unsigned *n, struct err *e)
{
	const struct macho *m = &b->unit[0].m;

	for (unsigned i = 0; b->rq->kernel && i < m->ncmds; i++) {
		uint32_t cmd, size;
		size_t off;

		macho_lc_at(m, i, &cmd, &off, &size);
		if (cmd != LC_UNIXTHREAD)
			continue;
		++*n;
		return buf_append(out, m->data + off, size, e);
	}
	return 0;
}

/* __PRELINK_TEXT and __PRELINK_INFO have one section, as large as they are. */
static struct macho_section section_of(unsigned i, const struct fb_region *r)
{
	struct macho_section s = {.addr = r->vmaddr, .size = r->size};

	memcpy(s.segname, r->name, sizeof(s.segname));
	strcpy(s.name, i == FB_PRELINK_TEXT ? "__text" : "__info");
	s.offset = (uint32_t)r->fileoff;
	if (i == FB_PRELINK_TEXT)
		s.flags = S_ATTR_SOME_INSTRUCTIONS | S_ATTR_PURE_INSTRUCTIONS;
	return s;
}

static int put_segments(const struct fb *b, struct buf *out, unsigned *n, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; !r && i < b->n_regions; i++) {
		const struct fb_region *reg = &b->region[i];
		struct macho_section s = section_of(i, reg);
		struct macho_segment seg = {
			.vmaddr = reg->vmaddr,
			.vmsize = reg->size,
			.fileoff = reg->fileoff,
			.filesize = reg->size,
			.maxprot = reg->prot,
			.initprot = reg->prot,
			.nsects = i == FB_PRELINK_TEXT || i == FB_PRELINK_INFO,
		};

		if (!reg->used)
			continue;
		memcpy(seg.name, reg->name, sizeof(seg.name));
		r = macho_put_segment(out, &seg, &s, e);
		++*n;
	}
	return r;
}

static int put_entry(const struct fb *b, const struct fb_unit *u, struct buf *out,
		     struct err *e)
{
	size_t len = strlen(u->id) + 1;
	const struct macho_fileset_entry_raw raw = {
		.cmd = to_le32(LC_FILESET_ENTRY),
		.cmdsize = to_le32((uint32_t)fb_align(sizeof(raw) + len, 8)),
		.vmaddr = to_le64(u->addr[0]),
		.fileoff = to_le64(b->region[u->region[0]].fileoff + u->in_region[0]),
		.entry_id = to_le32(sizeof(raw)),
	};
	int r = buf_append(out, &raw, sizeof(raw), e);

	if (!r)
		r = buf_append(out, u->id, len, e);
	return r ? r : macho_pad(out, 8, e);
}

static int put_commands(const struct fb *b, struct buf *out, unsigned *n, struct err *e)
{
	uint32_t fixups = (uint32_t)b->region[b->n_regions - 1].fileoff + b->fixups_off;
	int r = macho_put_uuid(out, b->kcid, e);

	if (!r)
		r = put_build_version(out, e);
	*n = 2;
	if (!r)
		r = put_thread(b, out, n, e);
	if (!r && b->fixups_size) {
		r = macho_put_linkedit_data(out, LC_DYLD_CHAINED_FIXUPS, fixups,
					    b->fixups_size, e);
		++*n;
	}
	if (!r)
		r = put_segments(b, out, n, e);
	for (size_t i = 0; !r && i < b->n_units; i++)
		if (b->unit[i].here) {
			r = put_entry(b, &b->unit[i], out, e);
			++*n;
		}
	return r;
}

int fb_put_header(struct fb *b, struct err *e)
{
	struct macho_head head = {.arch = b->rq->arch, .filetype = MH_FILESET};
	struct buf cmds = BUF_INIT, out = BUF_INIT;
	int r = put_commands(b, &cmds, &head.ncmds, e);

	head.sizeofcmds = (uint32_t)cmds.len;
	if (!r && head.ncmds > MACHO_LCS_MAX)
		r = err_set(e, E_OVERFLOW, "more than %d load commands", MACHO_LCS_MAX);
	if (!r)
		r = macho_put_header(&out, &head, e);
	if (!r)
		r = buf_append(&out, cmds.data, cmds.len, e);
	if (!r)
		memcpy(b->file.data, out.data, out.len);
	buf_release(&cmds);
	buf_release(&out);
	return r;
}
