/* SPDX-License-Identifier: MIT */
/* Prepared statements with our errors. */
#ifndef COMPONENTS_SYSPOLICYD_STATEMENT_H
#define COMPONENTS_SYSPOLICYD_STATEMENT_H

#include <sqlite3.h>

#include "components/syspolicyd/database.h"

/* What SQLite says is wrong, as an error of ours. */
int statement_error(const struct policy_db *db, const char *what, struct err *e);

/*
 * Prepare @sql and bind its parameters by @types: 't' a text (copied), 'n' a text where ""
 * is NULL, 'i' an int64_t. NULL on error. End with sqlite3_finalize.
 */
sqlite3_stmt *statement_make(const struct policy_db *db, struct err *e, const char *sql,
			     const char *types, ...);
/* The same, carried out, for what answers nothing. */
#define statement_run(db, e, ...) statement_finish(db, statement_make(db, e, __VA_ARGS__), e)
int statement_finish(const struct policy_db *db, sqlite3_stmt *s, struct err *e) MUST_CHECK;

/* One step: 1 there is a row, 0 no more, else an error. */
int statement_row(const struct policy_db *db, sqlite3_stmt *s, struct err *e) MUST_CHECK;
/* Column @i as text; "" for NULL. Good until the next step. */
const char *statement_text(sqlite3_stmt *s, int i);

#endif
