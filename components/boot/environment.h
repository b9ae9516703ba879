/* SPDX-License-Identifier: MIT */
/* Which system is started, and whether it is macOS or a recoveryOS. */
#ifndef COMPONENTS_BOOT_ENVIRONMENT_H
#define COMPONENTS_BOOT_ENVIRONMENT_H

#include "components/boot/boot.h"

/*
 * By machine, power button, NVRAM and volumes of @b: fills choice, env and why. Changes
 * nothing else; a request in NVRAM is the caller's to take back. E_NOTFOUND: there is no
 * system. E_UNSUPPORTED: nobody knows what release it is.
 */
int environment_choose(struct boot *b, struct err *e) MUST_CHECK;

#endif
