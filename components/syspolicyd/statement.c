/* SPDX-License-Identifier: MIT */
#include "components/syspolicyd/statement.h"

#include <stdarg.h>

static const struct {
	int sqlite;
	enum err_code code;
} codes[] = {
	{SQLITE_NOMEM, E_NOMEM},     {SQLITE_FULL, E_NOSPC},	 {SQLITE_BUSY, E_BUSY},
	{SQLITE_CANTOPEN, E_IO},     {SQLITE_IOERR, E_IO},	 {SQLITE_PERM, E_PERM},
	{SQLITE_READONLY, E_PERM},   {SQLITE_TOOBIG, E_OVERFLOW},
};

int statement_error(const struct policy_db *db, const char *what, struct err *e)
{
	int code = sqlite3_errcode(db->sql) & 0xff;
	enum err_code ours = E_CORRUPT;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].sqlite == code)
			ours = codes[i].code;
	return err_set(e, ours, "KextPolicy: %s: %s", what, sqlite3_errmsg(db->sql));
}

static int bind(sqlite3_stmt *s, int i, char type, va_list *ap)
{
	const char *text;

	if (type == 'i')
		return sqlite3_bind_int64(s, i, va_arg(*ap, int64_t));
	text = va_arg(*ap, const char *);
	return type == 'n' && !*text ? sqlite3_bind_null(s, i)
				     : sqlite3_bind_text(s, i, text, -1, SQLITE_TRANSIENT);
}

sqlite3_stmt *statement_make(const struct policy_db *db, struct err *e, const char *sql,
			     const char *types, ...)
{
	sqlite3_stmt *s = NULL;
	va_list ap;
	int r;

	if (!db->sql) {
		err_set(e, E_IO, "KextPolicy: not open");
		return NULL;
	}
	r = sqlite3_prepare_v2(db->sql, sql, -1, &s, NULL);
	va_start(ap, types);
	for (int i = 0; !r && types[i]; i++)
		r = bind(s, i + 1, types[i], &ap);
	va_end(ap);
	if (!r)
		return s;
	statement_error(db, sql, e);
	sqlite3_finalize(s);
	return NULL;
}

int statement_row(const struct policy_db *db, sqlite3_stmt *s, struct err *e)
{
	switch (sqlite3_step(s)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return statement_error(db, sqlite3_sql(s), e);
	}
}

int statement_finish(const struct policy_db *db, sqlite3_stmt *s, struct err *e)
{
	int r;

	if (!s)
		return -(int)e->code;
	r = statement_row(db, s, e);
	sqlite3_finalize(s);
	return r < 0 ? r : 0;
}

const char *statement_text(sqlite3_stmt *s, int i)
{
	const unsigned char *t = sqlite3_column_text(s, i);

	return t ? (const char *)t : "";
}
