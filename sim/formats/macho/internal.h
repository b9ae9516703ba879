/* SPDX-License-Identifier: MIT */
/* Shared by the files of this folder. */
#ifndef SIM_FORMATS_MACHO_INTERNAL_H
#define SIM_FORMATS_MACHO_INTERNAL_H

#include "sim/formats/macho/macho.h"

/* kxld's message for every structure that does not fit into its file. */
int macho_truncated(struct err *e);

/* Is X86_64_RELOC_* @type one whose field is a distance from the instruction's end? */
bool macho_reloc_is_pcrel(uint8_t type);

#endif
