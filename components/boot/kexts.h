/* SPDX-License-Identifier: MIT */
/*
 * The kexts of the running kernel (xnu libkern/c++/OSKext.cpp): at first those that came
 * with the kernel, then what user space loads and unloads. The kernel links by itself,
 * with kxld, against what it has in memory; nothing of it outlives a restart.
 *
 *	kexts.c         the list, and what the kernel says of it
 *	kexts_link.c    memory and symbols: where a kext goes, what it is linked against
 *	kexts_load.c    a request to load (loadFromMkext), kexts_newcomers.c what came with it
 *	kexts_unload.c  a request to unload (removeKext)
 */
#ifndef COMPONENTS_BOOT_KEXTS_H
#define COMPONENTS_BOOT_KEXTS_H

#include <stdbool.h>
#include <stdint.h>

#include <plist/plist.h>

#include "components/common/os_return.h"
#include "sim/base/buf.h"
#include "sim/base/component_log.h"
#include "sim/base/idtext.h"
#include "sim/formats/macho/kxld.h"
#include "sim/formats/prelink/prelink.h"

/* What a file with a kernel says of one of its kexts. All borrowed. */
struct kext_facts {
	const char *id, *version, *bundle_path;
	plist_t info;
	uint64_t load_addr, size;
	const uint8_t *uuid; /* NULL: it has none */
	bool interface;	     /* symbols of the kernel, no code */
	const void *image;   /* its linked code, or symbols, of @size; NULL: not at hand */
};

struct kernel_kext {
	char *id, *version, *path;
	int64_t version_number, compatible; /* as kext_version_parse */
	bool component;			    /* OSKernelResource: built into the kernel */
	bool interface;
	uint64_t addr, size; /* 0 without code */
	bool has_uuid;
	uint8_t uuid[UUID_LEN];
	uint64_t tag; /* kOSKextInvalidLoadTag, 0: not loaded */
	uint64_t *dep; /* tags of what it depends on; owned */
	size_t n_deps;

	/* For links: linked code, or the executable of an interface; borrowed from the
	 * kernel's file or from @bytes. */
	const void *image;
	size_t image_len;
	struct buf bytes;
	struct macho m; /* of image */
	struct kxld_exports exports;
	bool opened; /* the last two are there */
};

/* Zero-initialise. */
struct kernel_kexts {
	struct kernel_kext **kext; /* loaded, by tag; owned */
	size_t n, cap;
	uint64_t next_tag; /* of the next; never given twice */

	/* The prelinked kernel, borrowed; NULL: this kernel takes no more kexts. */
	const struct prelink *prelink;
	struct kxld_exports kernel_exports;
	bool kernel_opened;
};

/* Those that the kernel came with, in order, tags from 1. */
int kernel_kexts_boot(struct kernel_kexts *k, const struct kext_facts *f, size_t n,
		      struct err *e) MUST_CHECK;
void kernel_kexts_release(struct kernel_kexts *k);

/* NULL: none of that identifier, or tag, is loaded. */
struct kernel_kext *kernel_kexts_find(const struct kernel_kexts *k, const char *id);
struct kernel_kext *kernel_kexts_by_tag(const struct kernel_kexts *k, uint64_t tag);
/* How many loaded kexts depend on it. */
unsigned kernel_kexts_references(const struct kernel_kexts *k, const struct kernel_kext *x);

/* Append the list as loaded_kexts.plist has it (docs/architecture.md, "/dev/xnu"). */
int kernel_kexts_plist(const struct kernel_kexts *k, struct buf *out,
		       struct err *e) MUST_CHECK;

/* What a request is judged by, and whom it is told to. */
struct kext_caller {
	bool entitled; /* com.apple.private.security.kext-management */
	const struct component_log *log;
};

/*
 * Load what the mkext @data asks for. The return value says how it went, and the log why
 * it did not; kexts that were loaded on the way to a failure stay.
 */
enum kext_return kernel_kexts_load(struct kernel_kexts *k, const void *data, size_t len,
				   const struct kext_caller *c);

/* Unload @id, which nobody may depend on, and nothing in the kernel be an instance of. */
enum kext_return kernel_kexts_unload(struct kernel_kexts *k, const char *id,
				     const struct kext_caller *c);

#endif
