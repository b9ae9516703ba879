/* SPDX-License-Identifier: MIT */
/* Making room for a signature at the end of a slice (what codesign_allocate does). */
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/codesign/image_impl.h"

#define SIG_ALIGN 16u
#define CMD_LEN	  (uint32_t)sizeof(struct macho_linkedit_data_raw)

/* The load command for it: where it is, or behind the others. */
static int find_command(const struct cs_image *im, size_t *ret, bool *ret_new,
			struct err *e)
{
	*ret_new = !im->sig_cmd;
	*ret = im->sig_cmd ? im->sig_cmd : im->cmds_end;
	if (*ret_new && im->contents - im->cmds_end < CMD_LEN)
		return err_set(e, E_UNSUPPORTED,
			       "%s: there is no room for LC_CODE_SIGNATURE between the "
			       "load commands and what follows at 0x%zx",
			       cs_image_arch(im), im->contents);
	return 0;
}

static uint32_t page_of(const struct cs_image *im)
{
	return im->cputype == CPU_TYPE_ARM64 ? MACHO_PAGE_ARM64 : MACHO_PAGE;
}

static void poke_linkedit(const struct cs_image *im, uint8_t *file, size_t len)
{
	uint64_t size = len - im->linkedit_off;
	uint64_t vmsize = (size + page_of(im) - 1) / page_of(im) * page_of(im);
	uint8_t *cmd = file + im->linkedit_cmd;

	if (im->is64) {
		put_le64(cmd + 32, vmsize);
		put_le64(cmd + 48, size);
	} else {
		put_le32(cmd + 28, (uint32_t)vmsize);
		put_le32(cmd + 36, (uint32_t)size);
	}
}

static void poke_command(const struct cs_image *im, uint8_t *file, size_t cmd,
			 bool is_new, size_t off, size_t len)
{
	put_le32(file + cmd, LC_CODE_SIGNATURE);
	put_le32(file + cmd + 4, CMD_LEN);
	put_le32(file + cmd + 8, (uint32_t)off);
	put_le32(file + cmd + 12, (uint32_t)len);
	if (!is_new)
		return;
	put_le32(file + 16, cs_image_get32(im, 16) + 1);
	put_le32(file + 20, cs_image_get32(im, 20) + CMD_LEN);
}

static int check(const struct cs_image *im, uint64_t total, struct err *e)
{
	if (im->big_endian || !im->linkedit_cmd)
		return err_set(e, E_UNSUPPORTED,
			       "%s: a slice without __LINKEDIT, or of another byte "
			       "order, cannot be signed",
			       cs_image_arch(im));
	if (im->linkedit_off > cs_image_extent(im))
		return err_set(e, E_CORRUPT, "%s: __LINKEDIT begins behind the end",
			       cs_image_arch(im));
	if (total > INT32_MAX)
		return err_set(e, E_OVERFLOW, "%s: too big to be signed",
			       cs_image_arch(im));
	return 0;
}

int cs_image_make_room(const struct cs_image *im, size_t sig_len, struct buf *out,
		       size_t *ret_off, struct err *e)
{
	size_t extent = cs_image_extent(im), start = out->len, cmd = 0;
	uint64_t off, total;
	bool is_new = false;
	int r;

	if (ckd_round_up(&off, extent, SIG_ALIGN) || ckd_add(&total, off, sig_len))
		total = UINT64_MAX;
	r = check(im, total, e);
	if (!r)
		r = find_command(im, &cmd, &is_new, e);
	if (!r)
		r = buf_append(out, im->bytes.p, extent, e);
	if (!r)
		r = buf_append_zeros(out, total - extent, e);
	if (r)
		return r;
	poke_command(im, out->data + start, cmd, is_new, off, sig_len);
	poke_linkedit(im, out->data + start, total);
	*ret_off = off;
	return 0;
}

static int put_fat_header(const struct cs_images *all, const struct buf *slice,
			  struct buf *out, struct err *e)
{
	struct fat_header_raw h = {to_be32(FAT_MAGIC_RAW), to_be32((uint32_t)all->n)};
	uint64_t off = sizeof(h) + all->n * sizeof(struct fat_arch_raw);
	int r = buf_append(out, &h, sizeof(h), e);

	for (size_t i = 0; i < all->n && !r; i++) {
		const struct cs_image *im = &all->item[i];
		struct fat_arch_raw a;

		if (im->align > CS_ALIGN_MAX ||
		    ckd_round_up(&off, off, 1ull << im->align) ||
		    off + slice[i].len > UINT32_MAX)
			return err_set(e, E_UNSUPPORTED, "slice %zu at 2^%u", i,
				       im->align);
		a = (struct fat_arch_raw){to_be32(im->cputype), to_be32(im->cpusubtype),
					  to_be32((uint32_t)off),
					  to_be32((uint32_t)slice[i].len),
					  to_be32(im->align)};
		r = buf_append(out, &a, sizeof(a), e);
		off += slice[i].len;
	}
	return r;
}

int cs_images_join(const struct cs_images *all, const struct buf *slice, struct buf *out,
		   struct err *e)
{
	size_t start = out->len;
	int r;

	if (!all->fat)
		return buf_append(out, slice[0].data, slice[0].len, e);
	r = put_fat_header(all, slice, out, e);
	for (size_t i = 0; i < all->n && !r; i++) {
		const uint8_t *a = out->data + start + sizeof(struct fat_header_raw) +
				   i * sizeof(struct fat_arch_raw);
		size_t off = get_be32(a + 8);

		r = buf_append_zeros(out, start + off - out->len, e);
		if (!r)
			r = buf_append(out, slice[i].data, slice[i].len, e);
	}
	return r;
}
