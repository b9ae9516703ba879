/* SPDX-License-Identifier: MIT */
/*
 * A kext as a kernel file lists it in __PRELINK_INFO, be that a prelinked kernel or a
 * kernel collection.
 */
#ifndef SIM_FORMATS_KEXT_ENTRY_H
#define SIM_FORMATS_KEXT_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <plist/plist.h>

#include "sim/base/idtext.h"

/* Strings are borrowed from the file that was opened, "" when missing. */
struct kext_entry {
	const char *id, *version, *bundle_path, *exec_rel_path;
	plist_t info;	   /* borrowed */
	bool has_code;	   /* in a collection: has an LC_FILESET_ENTRY */
	bool is_interface; /* a KPI or another part of the kernel */
	/* prelinked: has addresses; an interface without has_code, for its symbols */
	bool placed;
	uint64_t load_addr, size, kmod_info; /* 0 if it has none */
	uint64_t source_addr; /* prelinked: where it lies until it is loaded */
	size_t head;	      /* collection: offset of its Mach-O header in the file */
	bool has_uuid;
	uint8_t uuid[UUID_LEN];
};

#endif
