/* SPDX-License-Identifier: MIT */
/*
 * The kernel that the Mac starts with, and the kexts that come with it: a prelinked
 * kernel (10.15), judged as booter and kernel between them would, or a kernel collection
 * (11 and later), which the booter verified; turned into what the running kernel knows of
 * its kexts.
 */
#ifndef COMPONENTS_BOOT_KERNELCACHE_H
#define COMPONENTS_BOOT_KERNELCACHE_H

#include <jansson.h>
#include <stdint.h>

#include "components/boot/kexts.h"
#include "sim/base/buf.h"
#include "sim/base/err.h"
#include "sim/base/idtext.h"
#include "sim/formats/prelink/prelink.h"
#include "sim/platform/machine.h"

#define KERNELCACHE_MAX (256u << 20) /* bytes of the file */

/* What the firmware's loader reports: EFI_STATUS without its high bit. */
enum efi_status { EFI_LOAD_ERROR = 1, EFI_NOT_FOUND = 14 };

/* A loaded kext; its load tag is its place in the list, from 1. */
struct boot_kext {
	const char *id, *version; /* borrowed from the kernelcache's list */
	uint64_t load_addr;       /* 0 without code */
};

struct kernelcache {
	const char *path;  /* on its volume; borrowed */
	char sha256[SHA256_TEXT_MAX]; /* of the file */
	char kcid[33];                /* _PrelinkKCID, hexadecimal */
	uint8_t kcid_bytes[16];
	char version[PRELINK_VERSION_MAX]; /* "Darwin Kernel Version ..." */
	uint64_t text_lower, text_upper;   /* addresses of the kernel's __TEXT_EXEC or
					      __TEXT; 0: not known */
	struct boot_kext *kext;            /* owned */
	unsigned n_kexts;
	struct prelink prelink;		   /* 10.15: stays in memory */
	struct kernel_kexts running;	   /* begins with those of the file */
	json_t *list;      /* owned: array of {id, version} */
};

/*
 * Judge the file @data of @len bytes, read from @path. E_CORRUPT when it would not boot;
 * the message begins with the name of the check that failed ("bad-checksum: ...").
 */
int kernelcache_open(struct kernelcache *k, const char *path, const void *data,
		     size_t len, struct err *e) MUST_CHECK;

/*
 * The same for the collection @data, which was the payload of the @file at @path, on
 * machine @m.
 */
int kernelcache_open_collection(struct kernelcache *k, const char *path,
				const struct buf *file, const void *data, size_t len,
				const struct machine_model *m, struct err *e) MUST_CHECK;
void kernelcache_release(struct kernelcache *k);

/* NULL when no kext of that name was loaded. */
const struct boot_kext *kernelcache_kext(const struct kernelcache *k, const char *id);

#endif
