/* SPDX-License-Identifier: MIT */
/* The chip's store (/dev/vdc) and the Secure Enclave on it, in the running Mac. */
#ifndef COMPONENTS_BOOT_SECURE_ENCLAVE_H
#define COMPONENTS_BOOT_SECURE_ENCLAVE_H

#include "components/boot/boot.h"
#include "sim/platform/secureboot/policy.h"
#include "sim/platform/secureboot/sep.h"

/*
 * Set up b->sep for the environment that runs. The store of a command is on the device
 * when it returns; it is where a start with hold "sep-<number>" stops, and just before
 * one with "before-sep-<number>".
 */
void secure_enclave_start(struct boot *b);

/*
 * The folder with the policies, where the carrier has iSCPreboot, which is mounted for it.
 * E_UNSUPPORTED: this Mac has no LocalPolicy.
 */
int secure_enclave_files(struct boot *b, struct sb_policy_files *ret,
			 struct err *e) MUST_CHECK;

/*
 * A stage of macOS: a change of policies that was cut off is ended. The one in force was
 * chosen by LLB already, so what fails here is a line of the log and no more.
 */
int secure_enclave_settle(struct boot *b, struct err *e) MUST_CHECK;

#endif
