/* SPDX-License-Identifier: MIT */
#include "sim/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -(int)code;
	e->code = code;
	e->sys_errno = 0;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return -(int)code;
}

static enum err_code code_of_errno(int n)
{
	switch (n) {
	case ENOSPC:
	case EDQUOT:
		return E_NOSPC;
	case ENOMEM:
		return E_NOMEM;
	case ENOENT:
		return E_NOTFOUND;
	case EEXIST:
		return E_EXISTS;
	case EPERM:
	case EACCES:
		return E_PERM;
	default:
		return E_IO;
	}
}

int err_sys(struct err *e, const char *fmt, ...)
{
	int n = errno;
	enum err_code code = code_of_errno(n);
	va_list ap;
	size_t len;

	if (!e)
		return -(int)code;
	e->code = code;
	e->sys_errno = n;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", strerror(n));
	return -(int)code;
}

int err_ctx(struct err *e, const char *fmt, ...)
{
	char old[ERR_MSG_MAX];
	va_list ap;
	size_t len;

	if (!e)
		return -(int)E_IO;
	memcpy(old, e->msg, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", old);
	return -(int)e->code;
}

void err_keep_first(int *r, struct err *e, struct err *why)
{
	if (!*r) {
		*r = -(int)why->code;
		*e = *why;
	}
	err_clear(why);
}

void err_clear(struct err *e)
{
	*e = (struct err)ERR_INIT;
}
