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

#endif
