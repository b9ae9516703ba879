/* SPDX-License-Identifier: MIT */
#include "harness/arena.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"

#define BLOCK_SIZE 16384u

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	alignas(max_align_t) char data[];
};

void arena_release(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;

		a->blocks = b->next;
		free(b);
	}
}

static struct arena_block *new_block(size_t size, struct err *e)
{
	struct arena_block *b;
	size_t total;

	if (ckd_add(&total, size, sizeof(*b))) {
		err_set(e, E_OVERFLOW, "%zu bytes of memory", size);
		return NULL;
	}
	b = calloc(1, total);
	if (!b)
		err_set(e, E_NOMEM, "out of memory (%zu bytes)", total);
	else
		b->size = size;
	return b;
}

void *arena_alloc(struct arena *a, size_t size, struct err *e)
{
	struct arena_block *b = a->blocks;
	size_t need;
	void *p;

	if (ckd_add(&need, size, alignof(max_align_t) - 1)) {
		err_set(e, E_OVERFLOW, "%zu bytes of memory", size);
		return NULL;
	}
	need &= ~(alignof(max_align_t) - 1);
	if (!b || need > b->size - b->used) {
		b = new_block(need > BLOCK_SIZE ? need : BLOCK_SIZE, e);
		if (!b)
			return NULL;
		b->next = a->blocks;
		a->blocks = b;
	}
	p = b->data + b->used;
	b->used += need;
	return p;
}

void *arena_array(struct arena *a, size_t count, size_t size, struct err *e)
{
	size_t total;

	if (ckd_mul(&total, count, size)) {
		err_set(e, E_OVERFLOW, "%zu elements of %zu bytes", count, size);
		return NULL;
	}
	return arena_alloc(a, total, e);
}

char *arena_strndup(struct arena *a, const char *s, size_t len, struct err *e)
{
	char *p = arena_alloc(a, len + 1, e);

	if (p)
		memcpy(p, s, len);
	return p;
}

char *arena_strdup(struct arena *a, const char *s, struct err *e)
{
	return arena_strndup(a, s, strlen(s), e);
}

char *arena_printf(struct arena *a, struct err *e, const char *fmt, ...)
{
	va_list ap, again;
	char *p = NULL;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		err_set(e, E_OVERFLOW, "text too long");
	else if ((p = arena_alloc(a, (size_t)n + 1, e)))
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}
