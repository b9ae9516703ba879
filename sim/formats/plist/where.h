/* SPDX-License-Identifier: MIT */
/* Where a property list is wrong: libplist says no more than that it is. */
#ifndef SIM_FORMATS_PLIST_WHERE_H
#define SIM_FORMATS_PLIST_WHERE_H

#include <stddef.h>

#define PL_WHERE_MAX 160

/*
 * Put into @out what does not fit in @len bytes that libplist refused: ": line 3: <dict> is
 * closed by </array>", ": object 4 at offset 0x20 lies outside"; "" when it is nothing of
 * the form (a number that is none, a key without a value).
 */
void pl_where(const char *data, size_t len, char out[static PL_WHERE_MAX]);

#endif
