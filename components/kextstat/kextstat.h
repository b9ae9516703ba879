/* SPDX-License-Identifier: MIT */
/* kextstat(8): what the running kernel says of its kexts (kext_tools kextstat_main.c). */
#ifndef COMPONENTS_KEXTSTAT_KEXTSTAT_H
#define COMPONENTS_KEXTSTAT_KEXTSTAT_H

#include <stdbool.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

#define KEXTSTAT_IDS_MAX 256

struct kextstat_options {
	const char *id[KEXTSTAT_IDS_MAX]; /* -b: only these bundles; none: all */
	size_t n_ids;
	bool no_kernel;	   /* -k: without what is part of the kernel */
	bool list_only;	   /* -l: no header */
	bool architecture; /* -a: with that column */
	bool by_address;   /* -s: in the order of addresses, not of loading */
};

/* Append the listing of the kernel's list @path (XNU_LOADED_KEXTS) to @out. */
int kextstat_text(const char *path, const struct kextstat_options *o, struct buf *out,
		  struct err *e) MUST_CHECK;

#endif
