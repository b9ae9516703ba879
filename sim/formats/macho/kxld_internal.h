/* SPDX-License-Identifier: MIT */
/* State of one link, shared by kxld's files. */
#ifndef SIM_FORMATS_MACHO_KXLD_INTERNAL_H
#define SIM_FORMATS_MACHO_KXLD_INTERNAL_H

#include "sim/formats/macho/kxld.h"
#include "sim/formats/macho/kxld_names.h"
#include "sim/formats/macho/splitinfo.h"
#include "sim/formats/macho/write.h"

/* kx_symbol.state */
enum kx_state {
	KX_SKIPPED, /* stab: nothing to link */
	KX_DEFINED, /* in this kext */
	KX_BOUND,   /* by a dependency */
	KX_WEAK,    /* weak reference that nothing defines */
	KX_UNRESOLVED,
};

struct kx_symbol {
	struct macho_symbol s;
	const char *alias; /* what an indirect symbol stands for; else NULL */
	uint64_t value;	   /* its final address */
	enum kx_state state;
	uint32_t got;  /* slot in __kxld_got + 1; 0 for none */
	bool replaced; /* some vtable had it in a slot, which now has the parent's */
};

#define KX_NONE		 UINT32_MAX
#define KX_VTABLE_HEADER 16u /* bytes in front of the first slot */

/* A slot of a vtable of this kext as the file has it, or of one that is done. */
struct kx_slot {
	/* of the file: the symbol, and the external relocation that fills the slot in.
	 * Both KX_NONE: a function of the kext, which is never replaced. */
	uint32_t sym, rel;
	/* when it is done; NULL: a function without a name */
	const char *name;
	uint64_t addr;
};

struct kx_vtable {
	const char *name;
	bool patched; /* names and addresses are there */
	struct kx_slot *slot;
	size_t n;
};

/* An external relocation by its place. */
struct kx_place {
	uint64_t addr;
	uint32_t rel; /* in the table */
};

struct kx_vtables {
	struct kx_vtable **v; /* this kext's, then those of dependencies, as needed */
	size_t n, cap, n_own, n_slots;
	uint32_t *pointer; /* symbols that are superClass of a class */
	size_t n_classes;
	struct symdict own;	/* name -> index in v */
	struct symdict patched; /* of own ones and dependencies': name -> index in v */
	struct symdict defined; /* names that this kext defines: index in kx.sym */
	struct kxld_cxx cxx;	/* the C++ ones of them by address of the file */
	struct kx_place *place; /* ascending */
	const struct kxld_exports **image; /* dependencies that have vtables, each once */
	size_t n_images;
};

struct kx {
	const struct kxld_request *rq;
	struct macho m;
	struct kx_symbol *sym; /* m.nsyms, then those that patching added */
	uint32_t n_sym, cap_sym;
	uint32_t *target; /* NULL: of the table; else the symbol of each external reloc */
	struct kx_vtables vt;
	struct buf errors;   /* messages, a line each */
	uint64_t base;	     /* lowest address in the file */
	uint64_t reloc_base; /* addresses of relocations count from here */
	/* What defined addresses of a segment grow by: all by the same without @refs */
	uint64_t slide[MACHO_SEGS_MAX];
	struct split_refs refs;
	unsigned linkedit; /* index of __LINKEDIT, or m.nsegs */
	uint64_t code_end; /* size of the segments before __LINKEDIT and the GOT */
	uint32_t n_got;
	uint64_t got_addr; /* of __kxld_got, final */
	struct buf image;  /* from load_addr to the GOT's end */
	struct buf relocs; /* what is left: local, for sliding */
	uint32_t n_relocs;
	struct macho_symw out;
	uint32_t n_locals; /* of out: symbols that are not external */
};

/* A line for the user that ends the link; -code. */
int kx_error(struct kx *k, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

int kx_index_symbols(struct kx *k, struct err *e) MUST_CHECK;
int kx_resolve(struct kx *k, struct err *e) MUST_CHECK;
/* After patching: is a symbol still without a value? */
int kx_check_resolved(struct kx *k, struct err *e) MUST_CHECK;
/* The value that dependencies give @name. */
const struct symdict_entry *kx_find(const struct kx *k, const char *name);
/* What the N_INDR symbol @s stands for; NULL: outside the string table. */
const char *kx_alias_target(const struct macho *m, const struct macho_symbol *s);

/* kxld_classes.c: find the kext's classes; patch the vtables of all of them. */
int kx_find_classes(struct kx *k, struct err *e) MUST_CHECK;
int kx_patch_classes(struct kx *k, struct err *e) MUST_CHECK;
/* kxld_vtable.c: a vtable of the file, into vt. */
int kx_vtable_add(struct kx *k, const struct kx_symbol *s, struct err *e) MUST_CHECK;
/* *ret: one that is patched, of this kext or a dependency; NULL when there is none. */
int kx_vtable_patched(struct kx *k, const char *name, struct kx_vtable **ret,
		      struct err *e) MUST_CHECK;
int kx_vtable_set_patched(struct kx *k, struct kx_vtable *v, struct err *e) MUST_CHECK;
/* Index of the external relocation at @addr of the file; KX_NONE. */
uint32_t kx_reloc_at(const struct kx *k, uint64_t addr);
/* What the others need: for vtables of dependencies, and for those of this kext. */
int kx_vtables_of_deps(struct kx *k, struct err *e) MUST_CHECK;
int kx_vtables_init(struct kx *k, struct err *e) MUST_CHECK;
void kx_vtables_release(struct kx_vtables *vt);
/* kxld_patch.c: give @v what @super has in the slots that it inherits. */
int kx_vtable_patch(struct kx *k, struct kx_vtable *v, const struct kx_vtable *super,
		    struct err *e) MUST_CHECK;

/* How far a place of the input moves, and section @n (from 1) of it. */
uint64_t kx_slide_at(const struct kx *k, uint64_t addr);
int kx_section_slide(const struct kx *k, uint32_t n, uint64_t *ret,
		     struct err *e) MUST_CHECK;
/* Read the table of LC_SEGMENT_SPLIT_INFO; E_UNSUPPORTED when there is none. */
int kx_read_split(struct kx *k, struct err *e) MUST_CHECK;
/* Set right what refers to another segment, when segments move apart. */
int kx_adjust_split(struct kx *k, struct err *e) MUST_CHECK;

/* The symbol that @r is against; it has a value. */
int kx_symbol_of(struct kx *k, const struct macho_reloc *r, struct kx_symbol **ret,
		 struct err *e) MUST_CHECK;
bool kx_is_got(const struct kx *k, const struct macho_reloc *r);
int kx_overflow(struct err *e);
/* An instruction of arm64; @addend is the entry in front of @r, or NULL. */
int kx_fix_arm64(struct kx *k, uint64_t addr, uint8_t *at, const struct macho_reloc *r,
		 const struct macho_reloc *addend, struct err *e) MUST_CHECK;

/* Find how many GOT slots the relocations need. */
int kx_count_got(struct kx *k, struct err *e) MUST_CHECK;
int kx_relocate(struct kx *k, struct err *e) MUST_CHECK;

/* Bytes at @addr of the image, an address of the input file; NULL when outside. */
uint8_t *kx_at(struct kx *k, uint64_t addr, size_t len);

#endif
