/* SPDX-License-Identifier: MIT */
/*
 * failboot-breadcrumbs: codes that the booters leave in NVRAM, as a text. The pattern for
 * each object was seen on Macs; what the single codes mean is inferred from where they
 * stand.
 */
#ifndef SIM_PLATFORM_SECUREBOOT_BREADCRUMBS_H
#define SIM_PLATFORM_SECUREBOOT_BREADCRUMBS_H

#include "sim/platform/secureboot/chain.h"

#define NVRAM_BREADCRUMBS "failboot-breadcrumbs"

/* Append what the step left; text that does not fit is left out. */
void breadcrumbs_step(char *text, size_t size, const struct sb_step *s);
void breadcrumbs_end(char *text, size_t size, enum sb_end end);

#endif
