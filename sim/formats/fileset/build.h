/* SPDX-License-Identifier: MIT */
/*
 * Building a kernel collection: links kernel and kexts, puts their segments where their
 * protection belongs, and writes one MH_FILESET file (kmutil; dyld AppCacheBuilder.cpp).
 *
 *	__TEXT          header and load commands of the collection
 *	__PRELINK_TEXT  read-only segments of kexts; there even when it is empty
 *	__DATA_CONST    theirs of that name
 *	__TEXT_EXEC     code: the kernel's __TEXT, then that of the kexts
 *	__PRELINK_INFO  property lists
 *	__DATA          what is written to
 *	__REGION0...    segments of kexts without split information, which stay together
 *	__LINKEDIT      symbols of each entry, fixups
 */
#ifndef SIM_FORMATS_FILESET_BUILD_H
#define SIM_FORMATS_FILESET_BUILD_H

#include "sim/base/component_log.h"
#include "sim/formats/fileset/fileset.h"
#include "sim/formats/kext/input.h"

struct fileset_request {
	enum fileset_kind kind;
	const struct macho_arch *arch;
	const void *kernel; /* Mach-O, of a primary collection; borrowed */
	size_t kernel_len;
	/* What other kinds are linked against; @pageable may be NULL. */
	const struct fileset *boot, *pageable;
	const struct kext_input *kext; /* dependencies first */
	size_t n_kexts;
	/* The collection that each of them is in already, only to link against, and left
	 * out here; NULL: none. A NULL array: none of them. */
	const struct fileset *const *home;
	const struct component_log *log; /* may be NULL */
};

/*
 * Append the collection to @out, which has to be empty. The same request gives the same
 * bytes. Every kext has to link. E_CORRUPT (a kernel or kext that cannot be read),
 * E_INVAL (order of kexts, no kernel or boot collection), what kxld_link gives,
 * E_OVERFLOW (more than 1 GiB, too many segments).
 */
int fileset_build(const struct fileset_request *rq, struct buf *out,
		  struct err *e) MUST_CHECK;

#endif
