/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/bootcaches.h"
#include "sim/platform/paths.h"

#define PLIST(body) "<plist version=\"1.0\"><dict>" body "</dict></plist>"
#define POST(body)  "<key>PostBootPaths</key><dict>" body "</dict>"
#define V15_BODY                                                                         \
	"<key>ExtensionsDir</key><array><string>/Library/Extensions</string>"            \
	"<string>/System/Library/Extensions</string></array>"                            \
	"<key>Path</key><string>/Library/Apple/plk</string>"                             \
	"<key>ReadOnlyPath</key><string>/System/plk</string>"                            \
	"<key>KernelPath</key><string>/System/kernel</string>"                           \
	"<key>Archs</key><array><string>x86_64</string></array>"                         \
	"<key>Preferred Compression</key><string>lzvn</string>"
#define V15 "<key>Kernelcache v1.5</key><dict>" V15_BODY "</dict>"

static int parse(const char *text, struct bootcaches *b, struct err *e)
{
	return bootcaches_parse("/", text, strlen(text), b, e);
}

static void reads_catalina(void)
{
	struct bootcaches b = {0};
	struct err e = ERR_INIT;
	char path[64];

	ASSERT_OK(parse(PLIST(POST(V15) "<key>BooterPaths</key><dict><key>EFIBooter</key>"
					"<string>/boot.efi</string></dict>"),
			&b, &e),
		  &e);
	CU_ASSERT_EQUAL(b.kind, BOOTCACHES_KERNELCACHE);
	CU_ASSERT_EQUAL(b.minor, 5);
	CU_ASSERT_EQUAL(b.n_ext_dirs, 2);
	CU_ASSERT_STRING_EQUAL(b.ext_dir[1], "/System/Library/Extensions");
	CU_ASSERT_STRING_EQUAL(b.path, "/Library/Apple/plk");
	CU_ASSERT_STRING_EQUAL(b.read_only_path, "/System/plk");
	CU_ASSERT_STRING_EQUAL(b.booter, "/boot.efi");
	CU_ASSERT_TRUE(b.lzvn);
	ASSERT_OK(bootcaches_full_path(&b, b.path, path, sizeof(path), &e), &e);
	CU_ASSERT_STRING_EQUAL(path, "/Library/Apple/plk");
	bootcaches_release(&b);
}

static void one_string_before_v13(void)
{
	struct bootcaches b = {0};
	struct err e = ERR_INIT;

	ASSERT_OK(parse(PLIST(POST("<key>Kernelcache v1.1</key><dict>"
				   "<key>ExtensionsDir</key><string>/E</string>"
				   "<key>Path</key><string>/p</string>"
				   "<key>KernelPath</key><string>/mach_kernel</string></"
				   "dict>")),
			&b, &e),
		  &e);
	CU_ASSERT_EQUAL(b.n_ext_dirs, 1);
	CU_ASSERT_PTR_NULL(b.read_only_path);
	CU_ASSERT_FALSE(b.lzvn);
	bootcaches_release(&b);
}

static void refuses_what_it_does_not_know(void)
{
	static const char *const bad[] = {
		"junk",
		"<plist version=\"1.0\"><array/></plist>",
		PLIST("<key>New</key><dict/>"),
		PLIST(POST(V15 "<key>MKext</key><dict>" V15_BODY "</dict>")),
		PLIST(POST("<key>Kernelcache v1.6</key><dict>" V15_BODY "</dict>")),
		PLIST(POST("<key>Kernelcache v1.5</key><string>x</string>")),
		PLIST(POST("<key>Kernelcache v1.5</key><dict><key>Path</key>"
			   "<string>/p</string></dict>")),
		PLIST(POST(
			"<key>EncryptedRoot</key><dict><key>X</key><true/></dict>" V15)),
		PLIST("<key>BooterPaths</key><dict><key>EFIBooter</key><true/></dict>"),
	};
	struct bootcaches b = {0};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ASSERT_FAILS(parse(bad[i], &b, &e), E_CORRUPT);
		CU_ASSERT_STRING_EQUAL(
			e.msg, "/: unrecognized /usr/standalone/bootcaches.plist");
	}
}

static void owner_and_mode_count(void)
{
	static const char text[] = PLIST(POST(V15));
	char root[256], path[512], want[1024];
	struct bootcaches b = {0};
	struct err e = ERR_INIT;

	snprintf(root, sizeof(root), "%s/vol", test_tmpdir());
	snprintf(path, sizeof(path), "%s/usr/standalone", root);
	ASSERT_OK(fsio_mkdirs(path, 0755, &e), &e);
	ASSERT_FAILS(bootcaches_load(root, &b, &e), E_NOTFOUND);
	snprintf(want, sizeof(want), "%s: no /usr/standalone/bootcaches.plist", root);
	CU_ASSERT_STRING_EQUAL(e.msg, want);
	snprintf(path, sizeof(path), "%s" PATH_BOOTCACHES, root);
	ASSERT_OK(fsio_write_atomic(path, text, strlen(text), 0644, &e), &e);
	if (geteuid() != 0)
		TEST_SKIP("needs root");
	ASSERT_OK(bootcaches_load(root, &b, &e), &e);
	CU_ASSERT_STRING_EQUAL(b.root, root);
	bootcaches_release(&b);
	CU_ASSERT_EQUAL(chmod(path, 0664), 0);
	ASSERT_FAILS(bootcaches_load(root, &b, &e), E_PERM);
	snprintf(want, sizeof(want),
		 "%s: /usr/standalone/bootcaches.plist writable by non-root.", root);
	CU_ASSERT_STRING_EQUAL(e.msg, want);
	CU_ASSERT_EQUAL(chmod(path, 0644) || chown(path, 501, 20), 0);
	ASSERT_FAILS(bootcaches_load(root, &b, &e), E_PERM);
	snprintf(want, sizeof(want),
		 "%s: /usr/standalone/bootcaches.plist not owned by root; no rebuilds.",
		 root);
	CU_ASSERT_STRING_EQUAL(e.msg, want);
}

TEST_MAIN("bootcaches", {"reads Catalina's", reads_catalina},
	  {"one string before v1.3", one_string_before_v13},
	  {"refuses what it does not know", refuses_what_it_does_not_know},
	  {"owner and mode count", owner_and_mode_count})
