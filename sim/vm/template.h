/* SPDX-License-Identifier: MIT */
/*
 * Templates: the state of a machine at `ready`, from which a new one starts in a
 * twentieth of the time of a cold boot. It holds for the same QEMU, machine, kernel and
 * initramfs, whose hash names its file. It is taken with empty disks, before the carrier
 * has a disk driver, so it knows nothing of any disk.
 */
#ifndef SIM_VM_TEMPLATE_H
#define SIM_VM_TEMPLATE_H

#include "sim/vm/qemu.h"

struct template_options {
	const char *cache_dir;      /* build/cache; templates/ below it */
	const struct carrier *carrier;
	const struct qemu_machine *machine; /* the disks' number counts, no more */
	int stop_fd;
};

/*
 * Open the template for such a machine, made now when there is none (*ret_made). Of
 * several runs one makes it and the others wait. @path gets its name, for removing one
 * that turns out to be bad.
 */
int template_open(const struct template_options *o, int *ret_fd, bool *ret_made,
		  char *path, size_t path_size, struct err *e) MUST_CHECK;

#endif
