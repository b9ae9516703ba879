/* SPDX-License-Identifier: MIT */
/* Bundles, validation, authentication, scanning. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/kext/auth.h"
#include "sim/formats/kext/set.h"
#include "sim/formats/kext/version.h"
#include "sim/formats/macho/raw.h"

#define S(k, v)  "<key>" k "</key><string>" v "</string>"
#define PLIST(b) "<plist version=\"1.0\"><dict>" b "</dict></plist>"
#define TYPE     S("CFBundlePackageType", "KEXT")
#define ID       S("CFBundleIdentifier", "org.kextlab.t")
#define VERSION  S("CFBundleVersion", "1.0")
#define BASE     TYPE ID VERSION
#define LIBS                                                                           \
	"<key>OSBundleLibraries</key><dict>" S("com.apple.kpi.bsd", "8.0") "</dict>"
#define NAME_64  "123456789.123456789.123456789.123456789.123456789.123456789.1234"

#define VALID  KEXT_F_COUNT
#define NOTHING (KEXT_F_COUNT + 1) /* invalid, and no diagnostic says why */

/* One row: the property list, and the fault that makes it invalid, or VALID. */
static const struct {
	const char *info;
	int fault;
} validity[] = {
	{PLIST(BASE), VALID},
	{PLIST(ID VERSION), KEXT_F_MISSING_PROPERTY},
	{PLIST("<key>CFBundlePackageType</key><true/>" ID VERSION), KEXT_F_ILLEGAL_TYPE},
	{PLIST(S("CFBundlePackageType", "") ID VERSION), KEXT_F_ILLEGAL_VALUE},
	{PLIST(TYPE VERSION), KEXT_F_MISSING_PROPERTY},
	{PLIST(TYPE S("CFBundleIdentifier", "") VERSION), KEXT_F_ILLEGAL_VALUE},
	{PLIST(TYPE S("CFBundleIdentifier", NAME_64) VERSION), KEXT_F_TOO_LONG},
	{PLIST(TYPE ID), KEXT_F_MISSING_PROPERTY},
	{PLIST(TYPE ID S("CFBundleVersion", "one")), KEXT_F_ILLEGAL_VALUE},
	{PLIST(TYPE ID S("CFBundleVersion", "1.0                 ")),
	 KEXT_F_ILLEGAL_VALUE},
	{PLIST(TYPE ID "<key>CFBundleVersion</key><integer>1</integer>"),
	 KEXT_F_ILLEGAL_TYPE},
	{PLIST(BASE S("OSBundleCompatibleVersion", "1.0")), VALID},
	{PLIST(BASE S("OSBundleCompatibleVersion", "1.0.1")), KEXT_F_COMPATIBLE_LATER},
	{PLIST(BASE S("OSBundleCompatibleVersion", "x")), NOTHING},
	{PLIST(BASE S("OSBundleIsInterface", "yes")), KEXT_F_ILLEGAL_TYPE},
	{PLIST(BASE S("OSKernelResource", "yes")), KEXT_F_ILLEGAL_TYPE},
	{PLIST(BASE "<key>OSKernelResource</key><true/>" LIBS), KEXT_F_SYSTEM_PROPERTY},
	{PLIST(BASE S("CFBundleExecutable", "") LIBS), KEXT_F_ILLEGAL_VALUE},
	{PLIST(BASE S("CFBundleExecutable", "x") LIBS), KEXT_F_EXECUTABLE_MISSING},
	{PLIST(BASE S("CFBundleExecutable", "x")), KEXT_F_MISSING_PROPERTY},
	{PLIST(BASE S("CFBundleExecutable", "x") "<key>OSBundleLibraries</key><dict/>"),
	 KEXT_F_MISSING_PROPERTY},
	{PLIST(BASE S("OSBundleRequired", "Root")), VALID},
	{PLIST(BASE S("OSBundleRequired", "Rooot")), VALID}, /* recorded, not invalid */
	{PLIST(BASE S("OSBundleRequired", "DriverKit")), KEXT_F_DRIVERKIT_VALUE},
	{PLIST(BASE "<key>OSBundleRequired</key><true/>"), KEXT_F_ILLEGAL_TYPE},
	{PLIST(BASE S("OSBundleAllowUserLoad", "x")), KEXT_F_ILLEGAL_TYPE},
	{PLIST(BASE "<key>OSBundleLibraries</key><array/>"), KEXT_F_ILLEGAL_TYPE},
	{PLIST(BASE "<key>OSBundleLibraries</key><dict>" S("a", "b") "</dict>"),
	 KEXT_F_ILLEGAL_VALUE},
	{PLIST(BASE "<key>OSBundleLibraries</key><string/>"
		    "<key>OSBundleLibraries_x86_64</key><dict>" S("a", "1") "</dict>"),
	 VALID},
	{PLIST(BASE "<key>IOKitPersonalities</key><dict><key>P</key><true/></dict>"),
	 KEXT_F_ILLEGAL_TYPE},
	{PLIST(BASE "<key>IOKitPersonalities</key><dict><key>P</key><dict>" S(
		 "IOClass", "C") "</dict></dict>"),
	 KEXT_F_MISSING_PROPERTY},
	{PLIST(BASE
	       "<key>IOKitPersonalities</key><dict><key>P</key><dict>" S("IOClass", "C")
		       S("IOProviderClass",
			 "D") "<key>IOKitDebug</key><real>1.5</real></dict></dict>"),
	 KEXT_F_ILLEGAL_TYPE},
	{PLIST(BASE
	       "<key>IOKitPersonalities</key><dict><key>P</key><dict>" S("IOClass", "C")
		       S("IOProviderClass",
			 "D") "<key>IOProbeScore</key><string>7</string></dict></dict>"),
	 VALID},
	{PLIST(S("CFBundlePackageType", "APPL") ID VERSION), VALID},
	{PLIST(S("CFBundlePackageType", "APPL") ID VERSION S("CFBundleExecutable", "x")
		       LIBS),
	 KEXT_F_ILLEGAL_VALUE},
};

static struct kext *from_text(const char *info)
{
	struct err e = ERR_INIT;
	struct kext *k = NULL;

	ASSERT_OK(kext_from_info("/t/T.kext", info, strlen(info), &k, &e), &e);
	return k;
}

static void validation_table(void)
{
	for (size_t i = 0; i < sizeof(validity) / sizeof(validity[0]); i++) {
		struct kext *k = from_text(validity[i].info);
		bool ok = kext_validate(k);

		if (ok != (validity[i].fault == VALID))
			printf("# case %zu: %s\n", i, validity[i].info);
		CU_ASSERT_EQUAL(ok, validity[i].fault == VALID);
		if (validity[i].fault < KEXT_F_COUNT) {
			if (!kext_diag_has(&k->diags, validity[i].fault))
				printf("# case %zu has not: %s\n", i,
				       kext_fault_text(validity[i].fault));
			CU_ASSERT_TRUE(kext_diag_has(&k->diags, validity[i].fault));
		}
		kext_free(k);
	}
}

#define PERSONALITY(b)                                                                   \
	"<key>IOKitPersonalities</key><dict><key>P</key><dict>" b "</dict></dict>"
#define RESOURCES S("IOProviderClass", "IOResources")
#define DEXT	  S("CFBundlePackageType", "DEXT") ID VERSION S("CFBundleExecutable", "x")

/* What is said of a personality, and of keys that are for kexts only. */
static const struct {
	const char *info;
	enum kext_fault fault;
	bool said, valid;
} remarks[] = {
	{PLIST(BASE PERSONALITY(S("IOClass", "C") RESOURCES)), KEXT_F_WARN_PERSONALITY_ID,
	 true, true},
	{PLIST(BASE PERSONALITY(S("IOClass", "C") RESOURCES)), KEXT_F_WARN_OTHER_ID, false,
	 true},
	{PLIST(BASE PERSONALITY(S("IOClass", "C") RESOURCES ID)),
	 KEXT_F_WARN_PERSONALITY_ID, false, true},
	{PLIST(BASE PERSONALITY(S("IOClass", "C") RESOURCES ID)), KEXT_F_WARN_OTHER_ID,
	 false, true},
	{PLIST(BASE PERSONALITY(S("IOClass", "C")
					RESOURCES S("CFBundleIdentifier", "o.ther"))),
	 KEXT_F_WARN_OTHER_ID, true, true},
	/* A category that is not there is not warned of, whatever the text says. */
	{PLIST(BASE PERSONALITY(S("IOClass", "C") RESOURCES)), KEXT_F_WARN_IORESOURCES,
	 false, true},
	{PLIST(BASE PERSONALITY(S("IOClass", "C") RESOURCES S("IOMatchCategory", "C"))),
	 KEXT_F_WARN_IORESOURCES, false, true},
	{PLIST(BASE PERSONALITY(S("IOClass", "C") RESOURCES S("IOMatchCategory", "D"))),
	 KEXT_F_WARN_IORESOURCES, true, true},
	{PLIST(BASE PERSONALITY(S("IOClass", "C") S("IOProviderClass", "IOMedia")
					S("IOMatchCategory", "D"))),
	 KEXT_F_WARN_IORESOURCES, false, true},
	{PLIST(BASE PERSONALITY(S("IOClass", "C")
					RESOURCES "<key>IOMatchCategory</key><true/>")),
	 KEXT_F_ILLEGAL_TYPE, true, false},
	{PLIST(DEXT), KEXT_F_DEXT_NO_KERNEL_ID, false, true},
	{PLIST(DEXT PERSONALITY(S("IOClass", "C") RESOURCES)), KEXT_F_DEXT_NO_KERNEL_ID,
	 true, false},
	{PLIST(DEXT PERSONALITY(S("IOClass", "C") RESOURCES S("CFBundleIdentifierKernel",
							      "com.apple.kpi.iokit"))),
	 KEXT_F_DEXT_NO_KERNEL_ID, false, true},
	{PLIST(DEXT "<key>OSBundleIsInterface</key><false/>"), KEXT_F_DEXT_KEY_INTERFACE,
	 true, false},
	{PLIST(DEXT "<key>AppleSecurityExtension</key><true/>"), KEXT_F_DEXT_KEY_SECURITY,
	 true, false},
	{PLIST(BASE "<key>AppleSecurityExtension</key><true/>"), KEXT_F_DEXT_KEY_SECURITY,
	 false, true},
	{PLIST(DEXT S("OSBundleRequired", "Root")), KEXT_F_DEXT_THIRD_PARTY, true, false},
	{PLIST(BASE S("OSBundleRequired", "Rooot")), KEXT_F_ILLEGAL_VALUE, true, true},
	{PLIST(BASE "<key>OSBundleDebugLevel</key><integer>1</integer>"),
	 KEXT_F_WARN_DEPRECATED, true, true},
	{PLIST(BASE "<key>OSKernelResource</key><true/>"
		    "<key>OSBundleIsInterface</key><false/>"),
	 KEXT_F_WARN_NOT_INTERFACE, true, true},
	{PLIST(BASE LIBS), KEXT_F_WARN_CODELESS_LIBRARIES, true, true},
	{PLIST(BASE S("OSBundleCompatibleVersion", "1.0") LIBS),
	 KEXT_F_WARN_CODELESS_LIBRARIES, false, true},
	{PLIST(BASE "<key>OSBundleLibraries</key><dict>" S("com.apple.kpi.bsd", "8.0")
		       S("com.apple.kernel.bsd", "8.0") "</dict>"),
	 KEXT_F_WARN_KERNEL_AND_KPI, true, true},
};

static void remarks_table(void)
{
	for (size_t i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++) {
		struct kext *k = from_text(remarks[i].info);
		bool ok = kext_validate(k),
		     said = kext_diag_has(&k->diags, remarks[i].fault);

		if (ok != remarks[i].valid || said != remarks[i].said)
			printf("# case %zu: %s\n", i, remarks[i].info);
		CU_ASSERT_EQUAL(ok, remarks[i].valid);
		CU_ASSERT_EQUAL(said, remarks[i].said);
		kext_free(k);
	}
}

static void diagnostics_read_like_kextutils(void)
{
	struct kext *k = from_text(PLIST(TYPE ID S("CFBundleVersion", "x")
					 "<key>OSBundleRequired</key><true/>"));
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CU_ASSERT_FALSE(kext_validate(k));
	ASSERT_OK(kext_diag_print(&k->diags, &b, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&b),
			       "Validation Failures:\n"
			       "    Info dictionary property value is of illegal type\n"
			       "        OSBundleRequired - should be <string>\n"
			       "    Info dictionary property value is illegal\n"
			       "        CFBundleVersion\n");
	buf_release(&b);
	kext_free(k);
}

/* A bundle below the test's folder; @exe NULL: codeless. */
static const char *make_bundle(const char *name, const char *info, const void *exe,
			       size_t len)
{
	static char path[512];
	char file[1024];
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "%s/%s", test_tmpdir(), name);
	snprintf(file, sizeof(file), "%s/Contents/MacOS", path);
	ASSERT_OK(fsio_mkdirs(file, 0755, &e), &e);
	snprintf(file, sizeof(file), "%s/Contents/Info.plist", path);
	ASSERT_OK(fsio_write_atomic(file, info, strlen(info), 0644, &e), &e);
	if (exe) {
		snprintf(file, sizeof(file), "%s/Contents/MacOS/x", path);
		ASSERT_OK(fsio_write_atomic(file, exe, len, 0755, &e), &e);
	}
	return path;
}

static void executables(void)
{
	static const char info[] = PLIST(BASE S("CFBundleExecutable", "x") LIBS);
	struct macho_header_raw h = {.magic = to_le32(MACHO_MAGIC_64),
				     .cputype = to_le32(CPU_TYPE_X86_64),
				     .filetype = to_le32(MH_KEXT_BUNDLE)};
	struct err e = ERR_INIT;
	struct kext *k = NULL;

	/* A Mach-O without kmod_info. */
	ASSERT_OK(kext_open(make_bundle("A.kext", info, &h, sizeof(h)), &k, &e), &e);
	CU_ASSERT_EQUAL(kext_arch(k), KEXT_ARCH_YES);
	CU_ASSERT_FALSE(kext_validate(k));
	CU_ASSERT_TRUE(kext_diag_has(&k->diags, KEXT_F_EXECUTABLE_BAD));
	kext_free(k);
	/* For another processor: valid, but not for us. */
	h.cputype = to_le32(0x0100000c);
	ASSERT_OK(kext_open(make_bundle("B.kext", info, &h, sizeof(h)), &k, &e), &e);
	CU_ASSERT_EQUAL(kext_arch(k), KEXT_ARCH_NO);
	CU_ASSERT_TRUE(kext_validate(k));
	CU_ASSERT_TRUE(kext_diag_has(&k->diags, KEXT_F_WARN_ARCH));
	kext_free(k);
	/* 32 bits. */
	h.magic = to_le32(MACHO_MAGIC_32);
	h.cputype = to_le32(CPU_TYPE_I386);
	ASSERT_OK(kext_open(make_bundle("C.kext", info, &h, sizeof(h)), &k, &e), &e);
	CU_ASSERT_NOT_EQUAL(kext_arch(k), KEXT_ARCH_YES);
	kext_free(k);
	/* A script. */
	ASSERT_OK(kext_open(make_bundle("D.kext", info, "#!/bin/sh\n", 10), &k, &e), &e);
	CU_ASSERT_NOT_EQUAL(kext_arch(k), KEXT_ARCH_YES);
	kext_free(k);
	ASSERT_FAILS(kext_open("/nonexistent/X.kext", &k, &e), E_NOTFOUND);
	CU_ASSERT_STRING_EQUAL(e.msg, "/nonexistent/X.kext has no Info.plist file.");
}

static void executable_stays_inside(void)
{
	struct kext *k = from_text(
		PLIST(BASE S("CFBundleExecutable", "../../../etc/passwd") LIBS));
	struct err e = ERR_INIT;
	char path[64];

	ASSERT_FAILS(kext_executable_path(k, path, sizeof(path), &e), E_CORRUPT);
	CU_ASSERT_FALSE(kext_validate(k));
	kext_free(k);
}

static void owner_and_permissions(void)
{
	const char *path = make_bundle("P.kext", PLIST(BASE), NULL, 0);
	char file[1024];
	struct err e = ERR_INIT;
	struct kext *k = NULL;

	if (geteuid() != 0)
		TEST_SKIP("needs root");
	snprintf(file, sizeof(file), "%s/Contents/.DS_Store", path);
	ASSERT_OK(fsio_write_atomic(file, "", 0, 0666, &e), &e);
	snprintf(file, sizeof(file), "%s/Contents/PlugIns", path);
	ASSERT_OK(fsio_mkdirs(file, 0755, &e), &e);
	snprintf(file, sizeof(file), "%s/Contents/PlugIns/other", path);
	ASSERT_OK(fsio_write_atomic(file, "", 0, 0644, &e), &e);
	CU_ASSERT_EQUAL(chown(file, 501, 20), 0);
	ASSERT_OK(kext_open(path, &k, &e), &e);
	CU_ASSERT_TRUE(kext_check_filesystem(k));
	snprintf(file, sizeof(file), "%s/Contents/Info.plist", path);
	CU_ASSERT_EQUAL(chmod(file, 0664), 0);
	CU_ASSERT_FALSE(kext_check_filesystem(k));
	CU_ASSERT_TRUE(kext_diag_has(&k->diags, KEXT_F_PERMISSIONS));
	CU_ASSERT_EQUAL(chmod(file, 0644), 0);
	CU_ASSERT_TRUE(kext_check_filesystem(k));
	CU_ASSERT_EQUAL(chown(path, 0, 20), 0);
	CU_ASSERT_FALSE(kext_check_filesystem(k));
	CU_ASSERT_EQUAL(chown(path, 0, 0), 0);
	kext_free(k);
}

static void take_line(void *arg, enum clog_level level, const char *text)
{
	(void)level;
	snprintf(arg, 1024, "%s", text);
}

static void rejection_names_the_kext(void)
{
	char line[1024] = "";
	struct component_log log = {.line = take_line, .arg = line, .max = CLOG_ERROR};
	struct kext_auth auth = {.check_filesystem = true, .log = &log};
	struct err e = ERR_INIT;
	struct kext *k = NULL;
	const char *path = make_bundle("With Space.kext", PLIST(BASE), NULL, 0);

	CU_ASSERT_EQUAL(chmod(path, 0777), 0);
	ASSERT_OK(kext_open(path, &k, &e), &e);
	CU_ASSERT_FALSE(kext_authenticate(k, &auth));
	CU_ASSERT_PTR_NOT_NULL(strstr(line, "Kext rejected due to improper filesystem "
					    "permissions: <OSKext 0x"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(line, "/With%20Space.kext/\", ID = \"org.kextlab.t\" }"));
	kext_free(k);
}

static void exclude_list_syntax(void)
{
	static const struct {
		const char *spec, *version;
		bool hit;
	} rows[] = {
		{"1.0", "1.0", true},         {"1.0", "1.0.1", false},
		{"1.0, 2.0", "2.0", true},    {"LE 1.5", "1.5", true},
		{"LE 1.5", "1.6", false},     {"LT 1.5", "1.5", false},
		{"LT 1.5", "1.4.9", true},    {"2.0 thru 3.1.4", "3.1.4", true},
		{"2.0 thru 3.1.4", "3.2", false},
		{"LE 1.5.0, 2.0.0 thru 3.1.4, 4.2.2", "4.2.2", true},
		{"1.0, LE 5.0", "3.0", false}, /* only in front */
		{" LE 5.0", "3.0", false},     /* at the very front */
		{"LE5.0", "3.0", true},
		{"LE 5.0", "5.0", true},
		{"1. 5", "1.5", true}, /* white space counts nowhere */
		{"2.0thru3.1", "2.5", true},
		{"LE 2.0 thru 3.1", "1.0", false}, /* a range is a range */
		{"LE 2.0 thru 3.1", "3.0", true},
		{"x thru 3.1", "1.0", true}, /* what does not parse is below all */
		{"2.0 thru 2.1 thru 9.0", "5.0", false},
		{", 1.0", "1.0", true},
		{"1.0000000000000000000000000000000, 2.0", "2.0", false}, /* too long */
		{"", "1.0", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(kext_exclude_matches(rows[i].spec,
						     kext_version_parse(rows[i].version)),
				rows[i].hit);
}

static void excluded_by_the_list(void)
{
	struct kext *holder = from_text(PLIST(
		TYPE S("CFBundleIdentifier", "com.apple.driver.KextExcludeList") VERSION
		"<key>OSKextExcludeList</key><dict>" S("org.kextlab.t",
						       "LE 1.0") "</dict>"));
	struct kext *k = from_text(PLIST(BASE));
	struct kext *pair[] = {holder, k};
	struct kext_set all = {.item = pair, .n = 2};

	CU_ASSERT_TRUE(kext_is_excluded(k, &all));
	CU_ASSERT_FALSE(kext_is_excluded(holder, &all));
	k->version = kext_version_parse("1.1");
	CU_ASSERT_FALSE(kext_is_excluded(k, &all));
	kext_free(holder);
	kext_free(k);
}

static void scanning_goes_one_level_into_plugins(void)
{
	struct kext_set s = {.owns = true};
	struct err e = ERR_INIT;
	char dir[512];

	make_bundle("repo/B.kext", PLIST(BASE), NULL, 0);
	make_bundle("repo/B.kext/Contents/PlugIns/P.kext", PLIST(TYPE VERSION
		    S("CFBundleIdentifier", "org.kextlab.plug")), NULL, 0);
	make_bundle("repo/B.kext/Contents/PlugIns/P.kext/Contents/PlugIns/Q.kext",
		    PLIST(BASE), NULL, 0);
	make_bundle("repo/A.kext", PLIST(BASE), NULL, 0);
	make_bundle("repo/folder/C.kext", PLIST(BASE), NULL, 0);
	make_bundle("repo/broken.kext", "no list", NULL, 0);
	snprintf(dir, sizeof(dir), "%s/repo/", test_tmpdir());
	ASSERT_OK(kext_set_scan(&s, dir, NULL, &e), &e);
	ASSERT_OK(kext_set_scan(&s, dir, NULL, &e), &e);
	ASSERT_OK(kext_set_scan(&s, "/nonexistent", NULL, &e), &e);
	CU_ASSERT_EQUAL_FATAL(s.n, 3);
	CU_ASSERT_PTR_NOT_NULL(strstr(s.item[0]->path, "/A.kext"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(s.item[2]->path, "/B.kext/Contents/PlugIns/P.kext"));
	kext_set_release(&s);
}

static void newest_stays(void)
{
	static const char *const versions[] = {"1.0", "2.0", "2.0.0", "1.5", "junk"};
	struct kext_set chosen = {0}, all = {.owns = true};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < 5; i++) {
		char info[512];
		struct kext *k;

		snprintf(info, sizeof(info), PLIST(TYPE ID S("CFBundleVersion", "%s")),
			 versions[i]);
		k = from_text(info);
		ASSERT_OK(kext_set_add(&all, k, &e), &e);
		ASSERT_OK(kext_set_add_newest(&chosen, k, NULL, &e), &e);
	}
	CU_ASSERT_EQUAL_FATAL(chosen.n, 1);
	CU_ASSERT_STRING_EQUAL(chosen.item[0]->version_string, "2.0");
	kext_set_release(&chosen);
	kext_set_release(&all);
}

TEST_MAIN("kext", {"validation table", validation_table},
	  {"remarks table", remarks_table},
	  {"diagnostics read like kextutil's", diagnostics_read_like_kextutils},
	  {"executables", executables},
	  {"executable stays inside", executable_stays_inside},
	  {"owner and permissions", owner_and_permissions},
	  {"rejection names the kext", rejection_names_the_kext},
	  {"exclude list syntax", exclude_list_syntax},
	  {"excluded by the list", excluded_by_the_list},
	  {"scanning goes one level into PlugIns", scanning_goes_one_level_into_plugins},
	  {"newest stays", newest_stays})
