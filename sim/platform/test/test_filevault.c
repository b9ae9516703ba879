/* SPDX-License-Identifier: MIT */
#include "sim/base/test.h"

#include <string.h>

#include "sim/platform/filevault.h"

static void the_right_passphrase_unlocks(void)
{
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	bool ok = false;

	ASSERT_OK(filevault_make("alice", "correct horse", &b, &e), &e);
	ASSERT_OK(filevault_check(b.data, b.len, "correct horse", &ok, &e), &e);
	CU_ASSERT_TRUE(ok);
	ASSERT_OK(filevault_check(b.data, b.len, "correct hors", &ok, &e), &e);
	CU_ASSERT_FALSE(ok);
	CU_ASSERT_PTR_NULL(strstr(buf_str(&b), "correct horse"));
	buf_release(&b);
}

static void a_foreign_file_is_refused(void)
{
	static const char other[] = "<plist version=\"1.0\"><dict/></plist>";
	struct err e = ERR_INIT;
	bool ok = true;

	CU_ASSERT_NOT_EQUAL(filevault_check(other, sizeof(other) - 1, "x", &ok, &e), 0);
	CU_ASSERT_TRUE(ok);
	CU_ASSERT_NOT_EQUAL(filevault_check("junk", 4, "x", &ok, &e), 0);
}

/* What ten users of a million rounds each would take is not waited for. */
static void many_rounds_are_refused(void)
{
	static const char user[] =
		"<dict><key>Salt</key><data>AAAA</data><key>Verifier</key><data>"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=</data>"
		"<key>Iterations</key><integer>1000000</integer></dict>";
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	bool ok = false;

	ASSERT_OK(buf_printf(&b, &e, "<plist version=\"1.0\"><dict><key>CryptoUsers</key><array>"),
		  &e);
	for (int i = 0; i < 10; i++)
		ASSERT_OK(buf_printf(&b, &e, "%s", user), &e);
	ASSERT_OK(buf_printf(&b, &e, "</array></dict></plist>"), &e);
	ASSERT_FAILS(filevault_check(b.data, b.len, "x", &ok, &e), E_CORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "more than 2000000 iterations"));
	buf_release(&b);
}

TEST_MAIN("filevault", {"the right passphrase unlocks", the_right_passphrase_unlocks},
	  {"a foreign file is refused", a_foreign_file_is_refused},
	  {"many rounds are refused", many_rounds_are_refused})
