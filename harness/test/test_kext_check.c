/* SPDX-License-Identifier: MIT */
/* kextlab kext check: the fixtures, each with what must be said of it. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>

#include "harness/kext_check.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/macho/test/darwin_cc.h"
#include "sim/platform/signing/authority.h"

static const struct row {
	const char *fixture, *repository;
	const char *why;       /* NULL: it goes in */
	enum kext_fault fault; /* one of the findings; KEXT_F_COUNT: there is none */
	const char *message;   /* one of the messages; NULL: there is none */
	const char *links;     /* of the last in the list */
} rows[] = {
	{"ExampleFilter-2.0", NULL, NULL, KEXT_F_COUNT, NULL, "com.example.filter"},
	{"ExampleHelper-1.0", NULL, "it is missing dependencies", KEXT_F_DEP_UNAVAILABLE,
	 "dependency 'com.example.lib' not found.", NULL},
	{"ExampleHelper-1.0", "ExampleLib-1.0", NULL, KEXT_F_COUNT, NULL,
	 "com.example.helper"},
	{"ExampleHelper-1.0", "ExampleLib-2.0", "it is missing dependencies",
	 KEXT_F_DEP_INCOMPATIBLE, "no compatible dependency found for com.example.lib.",
	 NULL},
	{"ExampleFilter-1.0", "ExampleExcludeList-1.0", "it is in the exclude list",
	 KEXT_F_COUNT, "Kext rejected due to presence on exclude list: ", NULL},
	{"unsigned/ExampleFilter-2.0", NULL, "it does not authenticate",
	 KEXT_F_WARN_NOT_SIGNED, "Kext rejected due to invalid signature: ", NULL},
	{"broken/ExampleFilter-2.0", NULL, "it does not authenticate", KEXT_F_COUNT,
	 "Kext rejected due to invalid signature: ", NULL},
	{"ExampleUnresolved-1.0", NULL, "it does not link", KEXT_F_COUNT,
	 "_example_symbol_of_no_kernel", NULL},
	{"ExampleI386-1.0", NULL, "it has no code for x86_64", KEXT_F_WARN_ARCH,
	 "Kext rejected due to invalid signature: ", NULL},
	{"ExampleTruncated-1.0", NULL, "it is not valid", KEXT_F_EXECUTABLE_BAD,
	 "is invalid; can't resolve dependencies.", NULL},
	{"ExampleCodeless-1.0", NULL, NULL, KEXT_F_WARN_PERSONALITY_ID, NULL,
	 "com.example.codeless"},
};

static const char *fixture(const char *name)
{
	static char path[2][1024];
	static unsigned turn;
	char *p = path[turn++ % 2];

	snprintf(p, sizeof(path[0]), "%s/%s.kext", test_source("build/fixtures"), name);
	return p;
}

static struct cs_anchors anchors;

static void load_anchors(void)
{
	struct signing_authority a = {.store = {.n = 0}};
	struct err e = ERR_INIT;

	ASSERT_OK(signing_authority_load(test_source(SIGNING_KEYS_DIR), &a, &e), &e);
	ASSERT_OK(signing_anchors(&a, &anchors, &e), &e);
	signing_authority_release(&a);
}

static struct kext_check_request request(const char *name)
{
	return (struct kext_check_request){
		.source_dir = test_source("."),
		.build_dir = test_source("build"),
		.bundle = fixture(name),
		.release = release_by_name("10.15.1"),
		.sip = true,
		.anchors = &anchors,
	};
}

static bool have_fixtures(void)
{
	if (fsio_exists(fixture("ExampleExcludeList-1.0")))
		return true;
	test_skip("needs build/fixtures");
	return false;
}

static void judge(const struct row *row, struct kext_check *c)
{
	CU_ASSERT_STRING_EQUAL(buf_str(&c->why), row->why ? row->why : "");
	if (row->fault != KEXT_F_COUNT)
		CU_ASSERT_TRUE(kext_diag_has(&c->kext->diags, row->fault));
	CU_ASSERT_TRUE(row->message ? strstr(buf_str(&c->messages), row->message) != NULL
				    : !c->messages.len);
	if (row->links)
		CU_ASSERT_STRING_EQUAL(c->result.list.item[c->result.list.n - 1]->id,
				       row->links);
	CU_ASSERT_EQUAL(c->result.linked, !row->why);
}

static void fixtures_are_judged(void)
{
	if (!have_fixtures())
		return;
	load_anchors();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kext_check_request rq = request(rows[i].fixture);
		struct err e = ERR_INIT;
		struct kext_check c;

		if (rows[i].repository)
			rq.folder[rq.n_folders++] = fixture(rows[i].repository);
		ASSERT_OK(kext_check(&rq, &c, &e), &e);
		judge(&rows[i], &c);
		kext_check_release(&c);
	}
	cs_anchors_release(&anchors);
}

/* Whom authentication saw is whom approval sees, who looks for himself. */
static void check_signer(struct kext_check *c)
{
	struct err e = ERR_INIT;
	struct kext_signer s;

	ASSERT_OK(kext_signer(c->kext, &anchors, time(NULL), &s, &e), &e);
	CU_ASSERT_STRING_EQUAL(c->signer.team, s.team);
	CU_ASSERT_STRING_EQUAL(c->signer.developer, s.developer);
	CU_ASSERT_EQUAL(c->signer.apple, s.apple);
	CU_ASSERT_EQUAL(strlen(s.team), 10);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&c->when), s.developer));
}

static void conditions_and_places(void)
{
	struct buf path = BUF_INIT;
	struct kext_check_request rq;
	struct err e = ERR_INIT;
	struct kext_check c;

	if (!have_fixtures())
		return;
	load_anchors();
	rq = request("ExampleOnDemand-1.0");
	ASSERT_OK(kext_check(&rq, &c, &e), &e);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&c.when), "once it was loaded"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&c.when), "once the user has allowed"));
	check_signer(&c);
	ASSERT_OK(kext_check_place(&c, c.kext, &path, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&path),
			       "/Library/StagedExtensions/Library/Extensions/"
			       "ExampleOnDemand-1.0.kext");
	buf_release(&path);
	ASSERT_OK(kext_check_place(&c, c.result.list.item[0], &path, &e), &e);
	CU_ASSERT_EQUAL(
		strncmp(buf_str(&path), "/System/Library/Extensions/System.kext/", 39),
		0);
	buf_release(&path);
	kext_check_release(&c);
	rq.sip = false;
	rq.permissions = true;
	ASSERT_OK(kext_check(&rq, &c, &e), &e);
	CU_ASSERT_PTR_NULL(strstr(buf_str(&c.when), "allowed"));
	kext_check_release(&c);
	rq.release = release_by_name("11.0.1");
	ASSERT_FAILS(kext_check(&rq, &c, &e), E_UNSUPPORTED);
	kext_check_release(&c);
	rq = request("None-1.0");
	ASSERT_FAILS(kext_check(&rq, &c, &e), E_NOTFOUND);
	kext_check_release(&c);
	cs_anchors_release(&anchors);
}

/*
 * A kext that asks for IOHIDFamily by its other name, IOHIDSystem: that has no code, so
 * what it needs is linked against directly.
 */
static void a_name_for_another_family(void)
{
	static const char info[] =
		"<plist><dict><key>CFBundleIdentifier</key><string>com.example.hid</"
		"string>"
		"<key>CFBundleVersion</key><string>1.0</string>"
		"<key>CFBundlePackageType</key><string>KEXT</string>"
		"<key>CFBundleExecutable</key><string>Hid</string>"
		"<key>OSBundleLibraries</key><dict>"
		"<key>com.apple.iokit.IOHIDSystem</key><string>1.1</string>"
		"<key>com.apple.kpi.libkern</key><string>19</string></dict></dict></"
		"plist>";
	struct kext_check_request rq = request("");
	struct kext_check c;
	struct buf exe = BUF_INIT;
	struct err e = ERR_INIT;
	char bundle[1024], path[1100];

	if (!darwin_cc_works() || !have_fixtures())
		TEST_SKIP("no clang for Darwin, or fixtures are not built");
	snprintf(bundle, sizeof(bundle), "%s/Hid.kext", test_tmpdir());
	snprintf(path, sizeof(path), "%s/Contents/MacOS", bundle);
	ASSERT_OK(fsio_mkdirs(path, 0755, &e), &e);
	darwin_kext("s",
		    ".data\n.globl _kmod_info\n.p2align 3\n_kmod_info: .space 196\n"
		    ".p2align 3\n.quad __ZN11IOHIDDevice10gMetaClassE\n",
		    "", &exe);
	snprintf(path, sizeof(path), "%s/Contents/MacOS/Hid", bundle);
	ASSERT_OK(fsio_write_atomic(path, exe.data, exe.len, 0755, &e), &e);
	snprintf(path, sizeof(path), "%s/Contents/Info.plist", bundle);
	ASSERT_OK(fsio_write_atomic(path, info, strlen(info), 0644, &e), &e);
	rq.bundle = bundle;
	rq.sip = false;
	ASSERT_OK(kext_check(&rq, &c, &e), &e);
	CU_ASSERT_EQUAL(c.why.len, 0);
	if (c.why.len)
		test_note(__FILE__, __LINE__, buf_str(&c.messages), &e);
	kext_check_release(&c);
	buf_release(&exe);
}

TEST_MAIN("kext check", {"fixtures are judged", fixtures_are_judged},
	  {"conditions and places", conditions_and_places},
	  {"a name for another family", a_name_for_another_family})
