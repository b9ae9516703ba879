/* SPDX-License-Identifier: MIT */
/* Reading the slices of a Mach-O file, as far as signatures go. */
#include "sim/formats/codesign/image.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/codesign/image_impl.h"

#define COMMANDS_MAX 4096

uint32_t cs_image_get32(const struct cs_image *im, size_t off)
{
	const uint8_t *p = im->bytes.p + off;

	return im->big_endian ? get_be32(p) : get_le32(p);
}

static uint64_t get64(const struct cs_image *im, size_t off)
{
	const uint8_t *p = im->bytes.p + off;

	return im->big_endian ? get_be64(p) : get_le64(p);
}

static int read_header(struct cs_image *im, struct err *e)
{
	uint32_t le, be;

	if (im->bytes.len < sizeof(struct macho_header_raw))
		return err_set(e, E_UNSUPPORTED, "%zu bytes are no Mach-O file",
			       im->bytes.len);
	le = get_le32(im->bytes.p);
	be = get_be32(im->bytes.p);
	im->big_endian = be == MACHO_MAGIC_32 || be == MACHO_MAGIC_64;
	if (!im->big_endian && le != MACHO_MAGIC_32 && le != MACHO_MAGIC_64)
		return err_set(e, E_UNSUPPORTED, "magic 0x%x is no Mach-O file", le);
	im->is64 = le == MACHO_MAGIC_64 || be == MACHO_MAGIC_64;
	im->cputype = cs_image_get32(im, 4);
	im->cpusubtype = cs_image_get32(im, 8);
	im->filetype = cs_image_get32(im, 12);
	return 0;
}

/* @off: of something behind the load commands; zero is the header itself. */
static void note_contents(struct cs_image *im, uint64_t off, uint64_t size)
{
	if (off && size && off < im->contents)
		im->contents = off;
}

struct seg_layout {
	size_t fixed, vmsize, fileoff, filesize, nsects, sect, sect_off, sect_size;
};

static const struct seg_layout seg32 = {56, 28, 32, 36, 48, 68, 40, 36};
static const struct seg_layout seg64 = {72, 32, 40, 48, 64, 80, 48, 40};

static uint64_t get_word(const struct cs_image *im, size_t off)
{
	return im->is64 ? get64(im, off) : cs_image_get32(im, off);
}

static int read_segment(struct cs_image *im, size_t off, uint32_t size, struct err *e)
{
	const struct seg_layout *l = im->is64 ? &seg64 : &seg32;
	uint64_t fileoff, filesize, n;

	if (size < l->fixed)
		return err_set(e, E_CORRUPT, "segment at 0x%zx: %u bytes", off, size);
	fileoff = get_word(im, off + l->fileoff);
	filesize = get_word(im, off + l->filesize);
	n = cs_image_get32(im, off + l->nsects);
	if (n > (size - l->fixed) / l->sect)
		return err_set(e, E_CORRUPT,
			       "segment at 0x%zx: %llu sections in %u bytes", off,
			       (unsigned long long)n, size);
	note_contents(im, fileoff, filesize);
	for (uint64_t i = 0; i < n; i++) {
		size_t s = off + l->fixed + i * l->sect;

		note_contents(im, cs_image_get32(im, s + l->sect_off),
			      get_word(im, s + l->sect_size));
	}
	if (strncmp((const char *)im->bytes.p + off + 8, "__LINKEDIT", 16) != 0)
		return 0;
	im->linkedit_cmd = off;
	im->linkedit_off = fileoff;
	im->ends_well = range_inside(fileoff, filesize, im->bytes.len) &&
			fileoff + filesize == im->bytes.len;
	return 0;
}

static int read_symtab(struct cs_image *im, size_t off, uint32_t size, struct err *e)
{
	if (size < sizeof(struct macho_symtab_raw))
		return err_set(e, E_CORRUPT, "LC_SYMTAB at 0x%zx: %u bytes", off, size);
	/* Objects and PowerPC kexts have no __LINKEDIT: they end with their strings. */
	if (!im->linkedit_cmd)
		im->ends_well = (uint64_t)cs_image_get32(im, off + 16) +
					cs_image_get32(im, off + 20) ==
				im->bytes.len;
	return 0;
}

static int read_signature(struct cs_image *im, size_t off, uint32_t size, struct err *e)
{
	if (size != sizeof(struct macho_linkedit_data_raw) || im->sig_cmd)
		return err_set(e, E_CORRUPT,
			       "LC_CODE_SIGNATURE at 0x%zx: a second one, or %u bytes",
			       off, size);
	im->sig_cmd = off;
	im->sig_off = cs_image_get32(im, off + 8);
	im->sig_len = cs_image_get32(im, off + 12);
	if (!range_inside(im->sig_off, im->sig_len, im->bytes.len))
		return err_set(e, E_CORRUPT,
			       "LC_CODE_SIGNATURE at 0x%zx: 0x%x + 0x%x lies outside",
			       off, im->sig_off, im->sig_len);
	return 0;
}

static int read_version(struct cs_image *im, size_t off, uint32_t size, struct err *e)
{
	bool build = cs_image_get32(im, off) == LC_BUILD_VERSION;

	if (size < sizeof(struct macho_linkedit_data_raw))
		return err_set(e, E_CORRUPT, "version at 0x%zx: %u bytes", off, size);
	im->platform = build ? cs_image_get32(im, off + 8) : PLATFORM_MACOS;
	im->min_version = cs_image_get32(im, off + (build ? 12 : 8));
	return 0;
}

static const struct {
	uint32_t cmd;
	int (*read)(struct cs_image *im, size_t off, uint32_t size, struct err *e);
} commands[] = {
	{LC_SEGMENT_32, read_segment},	      {LC_SEGMENT_64, read_segment},
	{LC_SYMTAB, read_symtab},	      {LC_CODE_SIGNATURE, read_signature},
	{LC_VERSION_MIN_MACOSX, read_version}, {LC_BUILD_VERSION, read_version},
};

static int read_command(struct cs_image *im, size_t off, uint32_t size, struct err *e)
{
	uint32_t cmd = cs_image_get32(im, off);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].cmd == cmd)
			return commands[i].read(im, off, size, e);
	return 0;
}

static int read_commands(struct cs_image *im, struct err *e)
{
	size_t off = im->is64 ? 32 : 28;
	uint32_t n = cs_image_get32(im, 16), bytes = cs_image_get32(im, 20);

	if (n > COMMANDS_MAX || !range_inside(off, bytes, im->bytes.len))
		return err_set(e, E_CORRUPT, "%u load commands of %u bytes", n, bytes);
	im->cmds_end = off + bytes;
	im->contents = im->bytes.len;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t size;
		int r;

		if (!range_inside(off, 8, im->cmds_end))
			return err_set(e, E_CORRUPT, "load command %u at 0x%zx", i, off);
		size = cs_image_get32(im, off + 4);
		if (size < 8 || !range_inside(off, size, im->cmds_end))
			return err_set(e, E_CORRUPT,
				       "load command %u at 0x%zx: %u bytes", i, off,
				       size);
		r = read_command(im, off, size, e);
		if (r)
			return r;
		off += size;
	}
	return 0;
}

static int read_image(struct cs_image *im, struct err *e)
{
	int r = read_header(im, e);

	return r ? r : read_commands(im, e);
}

/* ---- fat files ---- */

static bool all_zero(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i])
			return false;
	return true;
}

static int by_offset(const void *a, const void *b)
{
	const struct cs_image *const *x = a, *const *y = b;

	return ((*x)->off > (*y)->off) - ((*x)->off < (*y)->off);
}

/* What no slice covers is padding: short, and zero. */
static bool has_strange_gaps(const struct cs_images *all, struct span file)
{
	const struct cs_image *sorted[CS_IMAGES_MAX];
	size_t end = sizeof(struct fat_header_raw) + all->n * sizeof(struct fat_arch_raw);

	for (size_t i = 0; i < all->n; i++)
		sorted[i] = &all->item[i];
	qsort(sorted, all->n, sizeof(sorted[0]), by_offset);
	for (size_t i = 0; i < all->n; i++) {
		const struct cs_image *im = sorted[i];

		if (im->off < end ||
		    !all_zero((struct span){file.p + end, im->off - end}))
			return true;
		if (i && (im->align > CS_ALIGN_MAX ||
			  im->off - end >= (size_t)1 << im->align))
			return true;
		end = im->off + im->bytes.len;
	}
	return end != file.len;
}

static int open_fat(struct span file, struct cs_images *all, struct err *e)
{
	uint32_t n = get_be32(file.p + 4);

	if (!n || n > CS_IMAGES_MAX ||
	    !range_inside(sizeof(struct fat_header_raw), n * sizeof(struct fat_arch_raw),
			  file.len))
		return err_set(e, E_CORRUPT, "offset 4: a fat file of %u slices", n);
	all->fat = true;
	for (uint32_t i = 0; i < n; i++) {
		const struct fat_arch_raw *a =
			(const struct fat_arch_raw *)(file.p +
						      sizeof(struct fat_header_raw)) +
			i;
		struct cs_image *im = &all->item[all->n++];

		*im = (struct cs_image){.off = be32_get(a->offset),
					.align = be32_get(a->align)};
		if (!range_inside(im->off, be32_get(a->size), file.len))
			return err_set(e, E_CORRUPT, "slice %u at offset 0x%zx lies outside", i,
				       im->off);
		im->bytes = (struct span){file.p + im->off, be32_get(a->size)};
		if (read_image(im, e))
			return err_ctx(e, "slice %u at 0x%zx", i, im->off);
	}
	return 0;
}

int cs_images_open(struct span file, struct cs_images *ret, struct err *e)
{
	int r;

	*ret = (struct cs_images){.n = 0};
	if (file.len >= sizeof(struct fat_header_raw) &&
	    get_be32(file.p) == FAT_MAGIC_RAW) {
		r = open_fat(file, ret, e);
	} else {
		ret->item[ret->n++] = (struct cs_image){.bytes = file};
		r = read_image(&ret->item[0], e);
	}
	if (r)
		return r;
	ret->suspicious = ret->fat && has_strange_gaps(ret, file);
	for (size_t i = 0; i < ret->n; i++)
		ret->suspicious |= !ret->item[i].ends_well;
	return 0;
}

const struct cs_image *cs_images_main(const struct cs_images *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->item[i].cputype == CPU_TYPE_X86_64)
			return &all->item[i];
	return &all->item[0];
}

const char *cs_image_arch(const struct cs_image *im)
{
	static const struct {
		uint32_t cputype;
		const char *name;
	} rows[] = {
		{CPU_TYPE_X86_64, "x86_64"}, {CPU_TYPE_I386, "i386"},
		{CPU_TYPE_ARM64, "arm64"},   {0x12, "ppc"},
		{0x01000012, "ppc64"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].cputype == im->cputype)
			return rows[i].name;
	return "unknown";
}

size_t cs_image_extent(const struct cs_image *im)
{
	return im->sig_cmd ? im->sig_off : im->bytes.len;
}

struct span cs_image_signature(const struct cs_image *im)
{
	return im->sig_cmd ? (struct span){im->bytes.p + im->sig_off, im->sig_len}
			   : (struct span){NULL, 0};
}
