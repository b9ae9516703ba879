/* SPDX-License-Identifier: MIT */
/*
 * A running kernel for the tests of programs that load kexts: one that kextcache made on
 * the volume of kextcache_fixture.h, behind a socket, with a list of its kexts. It is the
 * code of boot, without a Mac around it.
 */
#ifndef COMPONENTS_OSKEXT_TEST_RUNNING_KERNEL_H
#define COMPONENTS_OSKEXT_TEST_RUNNING_KERNEL_H

#include <stdbool.h>

#include "components/common/test/fake_kernel.h"
#include "components/oskext/repository.h"

/* What a program of that system is told; it says what it says to `said`. */
extern struct oskext_world running_world;

/* A fresh volume with the kernel started, SIP as set_sip. False: skipped. */
bool running_kernel_start(struct fake_kernel *k);
void running_kernel_stop(struct fake_kernel *k);

/* Is it loaded, in that version? "" for @version: not at all. */
bool running_kernel_has(const char *id, const char *version);

/* The fixture as <folder>/<name>.kext of the volume, of root:wheel. */
void put_kext(const char *folder, const char *fixture, const char *name);

#endif
