/* SPDX-License-Identifier: MIT */
/*
 * Blobs, and super blobs that hold blobs by a number. What is read is borrowed from the
 * caller's bytes, and no offset is followed that was not checked.
 */
#ifndef SIM_FORMATS_CODESIGN_BLOB_H
#define SIM_FORMATS_CODESIGN_BLOB_H

#include "sim/base/span.h"
#include "sim/formats/codesign/raw.h"

#define CS_SUPER_MAX 64 /* entries; codesign writes at most ten */

/*
 * The blob at the start of @data, cut to its length. E_CORRUPT when it is shorter than its
 * header, longer than @data or not of @magic (0: any).
 */
int cs_blob_open(struct span data, uint32_t magic, struct span *ret,
		 struct err *e) MUST_CHECK;
/* What stands behind the header of a blob that cs_blob_open returned. */
struct span cs_blob_payload(struct span blob);

struct cs_super {
	struct span whole;
	uint32_t n;
};

/* E_CORRUPT names the entry that lies outside. E_OVERFLOW: too many. */
int cs_super_open(struct span data, uint32_t magic, struct cs_super *ret,
		  struct err *e) MUST_CHECK;
/* Entry @i < @s->n. An entry without a blob has p NULL. */
uint32_t cs_super_at(const struct cs_super *s, uint32_t i, struct span *ret);
/* The blob of @type; p is NULL when there is none. */
struct span cs_super_find(const struct cs_super *s, uint32_t type);

/* A super blob in the making: blobs in any order, stored by rising type. */
struct cs_super_entry {
	uint32_t type;
	struct buf blob; /* owned */
};
struct cs_super_writer {
	struct cs_super_entry entry[CS_SUPER_MAX];
	uint32_t n;
};

void cs_super_writer_release(struct cs_super_writer *w);
/* Add a copy of @blob, or replace the one of @type. */
int cs_super_add(struct cs_super_writer *w, uint32_t type, struct span blob,
		 struct err *e) MUST_CHECK;
/* The same for bytes that are no blob: they get a header with @magic. */
int cs_super_add_wrapped(struct cs_super_writer *w, uint32_t type, uint32_t magic,
			 struct span content, struct err *e) MUST_CHECK;
/* Length of what cs_super_finish would append. */
size_t cs_super_len(const struct cs_super_writer *w);
int cs_super_finish(struct cs_super_writer *w, uint32_t magic, struct buf *out,
		    struct err *e) MUST_CHECK;

/* Append a blob header for @len bytes of content. */
int cs_blob_put_header(struct buf *out, uint32_t magic, size_t len,
		       struct err *e) MUST_CHECK;

#endif
