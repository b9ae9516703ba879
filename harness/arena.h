/* SPDX-License-Identifier: MIT */
/*
 * Memory that is freed all at once: a scenario, its plan and a run's results are
 * built piece by piece and go together.
 */
#ifndef HARNESS_ARENA_H
#define HARNESS_ARENA_H

#include <stddef.h>

#include "sim/base/err.h"

struct arena {
	struct arena_block *blocks; /* newest first */
};

#define ARENA_INIT                                                                       \
	{                                                                                \
		.blocks = NULL                                                           \
	}

void arena_release(struct arena *a);

/* @size zeroed bytes, aligned for any type. NULL with E_NOMEM in @e. */
void *arena_alloc(struct arena *a, size_t size, struct err *e);
/* @count elements of @size bytes; E_OVERFLOW when the product does not fit. */
void *arena_array(struct arena *a, size_t count, size_t size, struct err *e);
char *arena_strdup(struct arena *a, const char *s, struct err *e);
char *arena_strndup(struct arena *a, const char *s, size_t len, struct err *e);
char *arena_printf(struct arena *a, struct err *e, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

#endif
