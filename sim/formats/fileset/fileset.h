/* SPDX-License-Identifier: MIT */
/*
 * Reading a kernel collection, an MH_FILESET file (xnu mach-o/loader.h, OSKext.cpp; dyld
 * AppCacheBuilder.cpp writes them): a Mach-O file whose LC_FILESET_ENTRY commands name
 * other Mach-O headers in it, that of the kernel and those of kexts, and whose section
 * __PRELINK_INFO,__info has their property lists and those of bundles without code.
 *
 * fileset_open believes nothing: it fails unless every part is where the others say, so
 * that those who use an open collection need not look again.
 */
#ifndef SIM_FORMATS_FILESET_FILESET_H
#define SIM_FORMATS_FILESET_FILESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <plist/plist.h>

#include "sim/base/err.h"
#include "sim/base/idtext.h"
#include "sim/formats/fileset/fixups.h"
#include "sim/formats/kext/entry.h"
#include "sim/formats/macho/macho.h"

#define FILESET_MAX	    (1u << 30) /* bytes of a file: a fixup reaches no farther */
#define FILESET_KEXTS_MAX   4096
#define FILESET_VERSION_MAX 256
#define FILESET_KERNEL_ID   "com.apple.kernel"

/* The kernel's numbers (kc_kind, OSKext.cpp). */
enum fileset_kind {
	FILESET_PRIMARY = 1,   /* boot collection, with the kernel */
	FILESET_PAGEABLE = 2,  /* system collection of Intel */
	FILESET_AUXILIARY = 3, /* kexts of others */
};

struct fileset {
	const uint8_t *data; /* borrowed */
	size_t len;
	struct macho m;		/* of the collection itself */
	plist_t info;		/* owned; top dictionary of __info */
	uint8_t kcid[UUID_LEN]; /* LC_UUID and _PrelinkKCID: its own */
	/* What it was linked against: _BootKCID, _PageableKCID. */
	bool has_boot_kcid, has_pageable_kcid;
	uint8_t boot_kcid[UUID_LEN], pageable_kcid[UUID_LEN];

	bool has_kernel; /* it is a primary one */
	struct macho kernel;
	char kernel_version[FILESET_VERSION_MAX]; /* "Darwin Kernel Version ...", or "" */
	/* In the order of loading: parts of the kernel, then each behind its libraries.
	 */
	struct kext_entry *kext; /* a bundle without code has no entry */
	size_t n_kexts;
};

/*
 * Open the @len bytes at @data, which have to outlive @f, as a collection for @arch. @f
 * needs no initialisation and holds nothing after an error. E_CORRUPT with the entry and
 * field, E_UNSUPPORTED (another architecture, no MH_FILESET), E_OVERFLOW, E_NOMEM.
 */
int fileset_open(const void *data, size_t len, const struct macho_arch *arch,
		 struct fileset *f, struct err *e) MUST_CHECK;
void fileset_release(struct fileset *f);

/* NULL when there is none. */
const struct kext_entry *fileset_find(const struct fileset *f, const char *id);
/* The Mach-O file of @k, which has code; release with macho_release. */
int fileset_kext_macho(const struct fileset *f, const struct kext_entry *k,
		       struct macho *m, struct err *e) MUST_CHECK;

/*
 * Was @f linked against the collections that are loaded? @boot and @pageable are their
 * KCIDs; @pageable is NULL where there is none (Apple silicon). What is not in @f is not
 * asked for, but _BootKCID has to be there. E_CORRUPT; the message is the kernel's:
 * "UUID from key:_BootKCID X != expected Y (KC UUID: Z)".
 */
int fileset_check_links(const struct fileset *f, const uint8_t boot[UUID_LEN],
			const uint8_t *pageable, struct err *e) MUST_CHECK;
/*
 * The same for the pageable collection, where a mismatch is a panic: "System KC UUID X
 * linked against Y, but Z is loaded".
 */
int fileset_check_system(const struct fileset *f, const uint8_t boot[UUID_LEN],
			 struct err *e) MUST_CHECK;

/* The address range of the collection's segments. */
void fileset_range(const struct fileset *f, uint64_t *base, uint64_t *size);

#endif
