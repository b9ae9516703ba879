/* SPDX-License-Identifier: MIT */
/*
 * A container in memory that can be damaged, read and written to, and put back in no
 * time. Of the image only blocks that are not zero are kept. Damaged objects have their
 * checksum set right, so that what is damaged is looked at.
 */
#ifndef SIM_FORMATS_APFS_TEST_PATCH_DISK_H
#define SIM_FORMATS_APFS_TEST_PATCH_DISK_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/formats/vdisk/vdisk.h"

#define PATCH_BLOCK   4096u
#define PATCH_BUCKETS 4096u

struct patch_block {
	uint64_t bno;
	struct patch_block *next; /* of the bucket */
	bool summed;		  /* an object with a checksum, as it was loaded */
	bool changed;
	uint8_t good[PATCH_BLOCK], now[PATCH_BLOCK];
};

struct patch_disk {
	struct vdisk base;
	struct patch_block **v; /* owned; those of the image, in order */
	size_t n, cap;
	struct patch_block *bucket[PATCH_BUCKETS]; /* these and those written to */
	size_t n_written, max_written; /* blocks that the image does not have */
};

/* Load the image behind @fd; a failure ends the program. */
void patch_disk_load(struct patch_disk *p, int fd);
void patch_disk_release(struct patch_disk *p);

/* As it was loaded. */
void patch_disk_reset(struct patch_disk *p);

/* Change bytes of the @i-th block of the image; what is beyond its end is left out. */
void patch_disk_set(struct patch_disk *p, size_t i, size_t off, const void *bytes,
		    size_t len);
/* Set the checksums of what was changed right. */
void patch_disk_seal(struct patch_disk *p);

#endif
