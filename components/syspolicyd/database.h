/* SPDX-License-Identifier: MIT */
/*
 * KextPolicy, an SQLite database with Apple's tables: which kexts were allowed, by whom,
 * and which were seen. Its bytes are not trusted more than others: a damaged database is
 * E_CORRUPT.
 */
#ifndef COMPONENTS_SYSPOLICYD_DATABASE_H
#define COMPONENTS_SYSPOLICYD_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

struct sqlite3;

struct policy_db {
	struct sqlite3 *sql; /* owned; NULL: not open */
};

/* A kext as the tables know it. All borrowed. */
struct policy_kext {
	const char *team;      /* "" for none */
	const char *bundle_id;
	const char *developer; /* whom the alert names */
	const char *path;
	const char *cdhash;    /* hexadecimal; "" not known */
};

/*
 * Who allowed. The numbers are what has been seen in such databases (1: the user's own
 * click); the last one is assumed.
 */
enum policy_flag {
	POLICY_BY_USER = 1,
	POLICY_FROM_CACHE = 8, /* history: seen when a prelinked kernel was made */
};

/* Open @path, or make it with its tables. */
int policy_db_open(struct policy_db *db, const char *path, struct err *e) MUST_CHECK;
/* For tests and fuzzing: the database in @data, which is copied; changes are in memory. */
int policy_db_from_bytes(struct policy_db *db, const void *data, size_t len,
			 struct err *e) MUST_CHECK;
void policy_db_close(struct policy_db *db);

/* Does a row of kext_policy, or one of kext_policy_mdm, allow it? A row of MDM without a
 * bundle id speaks for the team. */
int policy_db_allows(const struct policy_db *db, const struct policy_kext *k, bool *ret,
		     struct err *e) MUST_CHECK;

/*
 * Note that it was to be loaded: a row of the history, new or brought up to date (@now in
 * seconds since 1970), and unless there is one, a row of kext_policy that awaits approval.
 * *ret_new: the user has not been told of it yet.
 */
int policy_db_record(const struct policy_db *db, const struct policy_kext *k,
		     const char *boot_uuid, int64_t now, int flags, bool *ret_new,
		     struct err *e) MUST_CHECK;

/*
 * Allow everything that awaits approval and was seen since @since, of @developer (NULL:
 * one kext, @k, whether it awaits or not). *ret_n: how many rows.
 */
int policy_db_allow_developer(const struct policy_db *db, const char *developer,
			      int64_t since, int *ret_n, struct err *e) MUST_CHECK;
int policy_db_allow(const struct policy_db *db, const struct policy_kext *k,
		    struct err *e) MUST_CHECK;

/* Call @each for every kext that awaits approval and was seen since @since. */
typedef int policy_pending_fn(void *arg, const struct policy_kext *k, struct err *e);
int policy_db_pending(const struct policy_db *db, int64_t since, policy_pending_fn *each,
		      void *arg, struct err *e) MUST_CHECK;

/* The rows of MDM are these from now on: begin, add each, end. @bundle_id "": the team. */
int policy_db_mdm_any(const struct policy_db *db, bool *ret, struct err *e) MUST_CHECK;
int policy_db_mdm_begin(const struct policy_db *db, struct err *e) MUST_CHECK;
int policy_db_mdm_add(const struct policy_db *db, const char *team, const char *bundle_id,
		      const char *payload_uuid, struct err *e) MUST_CHECK;
int policy_db_mdm_end(const struct policy_db *db, bool keep, struct err *e) MUST_CHECK;

/* Table settings; "" when it is not there. @ret has 64 bytes. */
int policy_db_setting(const struct policy_db *db, const char *name, char ret[static 64],
		      struct err *e) MUST_CHECK;
int policy_db_set(const struct policy_db *db, const char *name, const char *value,
		  struct err *e) MUST_CHECK;

#endif
