/* SPDX-License-Identifier: MIT */
/* Who signed, and which content it is, by signatures of `kextlab kext sign`. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/kext/identity.h"
#include "sim/formats/kext/signer.h"

static char path[1024];

static bool copy_fixture(void)
{
	const char *from = test_source("build/fixtures/ExampleFilter-1.0.kext");

	snprintf(path, sizeof(path), "%s/Filter.kext", test_tmpdir());
	if (!fsio_exists(from) || !fsio_exists(test_source("build/kextlab"))) {
		test_skip("needs build/fixtures and build/kextlab");
		return false;
	}
	CU_ASSERT_EQUAL_FATAL(test_shell("rm -rf '%s' && cp -R '%s' '%s'", path, from, path),
			      0);
	return true;
}

static void sign(const char *identity)
{
	CU_ASSERT_EQUAL(test_shell("'%s' kext sign --identity %s '%s' > /dev/null",
				   test_source("build/kextlab"), identity, path),
			0);
}

static struct kext_signer signer(void)
{
	struct kext_signer s = {.apple = false};
	struct err e = ERR_INIT;
	struct kext *k;

	ASSERT_OK(kext_open(path, &k, &e), &e);
	ASSERT_OK(kext_signer(k, NULL, time(NULL), &s, &e), &e);
	kext_free(k);
	return s;
}

static void team_and_developer(void)
{
	struct kext_signer s;

	if (!copy_fixture())
		return;
	sign("developer-id-kext");
	s = signer();
	CU_ASSERT_EQUAL(strlen(s.team), 10);
	CU_ASSERT_FALSE(s.apple);
	CU_ASSERT_STRING_NOT_EQUAL(s.developer, "com.example.filter");
	CU_ASSERT_PTR_NULL(strstr(s.developer, "Developer ID"));
	CU_ASSERT_PTR_NULL(strstr(s.developer, s.team));
	/* One who says nothing of himself, and one whose word is broken. */
	sign("adhoc");
	s = signer();
	CU_ASSERT_STRING_EQUAL(s.team, "");
	CU_ASSERT_STRING_EQUAL(s.developer, "com.example.filter");
	sign("developer-id-kext");
	CU_ASSERT_EQUAL(test_shell("echo x >> '%s/Contents/Info.plist'", path), 0);
	s = signer();
	CU_ASSERT_STRING_EQUAL(s.team, "");
}

static void identity_is_the_cdhash(void)
{
	char plain[KEXT_IDENTITY_MAX], one[KEXT_IDENTITY_MAX], two[KEXT_IDENTITY_MAX];
	struct err e = ERR_INIT;

	if (!copy_fixture())
		return;
	sign("developer-id-kext");
	ASSERT_OK(kext_identity(path, one, &e), &e);
	CU_ASSERT_EQUAL(test_shell("'%s' kext signature '%s' | grep -q 'CDHash=%s'",
				   test_source("build/kextlab"), path, one),
			0);
	/* What it does not seal any more is no other kext; on a Mac neither. */
	CU_ASSERT_EQUAL(test_shell("echo x >> '%s/Contents/Info.plist'", path), 0);
	ASSERT_OK(kext_identity(path, two, &e), &e);
	CU_ASSERT_STRING_EQUAL(one, two);
	sign("adhoc");
	ASSERT_OK(kext_identity(path, plain, &e), &e);
	CU_ASSERT_STRING_NOT_EQUAL(one, plain);
}

TEST_MAIN("kext signer", {"team and developer", team_and_developer},
	  {"the identity is the cdhash", identity_is_the_cdhash})
