/* SPDX-License-Identifier: MIT */
/* kextstat(8): Apple's columns from a list as the kernel gives it. */
#include <stdio.h>
#include <string.h>

#include "components/kextstat/kextstat.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

static const char list[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\"><array>"
	"<dict><key>CFBundleIdentifier</key><string>com.apple.kpi.bsd</string>"
	"<key>CFBundleVersion</key><string>19.0.0</string>"
	"<key>OSKernelResource</key><true/>"
	"<key>OSBundleLoadTag</key><integer>1</integer>"
	"<key>OSBundleRetainCount</key><integer>2</integer></dict>"
	"<dict><key>CFBundleIdentifier</key><string>com.example.filter</string>"
	"<key>CFBundleVersion</key><string>2.0</string>"
	"<key>OSBundleLoadTag</key><integer>7</integer>"
	"<key>OSBundleRetainCount</key><integer>0</integer>"
	"<key>OSBundleLoadAddress</key><integer>18446743521884913664</integer>"
	"<key>OSBundleCPUType</key><integer>16777223</integer>"
	"<key>OSBundleLoadSize</key><integer>16384</integer>"
	"<key>OSBundleWiredSize</key><integer>16384</integer>"
	"<key>OSBundleUUID</key><data>AAECAwQFBgcICQoLDA0ODw==</data>"
	"<key>OSBundleDependencies</key><array><integer>1</integer><integer>12</integer>"
	"<integer>5</integer></array></dict></array></plist>";

#define HEADER                                                                           \
	"Index Refs Address            Size       Wired      Name (Version) UUID "       \
	"<Linked Against>\n"
#define BSD                                                                              \
	"    1    2 0                  0          0          com.apple.kpi.bsd "         \
	"(19.0.0) no UUID\n"
#define FILTER                                                                           \
	"    7    0 0xffffff7f84b04000 0x4000     0x4000     com.example.filter (2.0) "  \
	"00010203-0405-0607-0809-0A0B0C0D0E0F <12 5 1>\n"

static struct err e;

static int show(const char *text, const struct kextstat_options *o, struct buf *out)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/loaded.plist", test_tmpdir());
	ASSERT_OK(fsio_write_atomic(path, text, strlen(text), 0644, &e), &e);
	return kextstat_text(path, o, out, &e);
}

static void expect(struct kextstat_options o, const char *want)
{
	struct buf out = BUF_INIT;

	ASSERT_OK(show(list, &o, &out), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&out), want);
	buf_release(&out);
}

static void shows_apples_columns(void)
{
	expect((struct kextstat_options){.n_ids = 0}, HEADER BSD FILTER);
}

static void options_select(void)
{
	expect((struct kextstat_options){.list_only = true}, BSD FILTER);
	expect((struct kextstat_options){.no_kernel = true}, HEADER FILTER);
	expect((struct kextstat_options){.id = {"com.apple.kpi.bsd"}, .n_ids = 1,
					 .list_only = true},
	       BSD);
	/* What is asked for by name is shown. */
	expect((struct kextstat_options){.id = {"com.apple.kpi.bsd"}, .n_ids = 1,
					 .no_kernel = true, .list_only = true},
	       BSD);
	expect((struct kextstat_options){.id = {"com.example.filter", "com.apple.kpi.bsd"},
					 .n_ids = 2, .list_only = true},
	       BSD FILTER);
	expect((struct kextstat_options){.id = {"none"}, .n_ids = 1, .list_only = true}, "");
}

static void shows_architectures(void)
{
	static const char *const lines[] = {
		"Wired      Architecture       Name (Version)",
		"0          -/-                com.apple.kpi.bsd",
		"0x4000     x86_64             com.example.filter (2.0)",
	};
	struct kextstat_options o = {.architecture = true};
	struct buf out = BUF_INIT;

	ASSERT_OK(show(list, &o, &out), &e);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out), lines[i]));
	buf_release(&out);
}

static void sorts_by_address(void)
{
	static const char text[] =
		"<plist version=\"1.0\"><array><dict>"
		"<key>CFBundleIdentifier</key><string>high</string>"
		"<key>CFBundleVersion</key><string>1</string>"
		"<key>OSBundleLoadAddress</key><integer>8192</integer></dict><dict>"
		"<key>CFBundleIdentifier</key><string>low</string>"
		"<key>CFBundleVersion</key><string>1</string>"
		"<key>OSBundleLoadAddress</key><integer>4096</integer></dict></array></plist>";
	struct kextstat_options o = {.list_only = true};
	struct buf out = BUF_INIT;

	for (int sorted = 0; sorted < 2; sorted++) {
		o.by_address = sorted;
		buf_clear(&out);
		ASSERT_OK(show(text, &o, &out), &e);
		CU_ASSERT_EQUAL(strstr(buf_str(&out), "low") < strstr(buf_str(&out), "high"),
				sorted);
	}
	buf_release(&out);
}

static void refuses_what_is_no_list(void)
{
	static const char *const bad[] = {
		"", "<plist version=\"1.0\"><dict/></plist>",
		"<plist version=\"1.0\"><array><string>x</string></array></plist>",
		"<plist version=\"1.0\"><array><dict><key>CFBundleIdentifier</key>"
		"<integer>1</integer></dict></array></plist>"};
	struct kextstat_options o = {.n_ids = 0};
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ASSERT_FAILS(show(bad[i], &o, &out), E_CORRUPT);
	buf_release(&out);
}

TEST_MAIN("kextstat", {"shows Apple's columns", shows_apples_columns},
	  {"options select", options_select},
	  {"shows architectures", shows_architectures},
	  {"sorts by address", sorts_by_address},
	  {"refuses what is no list", refuses_what_is_no_list})
