/* SPDX-License-Identifier: MIT */
/*
 * Property lists: libplist with limits and with errors that say which key of which
 * file is wrong.
 *
 * libplist recurses over nested containers and over binary object references without
 * a bound, so the nesting is measured before its parser sees the bytes.
 */
#ifndef SIM_FORMATS_PLIST_PL_H
#define SIM_FORMATS_PLIST_PL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <plist/plist.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

#define PL_MAX_BYTES   (64u << 20) /* of one list */
#define PL_MAX_DEPTH   64          /* containers inside containers */
#define PL_MAX_OBJECTS 65536       /* of a binary list; bounds libplist's recursion */

/*
 * Parse an XML or binary list. *ret is owned by the caller (plist_free). @what names the
 * bytes in errors. E_CORRUPT, E_OVERFLOW (too big, too deep), E_NOMEM.
 */
int pl_parse(const void *data, size_t len, const char *what, plist_t *ret, struct err *e)
	MUST_CHECK;
/* The same for a file of at most @max bytes. The root has to be a dictionary. */
int pl_load_dict(const char *path, size_t max, plist_t *ret, struct err *e) MUST_CHECK;

/* Append @root as an XML list, header and newline included. */
int pl_to_xml(plist_t root, struct buf *out, struct err *e) MUST_CHECK;
/* Write @root as XML, atomically. */
int pl_write_xml(plist_t root, const char *path, mode_t mode, struct err *e) MUST_CHECK;

/* "a string", "a dictionary", ...; "nothing" for NULL. */
const char *pl_type_name(plist_t node);

/*
 * Getters. What they return is borrowed from @dict. The plain ones want the key to be
 * there (else E_NOTFOUND); the pl_opt_ ones leave *ret as it is when it is not. A value
 * of another type is E_CORRUPT: "key 'Archs': expected an array, found a string". A
 * string with a NUL inside is not taken as a string.
 */
int pl_string(plist_t dict, const char *key, const char **ret, struct err *e) MUST_CHECK;
int pl_dict(plist_t dict, const char *key, plist_t *ret, struct err *e) MUST_CHECK;
int pl_array(plist_t dict, const char *key, plist_t *ret, struct err *e) MUST_CHECK;
int pl_bool(plist_t dict, const char *key, bool *ret, struct err *e) MUST_CHECK;
int pl_uint(plist_t dict, const char *key, uint64_t *ret, struct err *e) MUST_CHECK;
int pl_data(plist_t dict, const char *key, const uint8_t **ret, size_t *ret_len,
	    struct err *e) MUST_CHECK;
int pl_opt_string(plist_t dict, const char *key, const char **ret,
		  struct err *e) MUST_CHECK;
int pl_opt_dict(plist_t dict, const char *key, plist_t *ret, struct err *e) MUST_CHECK;
int pl_opt_array(plist_t dict, const char *key, plist_t *ret, struct err *e) MUST_CHECK;
int pl_opt_bool(plist_t dict, const char *key, bool *ret, struct err *e) MUST_CHECK;

/* The @i-th item of @array as a string; E_CORRUPT when it is something else. */
int pl_array_string(plist_t array, uint32_t i, const char **ret,
		    struct err *e) MUST_CHECK;
/* NULL when @node is not a string, or has a NUL inside. */
const char *pl_str(plist_t node);
/* Is @node a boolean, and true? Not when it is NULL or something else. */
bool pl_true(plist_t node);

/* Walk a dictionary: for (pl_each(&it, d); pl_next(&it);) uses it.key, it.value. */
struct pl_iter {
	plist_t dict, value;
	const char *key; /* owned by the iterator, valid until pl_next */
	plist_dict_iter it;
	char *name;
};
void pl_each(struct pl_iter *it, plist_t dict);
/* False at the end, where the iterator has released what it held. */
bool pl_next(struct pl_iter *it);
/* Leave a walk early. */
void pl_iter_release(struct pl_iter *it);

#endif
