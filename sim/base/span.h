/* SPDX-License-Identifier: MIT */
/* Bytes that belong to somebody else. */
#ifndef SIM_BASE_SPAN_H
#define SIM_BASE_SPAN_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/buf.h"

/* p is NULL when there are none to speak of. */
struct span {
	const uint8_t *p;
	size_t len;
};

/* What @b holds; borrowed until it changes. */
static inline struct span buf_span(const struct buf *b)
{
	return (struct span){b->data, b->len};
}

#endif
