/* SPDX-License-Identifier: MIT */
/* The setting of SIP's flags in NVRAM, csr-active-config: what the next start will have. */
#ifndef COMPONENTS_COMMON_CSR_SETTING_H
#define COMPONENTS_COMMON_CSR_SETTING_H

#include <stdint.h>

#include "sim/base/err.h"

/* 0 when there is none, or none of 4 bytes. */
int csr_setting_read(const char *nvram_dir, uint32_t *ret, struct err *e) MUST_CHECK;
/* The flags @mask become @value; others stay. E_PERM outside of Recovery. */
int csr_setting_change(const char *nvram_dir, uint32_t mask, uint32_t value,
		       struct err *e) MUST_CHECK;

#endif
