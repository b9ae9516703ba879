/* SPDX-License-Identifier: MIT */
/* Signing and verifying bundles; each changed byte is refused with Apple's code. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/base/tree_copy.h"
#include "sim/formats/codesign/test/kit.h"

#define EXE	  "Contents/MacOS/Kit"
#define INFO	  "Contents/Info.plist"
#define RESOURCES "Contents/_CodeSignature/CodeResources"
#define META	  "Contents/_CodeSignature/"

static const char *signed_bundle(enum kit_slices slices, const char *identity)
{
	const char *path = kit_bundle("Kit", slices);

	kit_sign(path, identity);
	return path;
}

/* The main slice's signature, from the file. */
static void with_signature(const char *bundle, void (*use)(const struct cs_super *s))
{
	struct buf b = BUF_INIT;
	struct cs_images all;
	struct cs_super s;
	struct err e = ERR_INIT;

	ASSERT_OK(fsio_read(kit_path(bundle, EXE), 1u << 24, &b, &e), &e);
	ASSERT_OK(cs_images_open(buf_span(&b), &all, &e), &e);
	ASSERT_OK(cs_super_open(cs_image_signature(cs_images_main(&all)),
				CS_MAGIC_EMBEDDED, &s, &e),
		  &e);
	use(&s);
	buf_release(&b);
}

/* Offset in the file of part @slot of the main slice's signature. */
static size_t offset_of(const char *bundle, uint32_t slot, size_t in_part)
{
	struct buf b = BUF_INIT;
	struct cs_images all;
	struct cs_super s;
	struct err e = ERR_INIT;
	size_t off;

	ASSERT_OK(fsio_read(kit_path(bundle, EXE), 1u << 24, &b, &e), &e);
	ASSERT_OK(cs_images_open(buf_span(&b), &all, &e), &e);
	ASSERT_OK(cs_super_open(cs_image_signature(cs_images_main(&all)),
				CS_MAGIC_EMBEDDED, &s, &e),
		  &e);
	off = (size_t)(cs_super_find(&s, slot).p - b.data) + in_part;
	buf_release(&b);
	return off;
}

/* ---- who signed ---- */

static void identities_are_judged(void)
{
	static const struct {
		const char *identity, *requirement;
		int status;
		const char *team;
	} rows[] = {
		{"developer-id-kext", NULL, CS_OK, "KXLAB00001"},
		{"developer-id-kext", KIT_KEXT_REQUIREMENT, CS_OK, "KXLAB00001"},
		{"developer-id-kext", "anchor apple", CS_REQ_FAILED, "KXLAB00001"},
		{"developer-id", NULL, CS_OK, "KXLAB00001"},
		{"developer-id", KIT_KEXT_REQUIREMENT, CS_REQ_FAILED, "KXLAB00001"},
		{"expired", NULL, CS_TP_CERT_EXPIRED, "KXLAB00001"},
		{"other-ca", NULL, CS_OK, ""},
		{"other-ca", KIT_KEXT_REQUIREMENT, CS_REQ_FAILED, ""},
		{"apple", "anchor apple", CS_OK, ""},
		{"apple", KIT_KEXT_REQUIREMENT, CS_REQ_FAILED, ""},
		{"adhoc", NULL, CS_OK, ""},
		{"adhoc", KIT_KEXT_REQUIREMENT, CS_REQ_FAILED, ""},
	};
	static const enum kit_slices kinds[] = {KIT_NONE, KIT_THIN, KIT_FAT};

	for (size_t k = 0; k < 3; k++)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct codesign_result r = {.status = CS_OK};
			const char *path = signed_bundle(kinds[k], rows[i].identity);

			CU_ASSERT_EQUAL(kit_verify(path, rows[i].requirement, &r),
					rows[i].status);
			CU_ASSERT_STRING_EQUAL(r.team, rows[i].team);
			CU_ASSERT_STRING_EQUAL(r.ident, "com.example.Kit");
			CU_ASSERT_EQUAL(r.adhoc, !strcmp(rows[i].identity, "adhoc"));
			codesign_result_release(&r);
		}
}

static void what_is_told(void)
{
	struct codesign_result r = {.status = CS_OK};
	const char *path = signed_bundle(KIT_FAT, "developer-id-kext");

	CU_ASSERT_EQUAL(kit_verify(path, NULL, &r), CS_OK);
	CU_ASSERT_STRING_EQUAL(r.format, "bundle with Mach-O universal (x86_64 i386)");
	CU_ASSERT_EQUAL_FATAL(r.n_authorities, 3);
	CU_ASSERT_STRING_EQUAL(r.authority[1],
			       "kextlab Developer ID Certification Authority");
	CU_ASSERT_EQUAL(r.timestamp, SIGNING_BUILD_TIME);
	CU_ASSERT_EQUAL(r.signing_time, SIGNING_BUILD_TIME);
	/* No system version in the file: codesign then serves old systems, too. */
	CU_ASSERT_EQUAL(r.n_cdhashes, 2);
	CU_ASSERT_STRING_EQUAL(r.hash->name, "sha256");
	CU_ASSERT_STRING_EQUAL(
		r.requirement,
		"identifier \"com.example.Kit\" and anchor apple generic and certificate "
		"1[field.1.2.840.113635.100.6.2.6] /* exists */ and certificate "
		"leaf[field.1.2.840.113635.100.6.1.13] /* exists */ and certificate "
		"leaf[subject.OU] = KXLAB00001");
	codesign_result_release(&r);
}

static void not_signed(void)
{
	struct codesign_result r = {.status = CS_OK};

	CU_ASSERT_EQUAL(kit_verify(kit_bundle("Kit", KIT_THIN), NULL, &r), CS_UNSIGNED);
	CU_ASSERT_FALSE(r.is_signed);
	codesign_result_release(&r);
	CU_ASSERT_EQUAL(kit_verify(kit_bundle("Kit", KIT_NONE), NULL, NULL), CS_UNSIGNED);
	CU_ASSERT_EQUAL(kit_verify("/nowhere.kext", NULL, NULL), CS_STATIC_CODE_NOT_FOUND);
	CU_ASSERT_EQUAL(kit_verify("/proc", NULL, NULL), CS_BAD_BUNDLE_FORMAT);
}

/* ---- changed bytes ---- */

static void bytes_of_the_executable(void)
{
	static const size_t offs[] = {4, 40, 1024, 4095, 4096, 9000, 12000};

	for (size_t i = 0; i < sizeof(offs) / sizeof(offs[0]); i++) {
		const char *path = signed_bundle(KIT_THIN, "developer-id-kext");

		kit_flip(path, EXE, offs[i]);
		CU_ASSERT_EQUAL(kit_verify(path, NULL, NULL), CS_SIGNATURE_FAILED);
	}
}

static void bytes_of_another_slice(void)
{
	const char *path = signed_bundle(KIT_FAT, "developer-id-kext");
	struct codesign_result r = {.status = CS_OK};
	struct buf b = BUF_INIT;
	struct cs_images all;
	struct err e = ERR_INIT;
	size_t off;

	ASSERT_OK(fsio_read(kit_path(path, EXE), 1u << 24, &b, &e), &e);
	ASSERT_OK(cs_images_open(buf_span(&b), &all, &e), &e);
	CU_ASSERT_EQUAL_FATAL(all.n, 2);
	off = all.item[1].off + 5000;
	buf_release(&b);
	kit_flip(path, EXE, off);
	CU_ASSERT_EQUAL(kit_verify(path, NULL, &r), CS_SIGNATURE_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.why, "page 1 of i386"));
	codesign_result_release(&r);
}

static void bytes_of_the_signature(void)
{
	static const struct {
		uint32_t slot;
		size_t off;
		int status;
	} rows[] = {
		/* A code directory is what was signed: any byte of it. */
		{CS_SLOT_CODEDIRECTORY, 12, CS_SIGNATURE_FAILED}, /* flags */
		{CS_SLOT_CODEDIRECTORY, 60, CS_SIGNATURE_FAILED},
		{CS_SLOT_CODEDIRECTORY, 8, CS_SIGNATURE_UNSUPPORTED}, /* version */
		{CS_SLOT_ALTERNATE, 60, CS_SIGNATURE_FAILED},
		{CS_SLOT_REQUIREMENTS, 30, CS_SIGNATURE_FAILED},
		{CS_SLOT_SIGNATURE, 40, CS_SIGNATURE_FAILED},
		{CS_SLOT_SIGNATURE, 3000, CS_SIGNATURE_FAILED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *path = signed_bundle(KIT_THIN, "developer-id-kext");

		kit_flip(path, EXE, offset_of(path, rows[i].slot, rows[i].off));
		CU_ASSERT_EQUAL(kit_verify(path, NULL, NULL), rows[i].status);
	}
}

static struct buf cms_bytes;
static void keep_cms(const struct cs_super *s)
{
	struct span cms = cs_blob_payload(cs_super_find(s, CS_SLOT_SIGNATURE));
	struct err e = ERR_INIT;

	buf_clear(&cms_bytes);
	ASSERT_OK(buf_append(&cms_bytes, cms.p, cms.len, &e), &e);
}

/* Copies of the root are for who has it not; a verifier takes its own. */
static bool in_root(size_t off)
{
	const struct span root = kit_root();
	const uint8_t *p = cms_bytes.data, *end = cms_bytes.data + cms_bytes.len;

	while ((p = memmem(p, (size_t)(end - p), root.p, root.len))) {
		size_t at = (size_t)(p - cms_bytes.data);

		if (off >= at && off < at + root.len)
			return true;
		p += root.len;
	}
	return false;
}

/*
 * Whatever byte of the CMS message, the time stamp included, never is it valid. But the
 * stamp is not signed by the signer: who changes its name has no stamp.
 */
static void no_byte_of_the_cms_is_free(void)
{
	const char *path = signed_bundle(KIT_THIN, "developer-id-kext");
	size_t off = offset_of(path, CS_SLOT_SIGNATURE, 8), tried = 0;

	with_signature(path, keep_cms);
	for (size_t i = 0; i < cms_bytes.len; i += 37) {
		if (in_root(i))
			continue;
		kit_flip(path, EXE, off + i);
		struct codesign_result r = {.status = CS_OK};
		if (kit_verify(path, KIT_KEXT_REQUIREMENT, &r) == CS_OK && r.timestamp) {
			printf("byte %zu of the CMS may be any\n", i);
			CU_FAIL("a free byte");
		}
		codesign_result_release(&r);
		kit_flip(path, EXE, off + i);
		tried++;
	}
	CU_ASSERT_TRUE(tried > 80);
	CU_ASSERT_EQUAL(kit_verify(path, KIT_KEXT_REQUIREMENT, NULL), CS_OK);
	buf_release(&cms_bytes);
}

static void bytes_of_files(void)
{
	static const struct {
		const char *rel;
		int status;
	} rows[] = {
		{INFO, CS_INFO_PLIST_FAILED},
		{RESOURCES, CS_RESOURCE_DIRECTORY_FAILED},
		{"Contents/Resources/a.txt", CS_BAD_RESOURCE},
		{"Contents/Resources/en.lproj/b.txt", CS_BAD_RESOURCE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *path = signed_bundle(KIT_THIN, "developer-id-kext");

		/* Within the text, so that Info.plist still names the executable. */
		kit_flip(path, rows[i].rel, kit_size(path, rows[i].rel) - 1);
		CU_ASSERT_EQUAL(kit_verify(path, NULL, NULL), rows[i].status);
	}
}

static void bytes_without_executable(void)
{
	static const struct {
		const char *rel;
		size_t off;
		int status;
	} rows[] = {
		{META "CodeDirectory", 50, CS_SIGNATURE_FAILED},
		{META "CodeRequirements", 20, CS_SIGNATURE_FAILED},
		{META "CodeRequirements-1", 50, CS_SIGNATURE_FAILED},
		{META "CodeSignature", 20, CS_SIGNATURE_FAILED},
		{META "CodeSignature", 500, CS_TP_NOT_TRUSTED}, /* in a certificate */
		{META "CodeResources", 300, CS_RESOURCE_DIRECTORY_FAILED},
		{INFO, 100, CS_INFO_PLIST_FAILED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *path = signed_bundle(KIT_NONE, "developer-id-kext");

		kit_flip(path, rows[i].rel, rows[i].off);
		CU_ASSERT_EQUAL(kit_verify(path, NULL, NULL), rows[i].status);
	}
}

/* ---- files that come and go ---- */

static void expect_problem(const char *path, enum cs_problem_kind kind, const char *rel)
{
	struct codesign_result r = {.status = CS_OK};

	CU_ASSERT_EQUAL(kit_verify(path, NULL, &r), CS_BAD_RESOURCE);
	CU_ASSERT_EQUAL_FATAL(r.problems.n, 1);
	CU_ASSERT_EQUAL(r.problems.item[0].kind, kind);
	CU_ASSERT_STRING_EQUAL(r.problems.item[0].rel, rel);
	codesign_result_release(&r);
}

static void files_added_and_removed(void)
{
	const char *path = signed_bundle(KIT_THIN, "developer-id-kext");

	unlink(kit_path(path, "Contents/Resources/a.txt"));
	unlink(kit_path(path, "Contents/Resources/l"));
	kit_write(path, "Contents/Resources/l", "");
	unlink(kit_path(path, "Contents/Resources/l"));
	CU_ASSERT_EQUAL(symlink("a.txt", kit_path(path, "Contents/Resources/l")), 0);
	/* The link leads nowhere now, which is a second fault. */
	CU_ASSERT_EQUAL(kit_verify(path, NULL, NULL), CS_INVALID_SYMLINK);
	path = signed_bundle(KIT_THIN, "developer-id-kext");
	kit_write(path, "Contents/Resources/new.txt", "new");
	expect_problem(path, CS_ADDED, "Resources/new.txt");
	path = signed_bundle(KIT_THIN, "developer-id-kext");
	unlink(kit_path(path, "Contents/Resources/l"));
	expect_problem(path, CS_MISSING, "Resources/l");
	path = signed_bundle(KIT_THIN, "developer-id-kext");
	unlink(kit_path(path, "Contents/Resources/l"));
	CU_ASSERT_EQUAL(symlink("b.txt", kit_path(path, "Contents/Resources/l")), 0);
	expect_problem(path, CS_ALTERED, "Resources/l");
	/* A localization may go, and be none the worse. */
	path = signed_bundle(KIT_THIN, "developer-id-kext");
	unlink(kit_path(path, "Contents/Resources/en.lproj/b.txt"));
	CU_ASSERT_EQUAL(kit_verify(path, NULL, NULL), CS_OK);
	/* What the Finder leaves is not looked at. */
	kit_write(path, "Contents/Resources/.DS_Store", "x");
	CU_ASSERT_EQUAL(kit_verify(path, NULL, NULL), CS_OK);
}

static void links_out_of_the_bundle(void)
{
	const char *path = kit_bundle("Kit", KIT_THIN);

	CU_ASSERT_EQUAL(symlink("../../../x", kit_path(path, "Contents/Resources/out")),
			0);
	kit_sign(path, "developer-id-kext");
	CU_ASSERT_EQUAL(kit_verify(path, NULL, NULL), CS_INVALID_SYMLINK);
}

static void strangers_in_the_bundle(void)
{
	const char *path = signed_bundle(KIT_THIN, "developer-id-kext");

	kit_write(path, "stray", "x");
	CU_ASSERT_EQUAL(kit_verify(path, NULL, NULL), CS_UNSEALED_APP_ROOT);
	path = signed_bundle(KIT_THIN, "developer-id-kext");
	kit_write(path, META "CodeDirectory", "x");
	CU_ASSERT_EQUAL(kit_verify(path, NULL, NULL), CS_UNSEALED_APP_ROOT);
	path = signed_bundle(KIT_THIN, "developer-id-kext");
	unlink(kit_path(path, RESOURCES));
	CU_ASSERT_EQUAL(kit_verify(path, NULL, NULL), CS_RESOURCE_DIRECTORY_FAILED);
}

static void bytes_behind_the_signature(void)
{
	const char *path = signed_bundle(KIT_THIN, "developer-id-kext");
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	ASSERT_OK(fsio_read(kit_path(path, EXE), 1u << 24, &b, &e), &e);
	ASSERT_OK(buf_append(&b, "more", 4, &e), &e);
	ASSERT_OK(fsio_write_atomic(kit_path(path, EXE), b.data, b.len, 0755, &e), &e);
	CU_ASSERT_EQUAL(kit_verify(path, NULL, NULL), CS_BAD_MAIN_EXECUTABLE);
	buf_release(&b);
}

/* A kext whose executable is gone is one without code, which was not signed. */
static void an_executable_that_is_gone(void)
{
	const char *path = signed_bundle(KIT_THIN, "developer-id-kext");

	unlink(kit_path(path, EXE));
	CU_ASSERT_EQUAL(kit_verify(path, NULL, NULL), CS_UNSIGNED);
	path = signed_bundle(KIT_THIN, "developer-id-kext");
	kit_write(path, EXE, "#!/bin/sh\n");
	CU_ASSERT_EQUAL(kit_verify(path, NULL, NULL), CS_BAD_OBJECT_FORMAT);
}

/* ---- signing ---- */

static void the_same_bytes_each_time(void)
{
	const char *a = signed_bundle(KIT_FAT, "developer-id-kext");
	const char *b = signed_bundle(KIT_FAT, "developer-id-kext");

	CU_ASSERT_EQUAL(test_shell("diff -r --no-dereference '%s' '%s'", a, b), 0);
	/* Signing again replaces, and leaves nothing of the other. */
	kit_sign(b, "adhoc");
	kit_sign(b, "apple");
	kit_sign(b, "developer-id-kext");
	CU_ASSERT_EQUAL(test_shell("diff -r --no-dereference '%s' '%s'", a, b), 0);
}

static void new_systems_need_no_sha1(void)
{
	const char *path = kit_bundle("Kit", KIT_THIN);
	struct codesign_result r = {.status = CS_OK};
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	kit_macho(&b, true, 10u << 16 | 15u << 8);
	ASSERT_OK(fsio_write_atomic(kit_path(path, EXE), b.data, b.len, 0755, &e), &e);
	kit_sign(path, "developer-id-kext");
	CU_ASSERT_EQUAL(kit_verify(path, KIT_KEXT_REQUIREMENT, &r), CS_OK);
	CU_ASSERT_EQUAL(r.n_cdhashes, 1);
	CU_ASSERT_EQUAL(
		test_shell("grep -q '<key>hash2</key>' '%s'", kit_path(path, RESOURCES)),
		0);
	codesign_result_release(&r);
	buf_release(&b);
}

static void nested_code(void)
{
	const char *outer = kit_bundle("Kit", KIT_THIN), *inner;
	struct codesign_result r = {.status = CS_OK};
	char plugin[PATH_MAX];
	struct err e = ERR_INIT;

	inner = kit_bundle("Plug", KIT_NONE);
	ASSERT_OK(fsio_mkdirs(kit_path(outer, "Contents/PlugIns"), 0755, &e), &e);
	snprintf(plugin, sizeof(plugin), "%s", kit_path(outer, "Contents/PlugIns/P.kext"));
	ASSERT_OK(tree_copy(inner, plugin, NULL, &e), &e);
	kit_sign(outer, "developer-id-kext");
	CU_ASSERT_EQUAL(kit_verify(outer, NULL, NULL), CS_OK);
	CU_ASSERT_EQUAL(kit_verify(plugin, KIT_KEXT_REQUIREMENT, NULL), CS_OK);
	/* Broken, it is the plug-in's fault that counts ... */
	kit_flip(plugin, INFO, 100);
	CU_ASSERT_EQUAL(kit_verify(outer, NULL, &r), CS_INFO_PLIST_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.why, "PlugIns/P.kext"));
	codesign_result_release(&r);
	kit_flip(plugin, INFO, 100);
	/* ... and signed by somebody else it is another plug-in. */
	kit_sign(plugin, "other-ca");
	CU_ASSERT_EQUAL(kit_verify(outer, NULL, NULL), CS_BAD_NESTED_CODE);
}

static void no_room_for_a_signature(void)
{
	const char *path = kit_bundle("Kit", KIT_THIN);
	struct signing_identity id = *signing_identity_by_name("adhoc");
	const struct signing_how how = {.time = 1};
	struct err e = ERR_INIT;

	/* Contents from 0xb0 on, right behind two segments. */
	struct buf b = BUF_INIT;
	kit_macho(&b, true, 0);
	put_le64(b.data + 32 + 40, 32 + 2 * 72);
	ASSERT_OK(fsio_write_atomic(kit_path(path, EXE), b.data, b.len, 0755, &e), &e);
	ASSERT_FAILS(signing_sign(kit_authority(), &id, path, &how, &e), E_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "no room"));
	buf_release(&b);
}

/* An expired certificate is a failure if the code says so, or who asks. */
static void expiry_without_a_time_stamp(void)
{
	const char *path = kit_bundle("Kit", KIT_THIN);
	struct cs_anchors anchors = {.n = 0};
	struct cs_signer signer = {.key = NULL};
	struct codesign_spec s = {.anchors = &anchors, .time = SIGNING_BUILD_TIME};
	struct codesign_check how = {.anchors = &anchors, .now = SIGNING_BUILD_TIME};
	struct codesign_result r = {.status = CS_OK};
	struct err e = ERR_INIT;

	ASSERT_OK(signing_anchors(kit_authority(), &anchors, &e), &e);
	ASSERT_OK(signing_signer(kit_authority(), SIGNING_EXPIRED, &signer, &e), &e);
	s.signer = &signer;
	ASSERT_OK(codesign_sign(path, &s, &e), &e);
	ASSERT_OK(codesign_verify(path, &how, &r, &e), &e);
	CU_ASSERT_EQUAL(r.status, CS_OK);
	CU_ASSERT_TRUE(r.expired);
	codesign_result_release(&r);
	how.consider_expiration = true;
	ASSERT_OK(codesign_verify(path, &how, &r, &e), &e);
	CU_ASSERT_EQUAL(r.status, CS_TP_CERT_EXPIRED);
	codesign_result_release(&r);
	how.consider_expiration = false;
	s.flags = CS_FLAG_FORCE_EXPIRED;
	ASSERT_OK(codesign_sign(path, &s, &e), &e);
	ASSERT_OK(codesign_verify(path, &how, &r, &e), &e);
	CU_ASSERT_EQUAL(r.status, CS_TP_CERT_EXPIRED);
	codesign_result_release(&r);
	cs_signer_release(&signer);
	cs_anchors_release(&anchors);
}

/* ---- judges ---- */

static char cms_file[PATH_MAX], cd_file[PATH_MAX], root_file[PATH_MAX];

static void extract(const struct cs_super *s)
{
	struct span cms = cs_blob_payload(cs_super_find(s, CS_SLOT_SIGNATURE));
	struct span cd = cs_super_find(s, CS_SLOT_CODEDIRECTORY);
	const struct span root = kit_root();
	struct err e = ERR_INIT;

	snprintf(cms_file, sizeof(cms_file), "%s/s.cms", test_tmpdir());
	snprintf(cd_file, sizeof(cd_file), "%s/s.cd", test_tmpdir());
	snprintf(root_file, sizeof(root_file), "%s/root.der", test_tmpdir());
	ASSERT_OK(fsio_write_atomic(cms_file, cms.p, cms.len, 0644, &e), &e);
	ASSERT_OK(fsio_write_atomic(cd_file, cd.p, cd.len, 0644, &e), &e);
	ASSERT_OK(fsio_write_atomic(root_file, root.p, root.len, 0644, &e), &e);
}

#define OPENSSL_CMS                                                                      \
	"openssl cms -verify -binary -inform DER -in '%s' -content '%s' -CAfile '%s.pem' "   \
	"-purpose any -ignore_critical -attime %d -out /dev/null 2>/dev/null"

static void openssl_agrees(void)
{
	const char *path = signed_bundle(KIT_THIN, "developer-id-kext");

	if (test_shell("command -v openssl >/dev/null"))
		TEST_SKIP("no openssl");
	with_signature(path, extract);
	CU_ASSERT_EQUAL(test_shell("openssl x509 -inform DER -in '%s' -out '%s.pem'",
				   root_file, root_file),
			0);
	CU_ASSERT_EQUAL(test_shell(OPENSSL_CMS, cms_file, cd_file, root_file,
				   SIGNING_BUILD_TIME),
			0);
	/* It looks at what was signed. */
	CU_ASSERT_NOT_EQUAL(test_shell(OPENSSL_CMS, cms_file, root_file, root_file,
				       SIGNING_BUILD_TIME),
			    0);
	CU_ASSERT_EQUAL(test_shell("openssl asn1parse -inform DER -in '%s' | grep -q "
				   "'1.2.840.113635.100.9.2'",
				   cms_file),
			0);
	/* The CDHashes attribute is a property list that anybody reads. */
	CU_ASSERT_EQUAL(test_shell("openssl cms -cmsout -print -inform DER -in '%s' | "
				   "grep -q 'signingTime'",
				   cms_file),
			0);
}

static void llvm_agrees(void)
{
	const char *path = signed_bundle(KIT_FAT, "developer-id-kext");

	if (test_shell("command -v llvm-objdump >/dev/null"))
		TEST_SKIP("no llvm-objdump");
	CU_ASSERT_EQUAL(test_shell("llvm-objdump --macho --arch all --private-headers '%s' "
				   "| grep -c LC_CODE_SIGNATURE | grep -qx 2",
				   kit_path(path, EXE)),
			0);
	CU_ASSERT_EQUAL(test_shell("llvm-readobj --macho-segment '%s' >/dev/null",
				   kit_path(path, EXE)),
			0);
	CU_ASSERT_EQUAL(test_shell("plistutil -i '%s' >/dev/null",
				   kit_path(path, RESOURCES)),
			0);
}

/* sha1sum and sha256sum of the parts are what the code directories say. */
static void coreutils_agree(void)
{
	const char *path = signed_bundle(KIT_THIN, "adhoc");
	char sum[65] = "", hex[2 * CS_CDHASH_LEN + 1], cmd[2 * PATH_MAX];
	struct codesign_result r = {.status = CS_OK};
	FILE *f;

	with_signature(path, extract);
	CU_ASSERT_EQUAL(kit_verify(path, NULL, &r), CS_OK);
	snprintf(cmd, sizeof(cmd), "sha1sum < '%s'", cd_file);
	f = popen(cmd, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fscanf(f, "%64s", sum), 1);
	pclose(f);
	hex_text(r.cdhashes[0], CS_CDHASH_LEN, hex);
	CU_ASSERT_STRING_EQUAL(sum, hex);
	codesign_result_release(&r);
}

/* Headers that lie, and where they do. */
static void lies_have_an_offset(void)
{
	static const struct {
		uint8_t bytes[24];
		size_t len;
		const char *want;
	} rows[] = {
		{{0xfa, 0xde, 0x0c, 0xc0}, 4, "ends at offset 0x4, inside its header"},
		{{0xfa, 0xde, 0x0c, 0xc1, 0, 0, 0, 12}, 12, "offset 0: a blob of magic"},
		{{0xfa, 0xde, 0x0c, 0xc0, 0, 0, 1, 0}, 12, "offset 4: blob 0xfade0cc0 has a "
							   "length of 256 bytes"},
		{{0xfa, 0xde, 0x0c, 0xc0, 0, 0, 0, 12, 0, 0, 0, 9},
		 12,
		 "offset 8: 9 entries in a super blob of 12 bytes"},
		{{0xfa, 0xde, 0x0c, 0xc0, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 99},
		 20,
		 "entry 0 at offset 0x63 lies outside"},
	};
	struct cs_super s;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ASSERT_FAILS(cs_super_open((struct span){rows[i].bytes, rows[i].len},
					   CS_MAGIC_EMBEDDED, &s, &e),
			     E_CORRUPT);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, rows[i].want));
	}
}

static void check_cms_refused(struct span der, const char *want)
{
	static const uint8_t empty[] = {0xfa, 0xde, 0x0c, 0x02, 0, 0, 0, 8};
	struct cs_codedirs all = {.n = 1};
	struct cs_anchors anchors = {.n = 0};
	struct cs_cms_result r;
	struct err e = ERR_INIT;
	int status;

	all.dir[0] = (struct cs_codedir){.whole = {empty, sizeof(empty)},
					 .hash = cs_hash_by_type(CS_HASH_SHA256),
					 .hash_type = CS_HASH_SHA256};
	ASSERT_OK(cs_cms_verify(der, &all, &anchors, 1, &r, &status, &e), &e);
	CU_ASSERT_EQUAL(status, CS_SIGNATURE_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, want));
	cs_cms_result_release(&r);
}

/* The seed of the fuzzer, whose first byte is not the message's. */
static void a_cms_names_the_element_that_does_not_fit(void)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	uint8_t *der;
	size_t len;

	ASSERT_OK(fsio_read(test_source("sim/formats/codesign/test/seeds/cms"), 1u << 16, &b,
			    &e),
		  &e);
	der = b.data + 1;
	len = b.len - 1;
	check_cms_refused((struct span){der, len - 1},
			  "no CMS signature: offset 0: not a DER element that fits");
	der[5] = 0x7f; /* the length of its first element, the type of the content */
	check_cms_refused((struct span){der, len}, "no CMS signature");
	der[5] = 0x84;
	check_cms_refused((struct span){der, len}, "no CMS signature: offset 4: not a DER");
	buf_release(&b);
}

/* They are in the signature, sealed by it, and what a requirement asks about. */
static void entitlements(void)
{
	static const char text[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
				   "<plist version=\"1.0\"><dict>"
				   "<key>com.example.may</key><true/></dict></plist>\n";
	static const char may[] = "entitlement[\"com.example.may\"] exists";
	static const char not_may[] = "entitlement[\"com.example.other\"] exists";
	const struct signing_how how = {
		.time = SIGNING_BUILD_TIME,
		.entitlements = {(const uint8_t *)text, sizeof(text) - 1},
	};
	const char *path = kit_bundle("Kit", KIT_THIN);
	struct buf exe = BUF_INIT;
	struct err e = ERR_INIT;
	const uint8_t *at;

	kit_sign(path, "developer-id-kext");
	CU_ASSERT_EQUAL(kit_verify(path, may, NULL), CS_REQ_FAILED);
	ASSERT_OK(signing_sign(kit_authority(),
			       signing_identity_by_name("developer-id-kext"), path, &how,
			       &e),
		  &e);
	CU_ASSERT_EQUAL(kit_verify(path, may, NULL), CS_OK);
	CU_ASSERT_EQUAL(kit_verify(path, not_may, NULL), CS_REQ_FAILED);
	ASSERT_OK(fsio_read(kit_path(path, EXE), 1 << 20, &exe, &e), &e);
	at = memmem(exe.data, exe.len, "com.example.may", 15);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	kit_flip(path, EXE, (size_t)(at - exe.data));
	CU_ASSERT_NOT_EQUAL(kit_verify(path, NULL, NULL), CS_OK);
	buf_release(&exe);
}

TEST_MAIN("codesign", {"identities are judged", identities_are_judged},
	  {"entitlements", entitlements},
	  {"what a signature says", what_is_told}, {"not signed", not_signed},
	  {"bytes of the executable", bytes_of_the_executable},
	  {"lies have an offset", lies_have_an_offset},
	  {"a CMS names the element that does not fit",
	   a_cms_names_the_element_that_does_not_fit},
	  {"bytes of another slice", bytes_of_another_slice},
	  {"bytes of the signature", bytes_of_the_signature},
	  {"no byte of the CMS is free", no_byte_of_the_cms_is_free},
	  {"bytes of files", bytes_of_files},
	  {"bytes without executable", bytes_without_executable},
	  {"files added and removed", files_added_and_removed},
	  {"links out of the bundle", links_out_of_the_bundle},
	  {"strangers in the bundle", strangers_in_the_bundle},
	  {"bytes behind the signature", bytes_behind_the_signature},
	  {"an executable that is gone", an_executable_that_is_gone},
	  {"the same bytes each time", the_same_bytes_each_time},
	  {"new systems need no SHA-1", new_systems_need_no_sha1},
	  {"nested code", nested_code}, {"no room for a signature", no_room_for_a_signature},
	  {"expiry without a time stamp", expiry_without_a_time_stamp},
	  {"openssl agrees", openssl_agrees}, {"llvm agrees", llvm_agrees},
	  {"coreutils agree", coreutils_agree})
