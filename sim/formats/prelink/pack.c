/* SPDX-License-Identifier: MIT */
#include "sim/formats/prelink/pack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "sim/base/ckd.h"
#include "sim/formats/macho/macho.h"
#include "sim/formats/prelink/lz.h"
#include "sim/formats/prelink/unpack.h"

static_assert(sizeof(struct prelink_comp_raw) == PRELINK_COMP_SIZE, "comp header");
static_assert(PRELINK_SLICE_OFFSET ==
		      sizeof(struct fat_header_raw) + sizeof(struct fat_arch_raw),
	      "one architecture");

static const struct {
	enum prelink_compression how;
	char type[5];
	int (*encode)(const uint8_t *src, size_t len, struct buf *out, struct err *e);
	size_t (*decode)(const uint8_t *src, size_t len, uint8_t *dst, size_t cap);
	/* What a byte of input can become at most: so few bytes take no more memory than
	 * that, whatever the header says. lzss: 17 bytes are 8 matches of 18; lzvn: 2 bytes
	 * are a match of 271. */
	size_t expansion;
} methods[] = {
	{PRELINK_LZSS, "lzss", lzss_encode, lzss_decode, 9},
	{PRELINK_LZVN, "lzvn", lzvn_encode, lzvn_decode, 136},
};

static uint32_t checksum(const uint8_t *p, size_t len)
{
	return (uint32_t)adler32_z(1, p, len);
}

/* The comp header, then the stream; the header is written over its place at the end. */
static int put_compressed(const uint8_t *macho, size_t len, size_t method, bool kaslr,
			  struct buf *out, struct err *e)
{
	struct prelink_comp_raw h = {
		.signature = {'c', 'o', 'm', 'p'},
		.adler32 = to_be32(checksum(macho, len)),
		.uncompressed_size = to_be32((uint32_t)len),
		.prelink_version = to_be32(kaslr),
	};
	size_t start = out->len;
	int r = buf_append_zeros(out, sizeof(h), e);

	if (!r)
		r = methods[method].encode(macho, len, out, e);
	if (r)
		return r;
	memcpy(h.type, methods[method].type, sizeof(h.type));
	h.compressed_size = to_be32((uint32_t)(out->len - start - sizeof(h)));
	memcpy(out->data + start, &h, sizeof(h));
	return 0;
}

static int put_slice(const uint8_t *macho, size_t len, enum prelink_compression how,
		     bool kaslr, struct buf *out, struct err *e)
{
	if (how == PRELINK_PLAIN)
		return buf_append(out, macho, len, e);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (methods[i].how == how)
			return put_compressed(macho, len, i, kaslr, out, e);
	return err_set(e, E_INVAL, "no compression %d", (int)how);
}

int prelink_pack(const void *macho, size_t len, enum prelink_compression how, bool kaslr,
		 struct buf *out, struct err *e)
{
	struct fat_header_raw fat = {.magic = to_be32(FAT_MAGIC_RAW),
				     .nfat_arch = to_be32(1)};
	struct fat_arch_raw arch = {
		.cputype = to_be32(CPU_TYPE_X86_64),
		.cpusubtype = to_be32(CPU_SUBTYPE_X86_64_ALL),
		.offset = to_be32(PRELINK_SLICE_OFFSET),
	};
	size_t start = out->len;
	int r;

	if (len > PRELINK_MAX)
		return err_set(e, E_OVERFLOW, "prelinked kernel of %zu bytes", len);
	if (len >= 4 && !memcmp(macho, "comp", 4))
		return err_set(e, E_INVAL, "Prelinked kernel is already compressed.");
	r = buf_append(out, &fat, sizeof(fat), e);
	if (!r)
		r = buf_append(out, &arch, sizeof(arch), e);
	if (!r)
		r = put_slice(macho, len, how, kaslr, out, e);
	if (r)
		return r;
	arch.size = to_be32((uint32_t)(out->len - start - PRELINK_SLICE_OFFSET));
	memcpy(out->data + start + sizeof(fat), &arch, sizeof(arch));
	return 0;
}

static int fail(enum prelink_check *failed, enum prelink_check why, int r)
{
	*failed = why;
	return r;
}

static int decompress(const struct prelink_comp_raw *h, size_t method, const uint8_t *src,
		      size_t len, struct buf *macho, enum prelink_check *failed,
		      struct err *e)
{
	uint32_t want = be32_get(h->uncompressed_size);
	size_t start = macho->len, room, got;
	int r;

	if (want > PRELINK_MAX || be32_get(h->compressed_size) > len)
		return fail(failed, PRELINK_BAD_SIZE,
			    err_set(e, E_CORRUPT,
				    "Compressed prelinked kernel is truncated: %zu bytes "
				    "of %u.",
				    len, be32_get(h->compressed_size)));
	room = (size_t)be32_get(h->compressed_size) * methods[method].expansion;
	room = room < want ? room : want;
	r = buf_append_zeros(macho, room, e);
	if (r)
		return r;
	got = methods[method].decode(src, be32_get(h->compressed_size),
				     macho->data + start, room);
	if (got != want)
		return fail(failed, PRELINK_BAD_SIZE,
			    err_set(e, E_CORRUPT,
				    "Compressed prelinked kernel uncompressed to an "
				    "unexpected "
				    "size: %u.",
				    (unsigned)got));
	if (checksum(macho->data + start, want) != be32_get(h->adler32))
		return fail(failed, PRELINK_BAD_CHECKSUM,
			    err_set(e, E_CORRUPT,
				    "Checksum error for compressed prelinked kernel."));
	return 0;
}

/* @p is what the fat header points to, and not a Mach-O. */
static int unpack_comp(const uint8_t *p, size_t len, struct buf *macho,
		       enum prelink_compression *how, enum prelink_check *failed,
		       struct err *e)
{
	const struct prelink_comp_raw *h = (const void *)p;

	if (len < sizeof(*h) || memcmp(h->signature, "comp", 4) != 0)
		return fail(failed, PRELINK_BAD_SIGNATURE,
			    err_set(e, E_CORRUPT,
				    "Compressed prelinked kernel has invalid signature: "
				    "0x%x.",
				    len < 4 ? 0 : get_be32(p)));
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!memcmp(h->type, methods[i].type, 4)) {
			*how = methods[i].how;
			return decompress(h, i, p + sizeof(*h), len - sizeof(*h), macho,
					  failed, e);
		}
	return fail(failed, PRELINK_BAD_TYPE,
		    err_set(e, E_CORRUPT,
			    "Compressed prelinked kernel has invalid compressType: 0x%x.",
			    get_be32(h->type)));
}

int prelink_unpack_checked(const void *file, size_t len, struct buf *macho,
			   enum prelink_compression *how, enum prelink_check *failed,
			   struct err *e)
{
	const uint8_t *p = file;
	size_t off = 0, size = 0, start = macho->len;
	int r = macho_slice(file, len, &off, &size, e);

	*how = PRELINK_PLAIN;
	if (r)
		return fail(failed, PRELINK_BAD_FAT, r);
	p += off;
	if (size >= 4 && get_le32(p) == MACHO_MAGIC_64)
		return buf_append(macho, p, size, e);
	r = unpack_comp(p, size, macho, how, failed, e);
	if (r) {
		macho->len = start;
		err_ctx(e, "comp header at offset 0x%zx", off);
	}
	return r;
}

int prelink_unpack(const void *file, size_t len, struct buf *macho,
		   enum prelink_compression *ret_how, struct err *e)
{
	enum prelink_compression how = PRELINK_PLAIN;
	enum prelink_check failed;
	int r = prelink_unpack_checked(file, len, macho, &how, &failed, e);

	if (!r && ret_how)
		*ret_how = how;
	return r;
}

bool prelink_replaceable(const void *file, size_t len)
{
	size_t off = 0, size = 0;
	struct macho m;
	bool ok;

	if (!len)
		return true;
	if (macho_slice(file, len, &off, &size, NULL))
		return false;
	if (size >= PRELINK_COMP_SIZE && !memcmp((const uint8_t *)file + off, "comp", 4))
		return true;
	if (macho_open((const uint8_t *)file + off, size, &m, NULL))
		return false;
	ok = macho_section(&m, "__PRELINK_INFO", "__info");
	macho_release(&m);
	return ok;
}
