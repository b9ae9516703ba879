/* SPDX-License-Identifier: MIT */
/*
 * Reading a Mach-O file of x86_64 or arm64 from untrusted bytes.
 *
 * macho_open checks everything that a later access relies on: the load commands,
 * the file ranges of segments, sections, symbol tables and relocations. The getters
 * then only check indexes. The messages for what is not readable are kxld's.
 */
#ifndef SIM_FORMATS_MACHO_MACHO_H
#define SIM_FORMATS_MACHO_MACHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/formats/macho/arch.h"
#include "sim/formats/macho/raw.h"

#define MACHO_LCS_MAX	1024
#define MACHO_SEGS_MAX	256
#define MACHO_SECTS_MAX 255 /* n_sect is a byte */

struct macho_segment {
	char name[17];
	uint64_t vmaddr, vmsize, fileoff, filesize;
	uint32_t maxprot, initprot, flags;
	unsigned first_sect, nsects; /* in macho.sects */
	size_t lc_off;		     /* of its load command in the file */
};

struct macho_section {
	char name[17], segname[17];
	uint64_t addr, size;
	uint32_t offset, align; /* align: power of two */
	uint32_t reloff, nreloc, flags, reserved1, reserved2;
};

/* Ranges that LC_DYSYMTAB names; all zero when there is none. */
struct macho_dysymtab {
	uint32_t ilocal, nlocal, iextdef, nextdef, iundef, nundef;
	uint32_t indirectoff, nindirect, extreloff, nextrel, locreloff, nlocrel;
};

struct macho {
	const uint8_t *data; /* borrowed: the slice; what offsets count from */
	size_t len;
	size_t head; /* offset of the header: not 0 for an entry of a fileset */
	const struct macho_arch *arch;
	uint32_t cputype, cpusubtype, filetype, flags;
	unsigned ncmds;
	uint32_t sizeofcmds;
	unsigned nsegs, nsects;
	struct macho_segment *segs;  /* owned */
	struct macho_section *sects; /* owned; section n of an nlist is sects[n - 1] */
	bool has_symtab, has_dysymtab, has_uuid;
	uint32_t symoff, nsyms, stroff, strsize;
	struct macho_dysymtab dysym;
	uint8_t uuid[16];
};

struct macho_symbol {
	const char *name; /* borrowed from the file, NUL inside the string table */
	uint8_t type, sect;
	uint16_t desc;
	uint64_t value;
};

struct macho_reloc {
	uint32_t address;
	uint32_t symbolnum; /* symbol index if is_extern, else section number */
	bool pcrel, is_extern;
	uint8_t length; /* log2 of bytes */
	uint8_t type;	/* enum x86_64_reloc or arm64_reloc */
};

/*
 * Where in @data is the part for @arch? A thin file is its own slice.
 * E_UNSUPPORTED: "The kext does not contain a fat slice for the target architecture."
 * E_CORRUPT: "... at offset 0x%zx: The Mach-O file has been truncated. ..."
 */
int macho_slice_for(const void *data, size_t len, const struct macho_arch *arch,
		    size_t *ret_off, size_t *ret_len, struct err *e) MUST_CHECK;
/* The same for x86_64. */
int macho_slice(const void *data, size_t len, size_t *ret_off, size_t *ret_len,
		struct err *e) MUST_CHECK;

/*
 * Read the slice of @data for @arch, which is borrowed until macho_release. Errors as
 * macho_slice; E_UNSUPPORTED "The target architecture (cputype 0x%x) is not supported
 * by kxld." for a thin file of another CPU, 32-bit ones included. @m needs no
 * initialisation and holds nothing after an error.
 */
int macho_open_for(const void *data, size_t len, const struct macho_arch *arch,
		   struct macho *m, struct err *e) MUST_CHECK;
/* The same for x86_64. */
int macho_open(const void *data, size_t len, struct macho *m, struct err *e) MUST_CHECK;
/*
 * Read an entry of a collection (MH_FILESET): its header is at @head of @data, and all
 * offsets in its load commands count from the start of @data.
 */
int macho_open_entry(const void *data, size_t len, size_t head,
		     const struct macho_arch *arch, struct macho *m,
		     struct err *e) MUST_CHECK;
void macho_release(struct macho *m);

/* Walk the load commands: *cmd, *off and *size of number @i. Valid for i < m->ncmds. */
void macho_lc_at(const struct macho *m, unsigned i, uint32_t *cmd, size_t *off,
		 uint32_t *size);

/* NULL when there is none. */
const struct macho_segment *macho_segment(const struct macho *m, const char *segname);
const struct macho_section *macho_section(const struct macho *m, const char *segname,
					  const char *sectname);
/* The section, or segment, that holds @addr; NULL for none. */
const struct macho_section *macho_section_at(const struct macho *m, uint64_t addr);

/* Does the section take no room in the file? */
bool macho_is_zerofill(const struct macho_section *s);

/* Symbol @i < m->nsyms. E_CORRUPT when its name lies outside the string table. */
int macho_symbol(const struct macho *m, uint32_t i, struct macho_symbol *s,
		 struct err *e) MUST_CHECK;
/* The first symbol @name that is defined in a section; E_NOTFOUND. */
int macho_find_defined(const struct macho *m, const char *name, struct macho_symbol *s,
		       struct err *e) MUST_CHECK;

/* Relocation @i of a table at @reloff whose range macho_open has checked. */
struct macho_reloc macho_reloc(const struct macho *m, uint32_t reloff, uint32_t i);

static inline bool macho_sym_is_stab(const struct macho_symbol *s)
{
	return s->type & N_STAB;
}
static inline bool macho_sym_is_undefined(const struct macho_symbol *s)
{
	return !macho_sym_is_stab(s) && (s->type & N_TYPE) == N_UNDF && !s->value;
}
static inline bool macho_sym_is_common(const struct macho_symbol *s)
{
	return !macho_sym_is_stab(s) &&
	       (s->type & (N_TYPE | N_EXT)) == (N_UNDF | N_EXT) && s->value;
}
static inline bool macho_sym_is_defined(const struct macho_symbol *s)
{
	return !macho_sym_is_stab(s) &&
	       ((s->type & N_TYPE) == N_SECT || (s->type & N_TYPE) == N_ABS);
}
static inline bool macho_sym_is_external(const struct macho_symbol *s)
{
	return (s->type & N_EXT) && !(s->type & N_PEXT);
}

#endif
