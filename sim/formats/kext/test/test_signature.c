/* SPDX-License-Identifier: MIT */
/* Authentication by signature: who has to have signed, in which order it is asked, what SIP
 * changes. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/test.h"
#include "sim/formats/codesign/test/kit.h"
#include "sim/formats/kext/auth.h"

static char said[4096];

static void hear(void *arg, enum clog_level level, const char *text)
{
	size_t n = strlen(said);

	(void)arg;
	(void)level;
	snprintf(said + n, sizeof(said) - n, "%s\n", text);
}

static const struct component_log log_all = {.line = hear, .max = CLOG_DEBUG};

/* Is the bundle authentic? What was said is in @said. */
static bool authentic(const char *bundle, bool check_filesystem, bool sip_off)
{
	struct cs_anchors anchors = {.n = 0};
	struct kext_signing signing = {.anchors = &anchors,
				       .now = SIGNING_BUILD_TIME,
				       .untrusted_allowed = sip_off};
	struct kext_auth auth = {.check_filesystem = check_filesystem,
				 .log = &log_all,
				 .signing = &signing};
	struct kext *k = NULL;
	struct err e = ERR_INIT;
	bool ok;

	said[0] = 0;
	ASSERT_OK(signing_anchors(kit_authority(), &anchors, &e), &e);
	ASSERT_OK(kext_open(bundle, &k, &e), &e);
	ok = kext_authenticate(k, &auth);
	kext_free(k);
	cs_anchors_release(&anchors);
	return ok;
}

static const char *signed_as(const char *identity)
{
	const char *path = kit_bundle("Kit", KIT_THIN);

	kit_sign(path, identity);
	return path;
}

static void set_id(const char *bundle, const char *id, const char *type)
{
	char info[512];

	snprintf(info, sizeof(info),
		 "<plist version=\"1.0\"><dict><key>CFBundleIdentifier</key>"
		 "<string>%s</string><key>CFBundleExecutable</key><string>Kit</string>"
		 "<key>CFBundlePackageType</key><string>%s</string></dict></plist>\n",
		 id, type);
	kit_write(bundle, "Contents/Info.plist", info);
}

static void who_may_sign(void)
{
	static const struct {
		const char *id, *type, *identity;
		bool ok;
	} rows[] = {
		{"com.example.x", "KEXT", "developer-id-kext", true},
		{"com.example.x", "KEXT", "developer-id", false},
		{"com.example.x", "KEXT", "apple", false},
		{"com.example.x", "KEXT", "other-ca", false},
		{"com.example.x", "KEXT", "expired", false},
		{"com.example.x", "KEXT", "adhoc", false},
		{"com.apple.x", "KEXT", "apple", true},
		{"com.apple.x", "KEXT", "developer-id-kext", false},
		{"com.applejack.x", "KEXT", "developer-id-kext", true},
		/* Driver extensions want an entitlement, which nobody here has. */
		{"com.example.x", "DEXT", "developer-id-kext", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *path = kit_bundle("Kit", KIT_THIN);

		set_id(path, rows[i].id, rows[i].type);
		kit_sign(path, rows[i].identity);
		CU_ASSERT_EQUAL(authentic(path, false, false), rows[i].ok);
		CU_ASSERT_EQUAL(!*said, rows[i].ok);
	}
}

static void refused_in_apples_words(void)
{
	CU_ASSERT_FALSE(authentic(kit_bundle("Kit", KIT_THIN), false, false));
	CU_ASSERT_PTR_EQUAL(strstr(said, "Untrusted kexts are not allowed\n"), said);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "\nKext rejected due to invalid signature: <OSKext "));
}

static void allowed_with_sip_off(void)
{
	CU_ASSERT_TRUE(authentic(kit_bundle("Kit", KIT_THIN), false, true));
	CU_ASSERT_PTR_EQUAL(
		strstr(said, "Kext with invalid signature (-67062) allowed: <OSKext "),
		said);
	CU_ASSERT_TRUE(authentic(signed_as("expired"), false, true));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "(-2147409654) allowed"));
	/* A good one is not worth a word. */
	CU_ASSERT_TRUE(authentic(signed_as("developer-id-kext"), false, true));
	CU_ASSERT_STRING_EQUAL(said, "");
}

/* Permissions come before the signature, which is then not looked at. */
static void permissions_come_first(void)
{
	const char *path = kit_bundle("Kit", KIT_THIN);

	if (geteuid() != 0)
		TEST_SKIP("needs root");
	CU_ASSERT_EQUAL(chmod(kit_path(path, "Contents/Info.plist"), 0666), 0);
	CU_ASSERT_FALSE(authentic(path, true, false));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "improper filesystem permissions"));
	CU_ASSERT_PTR_NULL(strstr(said, "signature"));
}

TEST_MAIN("kext signatures", {"who may sign", who_may_sign},
	  {"refused in Apple's words", refused_in_apples_words},
	  {"allowed with SIP off", allowed_with_sip_off},
	  {"permissions come first", permissions_come_first})
