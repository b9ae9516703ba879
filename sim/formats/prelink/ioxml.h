/* SPDX-License-Identifier: MIT */
/*
 * The XML of IOCFSerialize, in which the kernel gets its property lists: no header,
 * equal objects written once and referred to (ID, IDREF), integers in hex with a size
 * (IOKitUser IOCFSerialize.c, IOCFUnserialize.yacc).
 */
#ifndef SIM_FORMATS_PRELINK_IOXML_H
#define SIM_FORMATS_PRELINK_IOXML_H

#include <plist/plist.h>

#include "sim/base/buf.h"

#define IOXML_DEPTH_MAX 64
#define IOXML_NODES_MAX 4000000u /* references expanded */

/*
 * Append @root as text, the closing NUL included. E_UNSUPPORTED: dates and UIDs, which
 * the kernel has no type for.
 */
int ioxml_write(plist_t root, struct buf *out, struct err *e) MUST_CHECK;

/*
 * Parse @len bytes, to the NUL if there is one. References become copies. *ret is owned
 * (plist_free). E_CORRUPT with the line, E_OVERFLOW (too deep, too many objects).
 */
int ioxml_parse(const char *text, size_t len, plist_t *ret, struct err *e) MUST_CHECK;

#endif
