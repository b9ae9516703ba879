/* SPDX-License-Identifier: MIT */
/* NVRAM as a device of two banks, shared by the files that implement it. */
#ifndef SIM_PLATFORM_NVRAM_BANK_H
#define SIM_PLATFORM_NVRAM_BANK_H

#include <stdbool.h>

#include "sim/platform/bank.h"
#include "sim/platform/nvram.h"

#define NVRAM_MAGIC	       "KLNVRAM1"
#define NVRAM_BANK_RECORDS_MAX BANK_ROOM(NVRAM_SIZE)

/* Is @key "GUID:name" with an upper-case GUID and a name without a slash? */
bool nvram_key_valid(const char *key);

#endif
