/* SPDX-License-Identifier: MIT */
/*
 * Writing to the disk what was done to the sealed System volumes (live.h). Only when
 * nothing is mounted: one process changes a container at a time.
 */
#ifndef COMPONENTS_BOOT_PENDING_H
#define COMPONENTS_BOOT_PENDING_H

#include "components/boot/live.h"

/* Is there anything to write? */
bool pending_any(const struct live *l);

/*
 * Write it to the container of @disk, in the order in which it was done and all in one
 * transaction: after an error or a power cut the disk is as it was. @time_ns since 1970.
 */
int pending_write(struct live *l, const char *disk, int64_t time_ns,
		  struct err *e) MUST_CHECK;

#endif
