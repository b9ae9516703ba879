/* SPDX-License-Identifier: MIT */
/*
 * The prelinked kernel that the Mac starts with: read, judged as booter and kernel
 * between them would, and turned into what the running kernel knows of its kexts.
 */
#ifndef COMPONENTS_BOOT_KERNELCACHE_H
#define COMPONENTS_BOOT_KERNELCACHE_H

#include <jansson.h>
#include <stdint.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"
#include "sim/base/idtext.h"
#include "sim/formats/prelink/prelink.h"

#define KERNELCACHE_MAX (256u << 20) /* bytes of the file */

/* What the firmware's loader reports: EFI_STATUS without its high bit. */
enum efi_status { EFI_LOAD_ERROR = 1, EFI_NOT_FOUND = 14 };

struct kernelcache {
	const char *path;  /* on its volume; borrowed */
	char sha256[SHA256_TEXT_MAX]; /* of the file */
	char kcid[33];                /* _PrelinkKCID, hexadecimal */
	uint8_t kcid_bytes[16];
	char version[PRELINK_VERSION_MAX]; /* "Darwin Kernel Version ..." */
	unsigned n_kexts;
	struct buf loaded; /* loaded_kexts.plist */
	json_t *list;      /* owned: array of {id, version} */
};

/*
 * Judge the file @data of @len bytes, read from @path. E_CORRUPT when it would not boot;
 * the message begins with the name of the check that failed ("bad-checksum: ...").
 */
int kernelcache_open(struct kernelcache *k, const char *path, const void *data,
		     size_t len, struct err *e) MUST_CHECK;
void kernelcache_release(struct kernelcache *k);

#endif
