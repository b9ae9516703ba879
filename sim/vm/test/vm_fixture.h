/* SPDX-License-Identifier: MIT */
/* Machines for tests: the carrier with testboot in place of boot. */
#ifndef SIM_VM_TEST_VM_FIXTURE_H
#define SIM_VM_TEST_VM_FIXTURE_H

#include <stdbool.h>

#include "sim/base/buf.h"
#include "sim/vm/vm.h"

/* Why a machine cannot be run here, NULL when it can. */
const char *fixture_missing(void);
/* The same of one whose boot is the program @boot. */
const char *fixture_missing_for(const char *boot);

struct fixture {
	struct carrier carrier;
	char disk[4096];
	struct buf events; /* names of events, each followed by a blank */
	struct buf notes;
	char *denied;
};

/*
 * Prepare a carrier whose Mac has @launchd, a bash script, as process 1, and whose
 * testboot is in @mode.
 */
void fixture_init(struct fixture *f, const char *mode, const char *launchd);
void fixture_release(struct fixture *f);

/* A configuration for it, with one disk; change it before vm_start. */
struct vm_config fixture_config(struct fixture *f);

/* Start and boot a machine; fails the test when the Mac does not come up. */
struct vm *fixture_up(const struct vm_config *cfg);

/* Run a bash command in the Mac; its status, or minus the error's code. */
int fixture_sh(struct vm *vm, const char *command, struct vm_result *r);

#endif
