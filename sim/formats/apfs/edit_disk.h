/* SPDX-License-Identifier: MIT */
/* A disk that the threads of a transaction may read and write at any time, in turn. */
#ifndef SIM_FORMATS_APFS_EDIT_DISK_H
#define SIM_FORMATS_APFS_EDIT_DISK_H

#include <pthread.h>
#include <stdbool.h>

#include "sim/formats/vdisk/vdisk.h"

struct edit_disk {
	struct vdisk base;
	struct vdisk *under; /* borrowed, or owned */
	bool own;
	pthread_mutex_t lock;
};

/* @under is borrowed, until d->own is set. */
void edit_disk_init(struct edit_disk *d, struct vdisk *under);
void edit_disk_release(struct edit_disk *d);

#endif
