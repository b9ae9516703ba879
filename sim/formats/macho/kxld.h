/* SPDX-License-Identifier: MIT */
/*
 * The kernel extension linker (xnu libkern/kxld): gives an MH_KEXT_BUNDLE its load
 * address and binds it to the symbols of its direct dependencies. For kernel collections,
 * whose linker is part of kmutil (dyld AppCacheBuilder.cpp), each segment can have an
 * address of its own, and kexts may be of arm64e.
 *
 * A class of C++ was compiled with the vtable that its parent had in the headers of that
 * day. So that a kext need not be compiled anew for each system, kxld puts what the
 * parent really has into every slot that the class inherits ("vtable patching"), and
 * refuses a class for which that cannot be right.
 */
#ifndef SIM_FORMATS_MACHO_KXLD_H
#define SIM_FORMATS_MACHO_KXLD_H

#include "sim/base/buf.h"
#include "sim/base/component_log.h"
#include "sim/formats/macho/kxld_cxx.h"
#include "sim/formats/macho/macho.h"
#include "sim/formats/macho/symdict.h"

/* What a weak reference gets that nothing defines (user-space links). */
#define KXLD_WEAK_UNRESOLVED 0xf00dd00du

/* What an image offers to those who depend on it. Names are borrowed from it. */
struct kxld_exports {
	struct symdict syms;
	/* where its vtables are, and the names of what is in their slots */
	const struct macho *image; /* borrowed; NULL for an interface */
	struct kxld_cxx cxx;
	const uint64_t *bases; /* see kxld_exports_chained */
	/* an interface: whose part it is. All of its vtables can be derived from, also
	 * those that the interface does not name. */
	const struct kxld_exports *through;
};
void kxld_exports_release(struct kxld_exports *x);

/* External definitions of the kernel or of a linked kext; @m has to outlive @x. */
int kxld_exports_image(const struct macho *m, struct kxld_exports *x,
		       struct err *e) MUST_CHECK;
/* The pointers in @x's image are links of chains (kernel collections): their low 30 bits
 * count from one of the four @bases, which the next two choose. @bases has to outlive it.
 */
void kxld_exports_chained(struct kxld_exports *x, const uint64_t *bases);
/*
 * The interface kext @name of @of (identifiers): its undefined symbols and aliases
 * (N_INDR), with the values that @kernel gives them, which has to outlive @x. @kernel is
 * the kernel, or the kext whose interface it is. A name that it lacks is a warning, as in
 * kxld.
 */
int kxld_exports_interface(const struct macho *iface, const struct kxld_exports *kernel,
			   const char *name, const char *of,
			   const struct component_log *log, struct kxld_exports *x,
			   struct err *e) MUST_CHECK;

struct kxld_request {
	const char *name; /* of the kext, for messages */
	const void *file; /* its executable, thin or fat; borrowed */
	size_t len;
	const struct macho_arch *arch; /* NULL: x86_64 */
	uint64_t load_addr;	       /* page-aligned; not used with @seg_addr */
	/* NULL: segments stay together. Else their addresses, of all but __LINKEDIT, each
	 * a multiple of 4 KiB; the kext needs split information (kxld_measure). */
	const uint64_t *seg_addr;
	bool collection;  /* for a collection: flags stay, constants do not slide */
	bool kernel;	  /* @file is the kernel: MH_EXECUTE, without kmod_info */
	bool keep_relocs; /* leave local relocations behind, so that it can slide */
	const struct kxld_exports *const *deps; /* direct dependencies, in their order */
	size_t n_deps;
	/* What those need in turn: its symbols are not for this kext, but its vtables
	 * are. */
	const struct kxld_exports *const *indirect;
	size_t n_indirect;
	const struct component_log *log; /* may be NULL; of what does not end the link */
	struct buf
		*errors; /* may be NULL: what ended it, each message a line; appended */
};

/* What an executable will take, so that its segments can be given places. */
struct kxld_layout {
	unsigned nsegs; /* without __LINKEDIT */
	struct {
		char name[17];
		uint64_t size; /* page multiple, of the last one with room for the GOT */
		uint32_t initprot;
	} seg[MACHO_SEGS_MAX];
	bool split; /* has split information */
};
/* @rq's file, arch and kernel are looked at. Errors as kxld_link's for them. */
int kxld_measure(const struct kxld_request *rq, struct kxld_layout *ret,
		 struct err *e) MUST_CHECK;

/*
 * A linked kext: the bytes that belong at load_addr. Zero-initialise. It is a Mach-O file
 * in which every part has the same distance from the start as in @bytes, and local
 * relocations (of keep_relocs) say at which offsets in @bytes pointers are.
 */
struct kxld_image {
	struct buf bytes;   /* a multiple of the page size */
	uint64_t kmod_info; /* address */
	bool has_uuid;
	uint8_t uuid[16];
};
void kxld_image_release(struct kxld_image *img);

/*
 * E_UNSUPPORTED, E_CORRUPT: the executable, or a vtable that cannot be patched;
 * E_NOTFOUND: unresolved symbols, no kmod_info, no vtable; E_EXISTS: symbols defined more
 * than once; E_OVERFLOW: a relocation out of range. The messages are kxld's, lists of
 * symbols included; @e has the beginning of them, @rq->errors all.
 */
int kxld_link(const struct kxld_request *rq, struct kxld_image *img,
	      struct err *e) MUST_CHECK;

#endif
