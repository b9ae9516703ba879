/* SPDX-License-Identifier: MIT */
/* What libplist cannot cope with, found before it sees the bytes. */
#ifndef SIM_FORMATS_PLIST_GUARD_H
#define SIM_FORMATS_PLIST_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Could libplist, given this XML, open more than @max elements inside each other? Errs on
 * the side of true: text that is no XML may be called too deep, never the other way.
 */
bool pl_xml_too_deep(const char *xml, size_t len, size_t max);

/* The end of the comment or CDATA at @p; @p itself when there is none; NULL: it has no end. */
const char *pl_xml_skip_opaque(const char *p, const char *end);

/* The object count in the trailer of a binary list; UINT64_MAX without a trailer. */
uint64_t pl_binary_objects(const uint8_t *data, size_t len);

/*
 * Is there a string in the binary list that holds a NUL? libplist asserts that there is
 * none among the keys. Objects that lie outside the list do not count.
 */
bool pl_binary_has_nul(const uint8_t *data, size_t len);

/*
 * Is a container of the binary list part of two others? libplist copies it for each, so
 * that few bytes become endlessly many nodes. Writers share strings, not containers. True
 * also without memory to tell.
 */
bool pl_binary_shares_containers(const uint8_t *data, size_t len);

/* What lies outside a binary list, for a message (where.h); @out is left alone if nothing
 * does. */
void pl_binary_where(const uint8_t *data, size_t len, char *out, size_t size);

#endif
