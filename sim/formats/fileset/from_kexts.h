/* SPDX-License-Identifier: MIT */
/* A collection from kext bundles: which go in, in which order, under which paths. */
#ifndef SIM_FORMATS_FILESET_FROM_KEXTS_H
#define SIM_FORMATS_FILESET_FROM_KEXTS_H

#include "sim/formats/fileset/build.h"
#include "sim/formats/kext/set.h"

struct fileset_kexts {
	enum fileset_kind kind;
	const struct macho_arch *arch;
	const void *kernel; /* as in struct fileset_request */
	size_t kernel_len;
	const struct fileset *boot, *pageable;
	/*
	 * All kexts there are, read but not yet resolved. Those that hold nothing for
	 * @arch are passed over. What is in @boot or @pageable is linked against.
	 */
	struct kext_set *all;
	/* Which of them are wanted; what they depend on comes along. NULL: all. */
	bool (*wanted)(void *arg, struct kext *k);
	void *arg;
	kext_path_fn *mac_path;
	const struct component_log *log; /* may be NULL */
};

/*
 * Append the collection to @out, which has to be empty. E_CORRUPT when a wanted kext is
 * not valid or lacks a dependency (with its diagnostics), what fileset_build gives.
 */
int fileset_from_kexts(const struct fileset_kexts *rq, struct buf *out,
		       struct err *e) MUST_CHECK;

/*
 * Intel's rule for the boot collection: kexts that OSBundleRequired demands before the
 * root volume is mounted, in whatever environment; the others are in the system
 * collection.
 */
bool fileset_is_boot_kext(const struct kext *k);

#endif
