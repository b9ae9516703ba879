/* SPDX-License-Identifier: MIT */
/* rootless.conf: rows, and which row decides about a path. */
#include <string.h>

#include "sim/base/test.h"
#include "sim/platform/rootless.h"

static const char conf_text[] =
	"# what a Catalina system protects\n"
	"\t\t\t\t/System\n"
	"*\t\t\t\t/System/Library/Caches\n"
	"*\t\t\t\t/System/Library/Extensions\n"
	"\t\t\t\t/System/Library/Extensions/*\n"
	"\t\t\t\t/usr\n"
	"*\t\t\t\t/usr/local\n"
	"KernelExtensionManagement\t\t/Library/StagedExtensions\n"
	"\t\t\t\t/Library/Apple/\n"
	"\t\t\t\t/Applications/App Store.app\n"
	"\n"
	"   # indented comment\r\n";

static struct rootless_conf parse(const char *text)
{
	struct rootless_conf c;
	struct err e = ERR_INIT;

	ASSERT_OK(rootless_parse(&c, text, strlen(text), &e), &e);
	return c;
}

static void reads_rows(void)
{
	struct rootless_conf c = parse(conf_text);

	CU_ASSERT_EQUAL_FATAL(c.n, 9);
	CU_ASSERT_STRING_EQUAL(c.rules[0].path, "/System");
	CU_ASSERT_PTR_NULL(c.rules[0].class_);
	CU_ASSERT_EQUAL(c.rules[0].line, 2);
	CU_ASSERT_TRUE(c.rules[1].exception);
	CU_ASSERT_TRUE(c.rules[3].entries);
	CU_ASSERT_STRING_EQUAL(c.rules[3].path, "/System/Library/Extensions");
	CU_ASSERT_STRING_EQUAL(c.rules[6].class_, "KernelExtensionManagement");
	CU_ASSERT_STRING_EQUAL(c.rules[7].path, "/Library/Apple");
	CU_ASSERT_STRING_EQUAL(c.rules[8].path, "/Applications/App Store.app");
	rootless_release(&c);
}

static void nearest_row_decides(void)
{
	static const struct {
		const char *path;
		bool installed;
		const char *rule; /* path of the row, NULL: none */
		bool protects;
	} rows[] = {
	    {"/System", true, "/System", true},
	    {"/System/Library/Kernels/kernel", true, "/System", true},
	    {"/System/Library/Caches", true, "/System/Library/Caches", false},
	    {"/System/Library/Caches/a/b", false, "/System/Library/Caches", false},
	    {"/System/Library/Cachesx", false, "/System", true},
	    {"/Systemx", false, NULL, false},
	    {"/System/Library/Extensions", true, "/System/Library/Extensions", false},
	    {"/System/Library/Extensions/Mine.kext", false, "/System/Library/Extensions",
	     false},
	    {"/System/Library/Extensions/System.kext", true, "/System/Library/Extensions",
	     true},
	    {"/System/Library/Extensions/System.kext/Contents/Info.plist", true,
	     "/System/Library/Extensions", true},
	    {"/usr/local/bin/tool", false, "/usr/local", false},
	    {"/usr/sbin/kcditto", true, "/usr", true},
	    {"/Library/StagedExtensions/x", false, "/Library/StagedExtensions", true},
	    {"/Library/Apple/System/Library/PrelinkedKernels/prelinkedkernel", false,
	     "/Library/Apple", true},
	    {"/Library/Extensions/A.kext", false, NULL, false},
	    {"/", true, NULL, false},
	};
	struct rootless_conf c = parse(conf_text);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct rootless_rule *r =
			rootless_nearest(&c, rows[i].path, rows[i].installed);

		CU_ASSERT_EQUAL(r != NULL, rows[i].rule != NULL);
		if (!r || !rows[i].rule)
			continue;
		CU_ASSERT_STRING_EQUAL(r->path, rows[i].rule);
		CU_ASSERT_EQUAL(!r->exception, rows[i].protects);
	}
	rootless_release(&c);
}

static void later_row_wins_and_root_covers_all(void)
{
	struct rootless_conf c = parse("\t/\n\t/a\n*\t/a\n\t/*\n");

	CU_ASSERT_TRUE(rootless_nearest(&c, "/a/b", false)->exception);
	CU_ASSERT_FALSE(rootless_nearest(&c, "/b", false)->exception);
	CU_ASSERT_TRUE(rootless_nearest(&c, "/b", true)->entries);
	rootless_release(&c);
}

static void bad_rows_name_their_line(void)
{
	static const struct {
		const char *text;
		const char *says;
	} rows[] = {
		{"\t/ok\nclass only\n", "line 2: no absolute path"},
		{"a/b\n", "line 1: no absolute path"},
		{"\t/a/../b\n", "line 1: '.' or '..' in path"},
		{"\t/a/./b\n", "line 1: '.' or '..' in path"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rootless_conf c;
		struct err e = ERR_INIT;

		ASSERT_FAILS(rootless_parse(&c, rows[i].text, strlen(rows[i].text), &e),
			     E_SCHEMA);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, rows[i].says));
		rootless_release(&c);
	}
}

static void zero_bytes_are_refused(void)
{
	struct rootless_conf c;
	struct err e = ERR_INIT;

	ASSERT_FAILS(rootless_parse(&c, "\t/a\0b\n", 6, &e), E_SCHEMA);
	rootless_release(&c);
}

static void rows_are_limited(void)
{
	static char text[(ROOTLESS_MAX_RULES + 1) * 3 + 1];
	struct rootless_conf c;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ROOTLESS_MAX_RULES + 1; i++)
		memcpy(text + i * 3, "/a\n", 4);
	ASSERT_FAILS(rootless_parse(&c, text, strlen(text), &e), E_OVERFLOW);
	CU_ASSERT_EQUAL(c.n, ROOTLESS_MAX_RULES);
	rootless_release(&c);
	ASSERT_OK(rootless_parse(&c, text, strlen(text) - 3, &e), &e);
	rootless_release(&c);
}

TEST_MAIN("rootless", {"reads rows", reads_rows},
	  {"the nearest row decides", nearest_row_decides},
	  {"of two rows for one path the later", later_row_wins_and_root_covers_all},
	  {"bad rows name their line", bad_rows_name_their_line},
	  {"zero bytes are refused", zero_bytes_are_refused},
	  {"rows are limited", rows_are_limited})
