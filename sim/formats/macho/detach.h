/* SPDX-License-Identifier: MIT */
/* A Mach-O file that is a part of another as a file of its own. */
#ifndef SIM_FORMATS_MACHO_DETACH_H
#define SIM_FORMATS_MACHO_DETACH_H

#include "sim/base/buf.h"
#include "sim/formats/macho/macho.h"

/*
 * Append @m, an entry of a collection (macho_open_entry), to @out, which has to be empty:
 * its segments one behind the other, each on a page, and in __LINKEDIT only what its load
 * commands name. Addresses and content stay, also pointers that are links of the
 * collection's chained fixups. E_CORRUPT: no segment starts with the header, a part lies
 * outside. E_UNSUPPORTED: a section has relocations of its own.
 */
int macho_detach(const struct macho *m, struct buf *out, struct err *e) MUST_CHECK;

#endif
