/* SPDX-License-Identifier: MIT */
/*
 * /System/Library/Sandbox/rootless.conf: which paths SIP protects.
 *
 * A row is an optional class, white space, and a path that may hold spaces; '#' starts
 * a comment. No class: only holders of com.apple.rootless.install may write. A class:
 * also holders of com.apple.rootless.storage.<Class>. "*": exception, not protected. A
 * path that ends in "/" "*" speaks of the entries that the folder had when the system was
 * installed, not of new ones. The nearest row above a path decides.
 */
#ifndef SIM_PLATFORM_ROOTLESS_H
#define SIM_PLATFORM_ROOTLESS_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/err.h"

#define ROOTLESS_MAX_RULES 4096
/* Name of the attribute that marks an installed entry; its value is the class, or empty.
 */
#define ROOTLESS_XATTR "com.apple.rootless"

struct rootless_rule {
	char *path;     /* absolute, without a slash at its end; of a glob: the folder */
	char *class_;   /* storage class; NULL when the row has none */
	bool exception; /* the row's class was "*" */
	bool entries;   /* the path ended in a glob: the marked entries of the folder */
	unsigned line;  /* 1-based, for messages */
};

struct rootless_conf {
	struct rootless_rule *rules; /* owned, in the order of the file */
	size_t n;
};

/*
 * Read the @len bytes at @text. @c is initialised here and to be released also after an
 * error. E_SCHEMA (with the line) for a row without an absolute path, a path with "." or
 * "..", or a NUL; E_OVERFLOW for more than ROOTLESS_MAX_RULES rows.
 */
int rootless_parse(struct rootless_conf *c, const char *text, size_t len, struct err *e)
	MUST_CHECK;
void rootless_release(struct rootless_conf *c);

/*
 * The row that decides about the absolute @path: the longest that is @path itself or a
 * folder above it; of two rows for one path the later. Rows with a glob are left out
 * unless @installed says that the entry came with the system. NULL: not protected.
 */
const struct rootless_rule *rootless_nearest(const struct rootless_conf *c,
					     const char *path, bool installed);

#endif
