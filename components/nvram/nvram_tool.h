/* SPDX-License-Identifier: MIT */
/* nvram(8): firmware variables by name, with %xx for what is not printable. */
#ifndef COMPONENTS_NVRAM_NVRAM_TOOL_H
#define COMPONENTS_NVRAM_NVRAM_TOOL_H

#include "sim/base/buf.h"
#include "sim/base/err.h"

/* The file of variable @name ("boot-args", or "GUID:name") below @dir. */
int nvram_path(char *out, size_t size, const char *dir, const char *name, struct err *e)
	MUST_CHECK;

/* Append "name<TAB>value" and a newline. E_NOTFOUND. */
int nvram_tool_get(const char *dir, const char *name, struct buf *out, struct err *e)
	MUST_CHECK;
/* The same for all variables, by name; those of Apple's GUID without it. */
int nvram_tool_print(const char *dir, struct buf *out, struct err *e) MUST_CHECK;

/* Set from text, where %xx is a byte. E_INVAL for bad digits, E_PERM when refused. */
int nvram_tool_set(const char *dir, const char *name, const char *text, struct err *e)
	MUST_CHECK;
int nvram_tool_delete(const char *dir, const char *name, struct err *e) MUST_CHECK;
/* Delete what may be deleted; the others stay, as on a Mac. */
int nvram_tool_clear(const char *dir, struct err *e) MUST_CHECK;

/* Write the bytes of a variable in one go. */
int nvram_tool_write(const char *dir, const char *name, const void *data, size_t len,
		     struct err *e) MUST_CHECK;

#endif
