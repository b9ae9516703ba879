/* SPDX-License-Identifier: MIT */
/* The real machine: a disk from the cache, its overlay, NVRAM, and QEMU for each boot. */
#ifndef HARNESS_MACHINE_VM_H
#define HARNESS_MACHINE_VM_H

#include "harness/machine.h"
#include "images/disk.h"
#include "sim/platform/machine.h"

struct machine_vm_config {
	const struct image_env *images;
	const char *cache_dir, *guest_dir; /* build/cache, build/guest */
	const char *run_dir;		   /* exists; disk, NVRAM and logs go there */
	const struct disk_spec *disk;
	const struct machine_model *model;
	int stop_fd; /* readable: give up; -1: none */
	struct machine_sink sink;
	void *ctx;
	void (*note)(void *ctx, const char *text); /* what goes on; may be NULL */
};

struct machine_vm;

/*
 * Make disk and NVRAM for one run; nothing runs yet. What @cfg points to is borrowed
 * until machine_vm_free.
 */
int machine_vm_new(const struct machine_vm_config *cfg, struct machine_vm **ret,
		   struct err *e) MUST_CHECK;
/* Ends QEMU if it runs. NULL is fine. The files in run_dir stay. */
void machine_vm_free(struct machine_vm *m);

struct machine machine_vm_interface(struct machine_vm *m);

/* "tcg", "kvm", or "" before the first boot; and the most memory QEMU had. */
const char *machine_vm_accel(const struct machine_vm *m);
long machine_vm_peak_kib(const struct machine_vm *m);

#endif
