/* SPDX-License-Identifier: MIT */
/*
 * A YAML file as a tree of nodes that know their place in the file.
 *
 * A deliberately small YAML: one document, no anchors, aliases or tags, keys are
 * plain text and unique in their map. Whether a scalar is a number or a word is
 * decided by the schema that reads it, not by how it looks.
 */
#ifndef HARNESS_YDOC_H
#define HARNESS_YDOC_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/arena.h"
#include "sim/base/err.h"

#define YDOC_SIZE_MAX  (256u * 1024)
#define YDOC_DEPTH_MAX 16u
#define YDOC_NODES_MAX 8192u

enum ynode_kind { YNODE_SCALAR, YNODE_LIST, YNODE_MAP };

struct ynode {
	enum ynode_kind kind;
	const char *file;	 /* as given to ydoc_parse; for messages */
	unsigned line, col;	 /* 1-based; line 0: not from a file */
	bool plain;		 /* scalar written without quotes and not as a block */
	const char *text;	 /* scalar, else NULL */
	const struct ynode *key; /* the key, when this is a value of a map */
	struct ynode *first;	 /* list, map: children in the order of the file */
	struct ynode *next;	 /* sibling */
	size_t n;		 /* number of children */
};

struct ydoc {
	struct arena arena; /* owns every node and text */
	struct ynode *root;
};

/*
 * Parse @len bytes at @text; @file (copied) names them in messages. Errors are
 * E_SCHEMA with "file:line:column: ..." in front, or E_NOMEM. Release in any case.
 */
int ydoc_parse(struct ydoc *d, const char *file, const void *text, size_t len,
	       struct err *e) MUST_CHECK;
/* The same for an option of the command line, @option: errors have no place in front. */
int ydoc_parse_option(struct ydoc *d, const char *option, const char *text,
		      struct err *e) MUST_CHECK;
void ydoc_release(struct ydoc *d);

/* The value of @key in the map @n; NULL if there is none. */
const struct ynode *ynode_get(const struct ynode *n, const char *key);

/* "a plain key without a value": `boot:`. */
bool ynode_is_empty(const struct ynode *n);

/* "text", "list" or "map". */
const char *ynode_kind_name(const struct ynode *n);

/* E_SCHEMA at the place of @n. */
int ynode_error(const struct ynode *n, struct err *e, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

#endif
