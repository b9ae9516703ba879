/* SPDX-License-Identifier: MIT */
/*
 * A growable run of bytes. Zero-initialise with BUF_INIT, release with
 * buf_release. data is NULL while nothing was added. After buf_printf and
 * buf_str the byte behind len is a NUL that len does not count.
 */
#ifndef SIM_BASE_BUF_H
#define SIM_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

struct buf {
	uint8_t *data; /* owned */
	size_t len;    /* bytes in use */
	size_t cap;    /* bytes allocated */
};

#define BUF_INIT                                                                         \
	{                                                                                \
		.data = NULL                                                             \
	}

void buf_release(struct buf *b);
/* Forget the content, keep the memory. */
void buf_clear(struct buf *b);
/* Make room for @more bytes behind len. E_NOMEM, E_OVERFLOW. */
int buf_reserve(struct buf *b, size_t more, struct err *e) MUST_CHECK;
int buf_append(struct buf *b, const void *data, size_t len, struct err *e) MUST_CHECK;
int buf_append_zeros(struct buf *b, size_t len, struct err *e) MUST_CHECK;
int buf_printf(struct buf *b, struct err *e, const char *fmt, ...) PRINTF_LIKE(3, 4)
	MUST_CHECK;
/* The content as a C string; "" when empty. Borrowed, valid until the next change. */
const char *buf_str(struct buf *b);
/* Hand the memory to the caller, who frees it with free(); @b is empty afterwards. */
uint8_t *buf_steal(struct buf *b, size_t *ret_len);

#endif
