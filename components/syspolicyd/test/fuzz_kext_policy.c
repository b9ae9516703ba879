/* SPDX-License-Identifier: MIT */
/* A KextPolicy that somebody else wrote. */
#include <stddef.h>
#include <stdint.h>

#include "components/syspolicyd/database.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ignore(void *arg, const struct policy_kext *k, struct err *e)
{
	(void)arg;
	(void)k;
	(void)e;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct policy_kext k = {"ABCDE12345", "com.example.x", "Example",
				      "/Library/Extensions/x.kext", ""};
	struct err e = ERR_INIT;
	struct policy_db db;
	char value[64];
	bool yes;
	int n;

	if (policy_db_from_bytes(&db, data, size, &e))
		return 0;
	(void)!policy_db_allows(&db, &k, &yes, &e);
	(void)!policy_db_record(&db, &k, "uuid", 1000, 0, &yes, &e);
	(void)!policy_db_pending(&db, 0, ignore, NULL, &e);
	(void)!policy_db_allow_developer(&db, "Example", 0, &n, &e);
	(void)!policy_db_setting(&db, "AllowUserOverrides", value, &e);
	policy_db_close(&db);
	return 0;
}
