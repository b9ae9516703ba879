/* SPDX-License-Identifier: MIT */
/*
 * Chained fixups of kernel collections (xnu EXTERNAL_HEADERS/mach-o/fixup-chains.h): each
 * pointer is stored as the offset of its target in a collection, together with the
 * distance to the next pointer of its page. Whoever loads the collection walks the chains
 * and puts addresses there.
 *
 *	header | starts in image | for each segment with pointers: starts in segment
 */
#ifndef SIM_FORMATS_FILESET_FIXUPS_H
#define SIM_FORMATS_FILESET_FIXUPS_H

#include <assert.h>
#include <stdbool.h>

#include "sim/base/buf.h"
#include "sim/base/bytes.h"
#include "sim/formats/macho/macho.h"

struct fixups_header_raw {
	le32 version, starts_offset, imports_offset, symbols_offset;
	le32 imports_count, imports_format, symbols_format;
};
struct fixups_image_raw {
	le32 seg_count;
	le32 seg_info_offset[]; /* from here on; 0: none */
};
struct fixups_segment_raw {
	le32 size; /* with its page_start */
	le16 page_size, pointer_format;
	le64 segment_offset; /* from the image's first address */
	le32 max_valid_pointer;
	le16 page_count;
	le16 page_start[]; /* of the first pointer, or FIXUPS_NO_START */
};
static_assert(sizeof(struct fixups_header_raw) == 28, "dyld_chained_fixups_header");
static_assert(sizeof(struct fixups_segment_raw) == 22, "dyld_chained_starts_in_segment");

#define FIXUPS_NO_START	     0xffffu
#define FIXUPS_PTR_ARM64     8u	 /* DYLD_CHAINED_PTR_64_KERNEL_CACHE: steps of 4 bytes */
#define FIXUPS_PTR_X86_64    11u /* ..._X86_64_KERNEL_CACHE: steps of 1 byte */
#define FIXUPS_TARGET_MAX    (1ull << 30)
#define FIXUPS_IMPORT_FORMAT 1u

/* To which collection a target belongs; the value is on disk. */
enum fixups_level { FIXUPS_BOOT = 0, FIXUPS_PAGEABLE = 1, FIXUPS_AUXILIARY = 3 };
#define FIXUPS_LEVELS 4

/* Where the collections are; size 0: not there. */
struct fixups_space {
	struct {
		uint64_t base, size;
	} level[FIXUPS_LEVELS];
};

/* ---- writing ---- */

/* A segment of the image, in the order of its load commands. */
struct fixups_segment {
	uint64_t vmaddr, vmsize, fileoff;
	bool may_have; /* pointers; those without are left out */
};

struct fixups_request {
	const struct macho_arch *arch;
	const struct fixups_space *space;
	uint64_t base; /* of the image: its first address */
	const struct fixups_segment *seg;
	unsigned n_segs;
	const uint64_t *ptr; /* addresses of pointers, ascending */
	size_t n_ptrs;
	uint8_t *file; /* where segments are; holds the targets' addresses */
};

/*
 * Replace each pointer by its link in a chain and append the table to @out, padded to 8
 * bytes. E_OVERFLOW: a target more than 1 GiB into its collection; E_CORRUPT: a pointer
 * outside the segments, on top of another, or to no collection.
 */
int fixups_write(const struct fixups_request *rq, struct buf *out,
		 struct err *e) MUST_CHECK;

/* ---- reading ---- */

/* The pointer at @addr points to @target of @level; @authenticated: it is to be signed.
 */
typedef int fixups_fn(void *arg, uint64_t addr, enum fixups_level level, uint64_t target,
		      bool authenticated, struct err *e);

/*
 * Walk the chains of the image @m (a collection or an entry of one) whose table is
 * @size bytes at @off of m->data. Everything is checked: offsets, counts, that chains
 * ascend and stay in their page and segment. E_CORRUPT, or what @fn returns.
 */
int fixups_walk(const struct macho *m, uint32_t off, uint32_t size, fixups_fn *fn,
		void *arg, struct err *e) MUST_CHECK;

/* The table of @m, from LC_DYLD_CHAINED_FIXUPS; false when it has none. */
bool fixups_find(const struct macho *m, uint32_t *off, uint32_t *size);

#endif
