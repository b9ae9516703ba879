/* SPDX-License-Identifier: MIT */
/*
 * Tables that say what a map of a scenario file may hold, and where each value goes.
 * The same tables write the reference in docs/scenarios.md (`kextlab help language`).
 */
#ifndef HARNESS_SCHEMA_H
#define HARNESS_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/ydoc.h"

enum schema_kind {
	SCHEMA_TEXT,   /* const char *, borrowed from the document */
	SCHEMA_UINT,   /* uint64_t, within min..max */
	SCHEMA_OCTAL,  /* int64_t: "0700"; the field's -1 means "not given" */
	SCHEMA_NUMBER, /* double, 0 or more */
	SCHEMA_BOOL,   /* bool: true, false */
	SCHEMA_TRI,    /* int: 1, 0; the field's -1 means "not given" */
	SCHEMA_WORD,   /* unsigned: base + index into words */
	SCHEMA_CHOICE, /* const char *: one of words */
	SCHEMA_TEXTS,  /* struct text_list */
	SCHEMA_MAP,    /* a struct of its own at offset, by keys */
	SCHEMA_PTR,    /* pointer to a struct of @size bytes, by keys; NULL when absent */
	SCHEMA_CUSTOM, /* read() */
};

struct text_list {
	const char **items;
	size_t n;
};

struct binder {
	struct arena *arena;
};

struct schema_key {
	const char *name; /* NULL ends a table */
	enum schema_kind kind;
	bool required;
	size_t offset;
	const char *const *words;      /* WORD, CHOICE: NULL-terminated */
	unsigned base;		       /* WORD: 1 if 0 is "not given" */
	const struct schema_key *keys; /* MAP, PTR */
	size_t size;		       /* PTR */
	uint64_t min, max;	       /* UINT; max 0: no limit */
	int (*read)(struct binder *b, const struct ynode *n, void *field, struct err *e);
	void (*init)(void *obj); /* PTR: defaults of the new struct; may be NULL */
	const char *type;	 /* CUSTOM: what may stand there, for the reference */
	const char *doc;	 /* one line for the reference */
};

/*
 * Read the map @n into @obj by @keys. Wrong type, unknown key ("did you mean ...?")
 * and missing required key are E_SCHEMA with the place.
 */
int schema_bind(struct binder *b, const struct ynode *n, const struct schema_key *keys,
		void *obj, struct err *e) MUST_CHECK;

/*
 * The same for a map that may hold keys of two tables (a step's own and those that
 * every step has); @obj2 belongs to @keys2.
 */
int schema_bind2(struct binder *b, const struct ynode *n, const struct schema_key *keys,
		 void *obj, const struct schema_key *keys2, void *obj2,
		 struct err *e) MUST_CHECK;

/* One value by one row; @field is where it goes. */
int schema_bind_value(struct binder *b, const struct ynode *n,
		      const struct schema_key *key, void *field,
		      struct err *e) MUST_CHECK;

/* E_SCHEMA unless @n is of @kind. @what names it in the message. */
int schema_want(const struct ynode *n, enum ynode_kind kind, const char *what,
		struct err *e) MUST_CHECK;

/* E_SCHEMA "unknown <what> 'x' (did you mean 'y'?)"; @names NULL-terminated. */
int schema_unknown(const struct ynode *n, const char *what, const char *word,
		   const char *const *names, struct err *e);

/* What may stand at @key, in words: "text", "true or false", "normal, recovery". */
void schema_type_text(const struct schema_key *key, char *out, size_t size);

#endif
