/* SPDX-License-Identifier: MIT */
/* How deep a property list nests, found without recursion and without parsing it. */
#ifndef SIM_FORMATS_PLIST_DEPTH_H
#define SIM_FORMATS_PLIST_DEPTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Could libplist, given this XML, open more than @max elements inside each other? Errs on
 * the side of true: text that is no XML may be called too deep, never the other way.
 */
bool pl_xml_too_deep(const char *xml, size_t len, size_t max);

/* The object count in the trailer of a binary list; UINT64_MAX without a trailer. */
uint64_t pl_binary_objects(const uint8_t *data, size_t len);

#endif
