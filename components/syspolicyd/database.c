/* SPDX-License-Identifier: MIT */
#include "components/syspolicyd/database.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "components/syspolicyd/statement.h"

#define BUSY_MS	     2000
#define LENGTH_MAX   65536 /* bytes of a value or a row */
#define TIME_TEXT_MAX 32

/* Apple's, as .schema shows them. */
static const char *const schema[] = {
	"CREATE TABLE IF NOT EXISTS settings ( name TEXT, value TEXT, PRIMARY KEY (name) )",
	"CREATE TABLE IF NOT EXISTS kext_load_history_v3 ( path TEXT PRIMARY KEY, team_id "
	"TEXT, bundle_id TEXT, boot_uuid TEXT, created_at TEXT, last_seen TEXT, flags "
	"INTEGER , cdhash TEXT)",
	"CREATE TABLE IF NOT EXISTS kext_policy ( team_id TEXT, bundle_id TEXT, allowed "
	"BOOLEAN, developer_name TEXT, flags INTEGER, PRIMARY KEY (team_id, bundle_id) )",
	"CREATE TABLE IF NOT EXISTS kext_policy_mdm ( team_id TEXT, bundle_id TEXT, allowed "
	"BOOLEAN, payload_uuid TEXT, PRIMARY KEY (team_id, bundle_id) )",
};

/* What a database that somebody else wrote must not do. */
static void distrust(struct policy_db *db)
{
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_limit(db->sql, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
	sqlite3_busy_timeout(db->sql, BUSY_MS);
}

static int make_tables(struct policy_db *db, struct err *e)
{
	int r = statement_run(db, e, "PRAGMA cell_size_check = 1", "");

	for (size_t i = 0; i < sizeof(schema) / sizeof(schema[0]) && !r; i++)
		r = statement_run(db, e, schema[i], "");
	return r;
}

int policy_db_open(struct policy_db *db, const char *path, struct err *e)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, r;

	db->sql = NULL;
	if (sqlite3_open_v2(path, &db->sql, flags, NULL) != SQLITE_OK) {
		r = db->sql ? statement_error(db, path, e)
			    : err_set(e, E_NOMEM, "out of memory");
		policy_db_close(db);
		return r;
	}
	distrust(db);
	r = make_tables(db, e);
	if (r)
		policy_db_close(db);
	return r;
}

int policy_db_from_bytes(struct policy_db *db, const void *data, size_t len, struct err *e)
{
	unsigned char *copy = sqlite3_malloc64(len + 1);
	unsigned flags = SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE;
	int r;

	db->sql = NULL;
	if (!copy || sqlite3_open_v2(":memory:", &db->sql,
				     SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, NULL)) {
		sqlite3_free(copy);
		policy_db_close(db);
		return err_set(e, E_NOMEM, "out of memory");
	}
	memcpy(copy, data, len);
	/* Frees the copy, whatever comes of it. */
	if (sqlite3_deserialize(db->sql, "main", copy, (int64_t)len, (int64_t)len, flags)) {
		r = statement_error(db, "deserialize", e);
	} else {
		distrust(db);
		r = make_tables(db, e);
	}
	if (r)
		policy_db_close(db);
	return r;
}

void policy_db_close(struct policy_db *db)
{
	sqlite3_close(db->sql);
	db->sql = NULL;
}

/* Is there a row? */
static int exists(const struct policy_db *db, sqlite3_stmt *s, bool *ret, struct err *e)
{
	int r = s ? statement_row(db, s, e) : -(int)e->code;

	sqlite3_finalize(s);
	*ret = r == 1;
	return r < 0 ? r : 0;
}

int policy_db_allows(const struct policy_db *db, const struct policy_kext *k, bool *ret,
		     struct err *e)
{
	int r = exists(db,
		       statement_make(db, e,
				      "SELECT 1 FROM kext_policy_mdm WHERE team_id = ? AND "
				      "bundle_id IN (?, '') AND allowed",
				      "tt", k->team, k->bundle_id),
		       ret, e);

	if (r || *ret)
		return r;
	return exists(db,
		      statement_make(db, e,
				     "SELECT 1 FROM kext_policy WHERE team_id = ? AND "
				     "bundle_id = ? AND allowed",
				     "tt", k->team, k->bundle_id),
		      ret, e);
}

/* ISO 8601 in UTC, which sorts as time does. */
static const char *time_text(int64_t seconds, char out[static TIME_TEXT_MAX])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm))
		out[0] = '\0';
	return out;
}

int policy_db_record(const struct policy_db *db, const struct policy_kext *k,
		     const char *boot_uuid, int64_t now, int flags, bool *ret_new,
		     struct err *e)
{
	char text[TIME_TEXT_MAX];
	int r;

	time_text(now, text);
	r = statement_run(db, e,
			  "INSERT INTO kext_load_history_v3 VALUES (?1, ?2, ?3, ?4, ?5, ?5, "
			  "?6, ?7) ON CONFLICT(path) DO UPDATE SET team_id = ?2, bundle_id = "
			  "?3, boot_uuid = ?4, last_seen = ?5, flags = ?6, cdhash = ?7",
			  "tnttti" "n", k->path, k->team, k->bundle_id, boot_uuid, text,
			  (int64_t)flags, k->cdhash);
	if (!r)
		r = statement_run(db, e,
				  "INSERT OR IGNORE INTO kext_policy VALUES (?, ?, 0, ?, 0)",
				  "ttt", k->team, k->bundle_id, k->developer);
	*ret_new = !r && sqlite3_changes(db->sql) > 0;
	return r;
}

#define PENDING                                                                            \
	"FROM kext_policy p JOIN kext_load_history_v3 h ON h.bundle_id = p.bundle_id AND " \
	"ifnull(h.team_id, '') = p.team_id WHERE NOT p.allowed AND h.last_seen >= ?1"

int policy_db_pending(const struct policy_db *db, int64_t since, policy_pending_fn *each,
		      void *arg, struct err *e)
{
	char text[TIME_TEXT_MAX];
	sqlite3_stmt *s = statement_make(db, e,
					 "SELECT DISTINCT p.team_id, p.bundle_id, "
					 "p.developer_name " PENDING " ORDER BY 1, 2",
					 "t", time_text(since, text));
	int r = s ? 1 : -(int)e->code;

	while (r == 1 && (r = statement_row(db, s, e)) == 1) {
		const struct policy_kext k = {
			.team = statement_text(s, 0),
			.bundle_id = statement_text(s, 1),
			.developer = statement_text(s, 2),
			.path = "",
			.cdhash = "",
		};
		int stop = each(arg, &k, e);

		if (stop) {
			r = stop;
			break;
		}
	}
	sqlite3_finalize(s);
	return r;
}

int policy_db_allow_developer(const struct policy_db *db, const char *developer,
			      int64_t since, int *ret_n, struct err *e)
{
	char text[TIME_TEXT_MAX];
	int r = statement_run(db, e,
			      "UPDATE kext_policy SET allowed = 1, flags = ?3 WHERE rowid IN "
			      "(SELECT p.rowid " PENDING " AND p.developer_name = ?2)",
			      "tti", time_text(since, text), developer,
			      (int64_t)POLICY_BY_USER);

	*ret_n = r ? 0 : sqlite3_changes(db->sql);
	return r;
}

int policy_db_allow(const struct policy_db *db, const struct policy_kext *k, struct err *e)
{
	return statement_run(db, e, "INSERT OR REPLACE INTO kext_policy VALUES (?, ?, 1, ?, ?)",
			     "ttti", k->team, k->bundle_id, k->developer,
			     (int64_t)POLICY_BY_USER);
}

int policy_db_mdm_any(const struct policy_db *db, bool *ret, struct err *e)
{
	return exists(db, statement_make(db, e, "SELECT 1 FROM kext_policy_mdm", ""), ret, e);
}

int policy_db_mdm_begin(const struct policy_db *db, struct err *e)
{
	int r = statement_run(db, e, "BEGIN IMMEDIATE", "");

	return r ? r : statement_run(db, e, "DELETE FROM kext_policy_mdm", "");
}

int policy_db_mdm_add(const struct policy_db *db, const char *team, const char *bundle_id,
		      const char *payload_uuid, struct err *e)
{
	return statement_run(db, e, "INSERT OR REPLACE INTO kext_policy_mdm VALUES (?, ?, 1, ?)",
			     "ttt", team, bundle_id, payload_uuid);
}

int policy_db_mdm_end(const struct policy_db *db, bool keep, struct err *e)
{
	return statement_run(db, e, keep ? "COMMIT" : "ROLLBACK", "");
}

int policy_db_setting(const struct policy_db *db, const char *name, char ret[static 64],
		      struct err *e)
{
	sqlite3_stmt *s = statement_make(db, e, "SELECT value FROM settings WHERE name = ?",
					 "t", name);
	int r = s ? statement_row(db, s, e) : -(int)e->code;

	snprintf(ret, 64, "%s", r == 1 ? statement_text(s, 0) : "");
	sqlite3_finalize(s);
	return r < 0 ? r : 0;
}

int policy_db_set(const struct policy_db *db, const char *name, const char *value,
		  struct err *e)
{
	return statement_run(db, e, "INSERT OR REPLACE INTO settings VALUES (?, ?)", "tt", name,
			     value);
}
