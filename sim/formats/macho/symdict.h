/* SPDX-License-Identifier: MIT */
/* Symbols by name: an open-addressed hash table. Names are borrowed. */
#ifndef SIM_FORMATS_MACHO_SYMDICT_H
#define SIM_FORMATS_MACHO_SYMDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

struct symdict_entry {
	const char *name; /* borrowed; NULL marks a free place */
	uint64_t value;
	uint32_t flags; /* the user's */
	uint32_t hash;	/* of the name */
};

/* Zero-initialise. */
struct symdict {
	struct symdict_entry *slot; /* owned */
	size_t cap, n;		    /* cap: 0 or a power of two */
};

void symdict_release(struct symdict *d);
/* Add @name, or give it a new value if it is there. */
int symdict_set(struct symdict *d, const char *name, uint64_t value, uint32_t flags,
		struct err *e) MUST_CHECK;
/* NULL for none; valid until the next symdict_set. */
struct symdict_entry *symdict_get(const struct symdict *d, const char *name);
/* The same in two steps, for who asks several dictionaries about one name. */
uint32_t symdict_hash(const char *name);
struct symdict_entry *symdict_find(const struct symdict *d, const char *name,
				   uint32_t hash);

#endif
