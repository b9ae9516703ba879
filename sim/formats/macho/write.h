/* SPDX-License-Identifier: MIT */
/*
 * Writing the parts of a Mach-O file: load commands from the structs that the reader
 * fills, and symbol and string tables. The layout is the caller's affair.
 */
#ifndef SIM_FORMATS_MACHO_WRITE_H
#define SIM_FORMATS_MACHO_WRITE_H

#include "sim/base/buf.h"
#include "sim/formats/macho/macho.h"

struct macho_head {
	const struct macho_arch *arch; /* NULL: x86_64 */
	enum macho_filetype filetype;
	uint32_t ncmds, sizeofcmds, flags;
};

/* Each appends to @out. */
int macho_put_header(struct buf *out, const struct macho_head *h,
		     struct err *e) MUST_CHECK;
/* LC_SEGMENT_64 with its @seg->nsects sections, which start at @sects. */
int macho_put_segment(struct buf *out, const struct macho_segment *seg,
		      const struct macho_section *sects, struct err *e) MUST_CHECK;
int macho_put_symtab(struct buf *out, uint32_t symoff, uint32_t nsyms, uint32_t stroff,
		     uint32_t strsize, struct err *e) MUST_CHECK;
int macho_put_dysymtab(struct buf *out, const struct macho_dysymtab *d,
		       struct err *e) MUST_CHECK;
int macho_put_uuid(struct buf *out, const uint8_t uuid[16], struct err *e) MUST_CHECK;
/* LC_SEGMENT_SPLIT_INFO, LC_DYLD_CHAINED_FIXUPS: @size bytes at @off of the file. */
int macho_put_linkedit_data(struct buf *out, uint32_t cmd, uint32_t off, uint32_t size,
			    struct err *e) MUST_CHECK;
int macho_put_reloc(struct buf *out, const struct macho_reloc *r,
		    struct err *e) MUST_CHECK;

/* Write changed numbers of @seg, or of a section, over the load command it came from. */
void macho_poke_segment(uint8_t *file, const struct macho_segment *seg);
void macho_poke_section(uint8_t *file, const struct macho_segment *seg,
			unsigned sect_in_seg, const struct macho_section *s);

/*
 * Append a fat file of @n slices to @out, which has to be empty: each thin file at a
 * multiple of 16 KiB. E_INVAL for one of an unknown architecture.
 */
int macho_put_fat(struct buf *out, const struct buf *slice, size_t n,
		  struct err *e) MUST_CHECK;

/* Pad @out with zeros to a multiple of @align, a power of two. */
int macho_pad(struct buf *out, size_t align, struct err *e) MUST_CHECK;

/* A symbol table that grows. Zero-initialise. */
struct macho_symw {
	struct buf nlists, strings;
	uint32_t n;
};

void macho_symw_release(struct macho_symw *w);
int macho_symw_add(struct macho_symw *w, const struct macho_symbol *s,
		   struct err *e) MUST_CHECK;
/* An N_INDR symbol: @name stands for @target (n_value is the offset of its name). */
int macho_symw_add_alias(struct macho_symw *w, const char *name, const char *target,
			 struct err *e) MUST_CHECK;

/* First 16 bytes of SHA-256 of @data, marked as a UUID of version 5 (RFC 4122). */
int macho_content_uuid(const void *data, size_t len, uint8_t uuid[16],
		       struct err *e) MUST_CHECK;

#endif
