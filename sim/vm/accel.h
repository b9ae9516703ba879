/* SPDX-License-Identifier: MIT */
/*
 * Which accelerator works on this host. /dev/kvm may be there, open, make a virtual
 * machine, and still be of no use: `-cpu host` aborts QEMU, or the guest hangs before its
 * first line. So the carrier itself is booted under it, with a deadline, once; the answer
 * is kept for the same QEMU and the same host kernel.
 */
#ifndef SIM_VM_ACCEL_H
#define SIM_VM_ACCEL_H

#include "sim/vm/qemu.h"

struct accel {
	char name[8];  /* "kvm" or "tcg" */
	char why[512]; /* "kvm: no answer in 5 s" */
	bool tried;    /* just now, not remembered */
};

/* @machine: what will be run, its accel is not looked at. */
int accel_choose(const char *cache_dir, const struct qemu_machine *machine, int stop_fd,
		 struct accel *ret, struct err *e) MUST_CHECK;

/* Try again next time: what was tried may have failed for a reason of the carrier's. */
void accel_forget(const char *cache_dir);

#endif
