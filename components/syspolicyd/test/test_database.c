/* SPDX-License-Identifier: MIT */
/* KextPolicy: our tables and rows, read by sqlite3(1); tables of others, read by us. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "components/syspolicyd/consent.h"
#include "components/syspolicyd/database.h"
#include "components/syspolicyd/mdm.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

#define TEAM "ABCDE12345"

static const struct policy_kext filter = {TEAM, "com.example.filter", "Example Inc.",
					  "/L/filter.kext", "00ff"};
static const struct policy_kext nobodys = {"", "org.old.driver", "org.old.driver",
					   "/L/old.kext", ""};

static const char *in_tmp(const char *name)
{
	static char path[2][PATH_MAX];
	static unsigned turn;
	char *p = path[turn++ % 2];

	snprintf(p, PATH_MAX, "%s/%s", test_tmpdir(), name);
	return p;
}

static void fresh(struct policy_db *db)
{
	struct err e = ERR_INIT;

	unlink(in_tmp("KextPolicy"));
	ASSERT_OK(policy_db_open(db, in_tmp("KextPolicy"), &e), &e);
}

static bool allows(const struct policy_db *db, const struct policy_kext *k)
{
	struct err e = ERR_INIT;
	bool yes = false;

	ASSERT_OK(policy_db_allows(db, k, &yes, &e), &e);
	return yes;
}

static bool record(const struct policy_db *db, const struct policy_kext *k, int64_t now)
{
	struct err e = ERR_INIT;
	bool first = false;

	ASSERT_OK(policy_db_record(db, k, "BOOT", now, 8, &first, &e), &e);
	return first;
}

static int collect(void *arg, const struct policy_kext *k, struct err *e)
{
	char *to = arg;

	(void)e;
	sprintf(to + strlen(to), "%s|%s|%s;", k->team, k->bundle_id, k->developer);
	return 0;
}

static const char *waiting(const struct policy_db *db, int64_t since)
{
	static char text[1024];
	struct err e = ERR_INIT;

	text[0] = '\0';
	ASSERT_OK(policy_db_pending(db, since, collect, text, &e), &e);
	return text;
}

static void waits_and_is_allowed(void)
{
	struct policy_db db;
	struct err e = ERR_INIT;
	int n = 0;

	fresh(&db);
	CU_ASSERT_FALSE(allows(&db, &filter));
	CU_ASSERT_TRUE(record(&db, &filter, 10000));
	CU_ASSERT_FALSE(record(&db, &filter, 11000)); /* one alert */
	CU_ASSERT_TRUE(record(&db, &nobodys, 10500));
	CU_ASSERT_FALSE(allows(&db, &filter));
	CU_ASSERT_STRING_EQUAL(waiting(&db, 10000),
			       "|org.old.driver|org.old.driver;" TEAM
			       "|com.example.filter|Example Inc.;");
	CU_ASSERT_STRING_EQUAL(waiting(&db, 10501), TEAM "|com.example.filter|Example Inc.;");
	CU_ASSERT_STRING_EQUAL(waiting(&db, 11001), "");
	ASSERT_OK(policy_db_allow_developer(&db, "Example Inc.", 11001, &n, &e), &e);
	CU_ASSERT_EQUAL(n, 0);
	ASSERT_OK(policy_db_allow_developer(&db, "Example Inc.", 11000, &n, &e), &e);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_TRUE(allows(&db, &filter));
	CU_ASSERT_FALSE(allows(&db, &nobodys));
	ASSERT_OK(policy_db_allow(&db, &nobodys, &e), &e);
	CU_ASSERT_TRUE(allows(&db, &nobodys));
	policy_db_close(&db);
}

/* What sqlite3(1) sees of it. */
static void is_what_sqlite_reads(void)
{
	struct policy_db db;

	if (access("/usr/bin/sqlite3", X_OK)) {
		test_skip("needs sqlite3");
		return;
	}
	fresh(&db);
	record(&db, &filter, 1571000000);
	policy_db_close(&db);
	CU_ASSERT_EQUAL(test_shell("test \"$(sqlite3 '%s' 'select * from kext_policy; select "
				   "* from kext_load_history_v3; pragma integrity_check')\" = "
				   "'" TEAM "|com.example.filter|0|Example Inc.|0\n"
				   "/L/filter.kext|" TEAM "|com.example.filter|BOOT|"
				   "2019-10-13T20:53:20Z|2019-10-13T20:53:20Z|8|00ff\nok'",
				   in_tmp("KextPolicy")),
			0);
	/* And a table as a Mac has it, made by it. */
	CU_ASSERT_EQUAL(test_shell("sqlite3 '%s' \"insert into kext_policy_mdm values("
				   "'" TEAM "', '', 1, 'uuid')\"",
				   in_tmp("KextPolicy")),
			0);
	fresh(&db);
	policy_db_close(&db);
}

static void mdm_allows_teams_and_bundles(void)
{
	static const char payload[] =
		"<plist version=\"1.0\"><dict><key>AllowUserOverrides</key><false/>"
		"<key>AllowedTeamIdentifiers</key><array><string>" TEAM "</string></array>"
		"<key>AllowedKernelExtensions</key><dict><key>ZZZZZ99999</key><array>"
		"<string>com.example.one</string></array></dict></dict></plist>";
	const struct policy_kext one = {"ZZZZZ99999", "com.example.one", "Z", "/1", ""},
				 two = {"ZZZZZ99999", "com.example.two", "Z", "/2", ""};
	struct policy_db db;
	struct err e = ERR_INIT;
	char value[64];
	int written;

	fresh(&db);
	/* Without a payload nothing is written: the disk may be full. */
	written = sqlite3_total_changes(db.sql);
	ASSERT_OK(mdm_apply(&db, in_tmp("none"), &e), &e);
	CU_ASSERT_EQUAL(sqlite3_total_changes(db.sql), written);
	CU_ASSERT_FALSE(allows(&db, &filter));
	ASSERT_OK(fsio_write_atomic(in_tmp("mdm"), payload, sizeof(payload) - 1, 0644, &e),
		  &e);
	ASSERT_OK(mdm_apply(&db, in_tmp("mdm"), &e), &e);
	CU_ASSERT_TRUE(allows(&db, &filter));
	CU_ASSERT_TRUE(allows(&db, &one));
	CU_ASSERT_FALSE(allows(&db, &two));
	ASSERT_OK(policy_db_setting(&db, MDM_OVERRIDES, value, &e), &e);
	CU_ASSERT_STRING_EQUAL(value, "0");
	/* A payload that makes no sense changes nothing. */
	ASSERT_OK(fsio_write_atomic(in_tmp("mdm"),
				    "<plist><dict><key>AllowedKernelExtensions</key><dict>"
				    "<key>A</key><true/></dict></dict></plist>",
				    94, 0644, &e),
		  &e);
	ASSERT_FAILS(mdm_apply(&db, in_tmp("mdm"), &e), E_CORRUPT);
	CU_ASSERT_TRUE(allows(&db, &filter));
	/* When the profile goes, so does what it allowed. */
	unlink(in_tmp("mdm"));
	ASSERT_OK(mdm_apply(&db, in_tmp("mdm"), &e), &e);
	CU_ASSERT_FALSE(allows(&db, &filter));
	policy_db_close(&db);
}

static void damaged_is_an_error(void)
{
	struct buf b = BUF_INIT;
	struct policy_db db;
	struct err e = ERR_INIT;
	bool yes;

	ASSERT_OK(fsio_write_atomic(in_tmp("KextPolicy"), "no database, but long enough", 28,
				    0644, &e),
		  &e);
	ASSERT_FAILS(policy_db_open(&db, in_tmp("KextPolicy"), &e), E_CORRUPT);
	fresh(&db);
	record(&db, &filter, 1);
	policy_db_close(&db);
	ASSERT_OK(fsio_read(in_tmp("KextPolicy"), 1 << 20, &b, &e), &e);
	/* The same bytes are read; cut off they are not. */
	ASSERT_OK(policy_db_from_bytes(&db, b.data, b.len, &e), &e);
	ASSERT_OK(policy_db_allows(&db, &filter, &yes, &e), &e);
	policy_db_close(&db);
	memset(b.data + 100, 0xff, 300);
	ASSERT_FAILS(policy_db_from_bytes(&db, b.data, b.len, &e), E_CORRUPT);
	buf_release(&b);
}

static void teams_in_nvram(void)
{
	struct consent_teams t = {.n = 0};
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", in_tmp("nvram"));
	ASSERT_OK(fsio_mkdirs(dir, 0755, &e), &e);
	ASSERT_OK(consent_teams_read(&t, dir, &e), &e);
	CU_ASSERT_EQUAL(t.n, 0);
	ASSERT_FAILS(consent_teams_add(&t, "short", &e), E_INVAL);
	ASSERT_FAILS(consent_teams_add(&t, "<dict>1234", &e), E_INVAL);
	ASSERT_OK(consent_teams_add(&t, TEAM, &e), &e);
	ASSERT_FAILS(consent_teams_add(&t, TEAM, &e), E_EXISTS);
	ASSERT_OK(consent_teams_write(&t, dir, &e), &e);
	ASSERT_OK(fsio_read(in_tmp("nvram/7C436110-AB2A-4BBB-A880-FE41995C9F82:csr-data"), 4096,
			    &b, &e),
		  &e);
	/* With its NUL, as nvram(8) shows it on a Mac. */
	CU_ASSERT_STRING_EQUAL((char *)b.data, "<dict><key>kext-allowed-teams</key><array>"
					       "<string>" TEAM "</string></array></dict>");
	buf_release(&b);
	t.n = 0;
	ASSERT_OK(consent_teams_read(&t, dir, &e), &e);
	CU_ASSERT_TRUE(consent_teams_has(&t, TEAM));
	ASSERT_FAILS(consent_teams_remove(&t, "ZZZZZ99999", &e), E_NOTFOUND);
	ASSERT_OK(consent_teams_remove(&t, TEAM, &e), &e);
	ASSERT_OK(consent_teams_write(&t, dir, &e), &e);
	CU_ASSERT_FALSE(
		fsio_exists(in_tmp("nvram/7C436110-AB2A-4BBB-A880-FE41995C9F82:csr-data")));
	ASSERT_OK(fsio_write_atomic(
			  in_tmp("nvram/7C436110-AB2A-4BBB-A880-FE41995C9F82:csr-data"),
			  "<dict><key>kext-allowed-teams</key><true/></dict>", 50, 0644, &e),
		  &e);
	ASSERT_FAILS(consent_teams_read(&t, dir, &e), E_CORRUPT);
}

TEST_MAIN("KextPolicy", {"waits, and is allowed", waits_and_is_allowed},
	  {"is what sqlite3 reads", is_what_sqlite_reads},
	  {"a device manager allows teams and bundles", mdm_allows_teams_and_bundles},
	  {"a damaged one is an error", damaged_is_an_error},
	  {"teams in NVRAM", teams_in_nvram})
