/* SPDX-License-Identifier: MIT */
/*
 * XNU of release 11 and later, from its first line to a mounted root. What it says goes
 * to the unified log, and is said by what does it.
 */
#ifndef COMPONENTS_BOOT_KERNEL_H
#define COMPONENTS_BOOT_KERNEL_H

#include "components/boot/boot.h"

/* kernel.c */
/*
 * panic(9) of the kext @id, "" for the kernel: the text goes to the console, and the
 * start ends. Returns E_CORRUPT with "panic: ...".
 */
int kernel_panic(struct boot *b, const char *id, struct err *e, const char *form, ...)
	PRINTF_LIKE(4, 5);

/* Restart before there is a userspace; NVRAM is kept. */
int kernel_restart(struct boot *b, const char *why, struct err *e) MUST_CHECK;

/* A line of the log that the apfs kext says; ctx is struct boot. */
void kernel_log_apfs(void *ctx, const char *line);

/* kernel_kexts.c: kexts are started in groups, each in an order of its own. */
enum kext_phase {
	KEXTS_OF_SECURITY, /* before the other CPUs run */
	KEXTS_OF_SYSTEM,
	KEXTS_OF_ROOT, /* what finds the root device */
};
int kernel_start_kexts(struct boot *b, enum kext_phase phase, struct err *e) MUST_CHECK;

/* root.c: find, authenticate and mount the root volume. */
int root_mount(struct boot *b, struct err *e) MUST_CHECK;

/* mounts.c: the other volumes, and the Data volume's firmlinks. */
int mounts_system(struct boot *b, struct err *e) MUST_CHECK;
int mounts_recovery(struct boot *b, struct err *e) MUST_CHECK;

/* Tables of stages that end with a row without a name. */
extern const struct boot_stage firmware_stages[], kernel_stages[],
	kernel_recovery_stages[];

#endif
