/* SPDX-License-Identifier: MIT */
/* What expectations ask of a prelinked kernel, whoever reads it. */
#ifndef HARNESS_KERNEL_INFO_H
#define HARNESS_KERNEL_INFO_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "harness/arena.h"
#include "images/kernel_file.h"
#include "sim/base/err.h"

struct kernel_kext {
	const char *id, *version;
};

/* Texts live in the arena given to the one who fills it. */
struct kernel_info {
	bool exists;
	const char *sha256; /* hexadecimal; "" when it does not exist */
	const char *kcid;   /* hexadecimal; "" when unknown */
	const char *darwin; /* version string of the kernel in it; "" when unknown */
	bool stand_in;	    /* that kernel is kextlab's own; false when unknown */
	const char *bad;    /* NULL: a booter would take it; else why not */
	struct kernel_kext *kexts;
	size_t n_kexts;
};

/* Judge the file @data. A bad kernel is no error, but said in the result. */
int kernel_info_read(const void *data, size_t len, struct arena *a,
		     struct kernel_info *ret, struct err *e) MUST_CHECK;

/* The same from the event boot.kernel. */
int kernel_info_from_event(const json_t *event, struct arena *a, struct kernel_info *ret,
			   struct err *e) MUST_CHECK;

/* Version of the kext @id, or "absent". Borrowed. */
const char *kernel_info_version(const struct kernel_info *k, const char *id);

#endif
