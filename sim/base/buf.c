/* SPDX-License-Identifier: MIT */
#include "sim/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
}

int buf_reserve(struct buf *b, size_t more, struct err *e)
{
	size_t need, cap = b->cap ? b->cap : 64;
	uint8_t *p;

	/* one byte extra for the NUL that buf_str promises */
	if (ckd_add(&need, b->len, more) || ckd_add(&need, need, 1))
		return err_set(e, E_OVERFLOW, "buffer of %zu + %zu bytes", b->len, more);
	if (need <= b->cap)
		return 0;
	while (cap < need)
		if (ckd_mul(&cap, cap, 2))
			cap = need;
	p = realloc(b->data, cap);
	if (!p)
		return err_set(e, E_NOMEM, "out of memory for %zu bytes", cap);
	b->data = p;
	b->cap = cap;
	return 0;
}

int buf_append(struct buf *b, const void *data, size_t len, struct err *e)
{
	int r = buf_reserve(b, len, e);

	if (r)
		return r;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

int buf_append_zeros(struct buf *b, size_t len, struct err *e)
{
	int r = buf_reserve(b, len, e);

	if (r)
		return r;
	memset(b->data + b->len, 0, len);
	b->len += len;
	return 0;
}

int buf_printf(struct buf *b, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int n, r;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err_set(e, E_INVAL, "bad format string");
	r = buf_reserve(b, (size_t)n, e);
	if (r)
		return r;
	va_start(ap, fmt);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

const char *buf_str(struct buf *b)
{
	if (!b->data)
		return "";
	b->data[b->len] = '\0'; /* buf_reserve always leaves room for it */
	return (const char *)b->data;
}

uint8_t *buf_steal(struct buf *b, size_t *ret_len)
{
	uint8_t *p = b->data;

	if (ret_len)
		*ret_len = b->len;
	*b = (struct buf)BUF_INIT;
	return p;
}
