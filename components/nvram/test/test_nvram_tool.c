/* SPDX-License-Identifier: MIT */
/* nvram(8) on a folder that stands for the kernel's. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/nvram/nvram_tool.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

static struct err e;

static const char *folder(void)
{
	static char dir[512];

	snprintf(dir, sizeof(dir), "%s/nvram", test_tmpdir());
	ASSERT_OK(fsio_remove_tree(dir, &e), &e);
	ASSERT_OK(fsio_mkdirs(dir, 0755, &e), &e);
	return dir;
}

static void expect_get(const char *dir, const char *name, const char *want)
{
	struct buf out = BUF_INIT;

	ASSERT_OK(nvram_tool_get(dir, name, &out, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&out), want);
	buf_release(&out);
}

static void bytes_as_a_mac_spells_them(void)
{
	static const struct {
		const char *set, *shown;
	} rows[] = {
		{"%77%00%00%00", "v\tw%00%00%00\n"},
		{"w%00%00%00", "v\tw%00%00%00\n"},
		{"%7f%00%00%00", "v\t%7f%00%00%00\n"},
		{"%00%00%00%00", "v\t%00%00%00%00\n"},
		{"-v debug=0x144", "v\t-v debug=0x144\n"},
		{"a=b", "v\ta=b\n"},
		{"%25", "v\t%\n"},
		{"%FF%fe", "v\t%ff%fe\n"},
		{"", "v\t\n"},
	};
	const char *dir = folder();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ASSERT_OK(nvram_tool_set(dir, "v", rows[i].set, &e), &e);
		expect_get(dir, "v", rows[i].shown);
	}
}

static void prints_all_by_name(void)
{
	const char *dir = folder();
	struct buf out = BUF_INIT;

	ASSERT_OK(nvram_tool_set(dir, "csr-active-config", "%77%00%00%00", &e), &e);
	ASSERT_OK(nvram_tool_set(dir, "boot-args", "-v", &e), &e);
	ASSERT_OK(
	    nvram_tool_set(dir, "8BE4DF61-93CA-11D2-AA0D-00E098032B8C:Boot0080", "x", &e),
	    &e);
	ASSERT_OK(nvram_tool_print(dir, &out, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&out),
			       "boot-args\t-v\ncsr-active-config\tw%00%00%00\n"
			       "8BE4DF61-93CA-11D2-AA0D-00E098032B8C:Boot0080\tx\n");
	buf_release(&out);
}

static void missing_and_deleted(void)
{
	const char *dir = folder();
	struct buf out = BUF_INIT;

	ASSERT_FAILS(nvram_tool_get(dir, "none", &out, &e), E_NOTFOUND);
	ASSERT_FAILS(nvram_tool_delete(dir, "none", &e), E_NOTFOUND);
	ASSERT_OK(nvram_tool_set(dir, "v", "1", &e), &e);
	ASSERT_OK(nvram_tool_delete(dir, "v", &e), &e);
	ASSERT_FAILS(nvram_tool_get(dir, "v", &out, &e), E_NOTFOUND);
	ASSERT_OK(nvram_tool_set(dir, "v", "1", &e), &e);
	ASSERT_OK(nvram_tool_set(dir, "w", "1", &e), &e);
	ASSERT_OK(nvram_tool_clear(dir, &e), &e);
	ASSERT_OK(nvram_tool_print(dir, &out, &e), &e);
	CU_ASSERT_EQUAL(out.len, 0);
	buf_release(&out);
}

static void bad_input(void)
{
	static const char *const values[] = {"%", "%0", "%zz", "a%1"};
	static const char *const names[] = {"", "a/b", "../x"};
	const char *dir = folder();

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		ASSERT_FAILS(nvram_tool_set(dir, "v", values[i], &e), E_INVAL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ASSERT_FAILS(nvram_tool_set(dir, names[i], "1", &e), E_INVAL);
}

TEST_MAIN("nvram-tool", {"bytes as a Mac spells them", bytes_as_a_mac_spells_them},
	  {"prints all by name", prints_all_by_name},
	  {"missing and deleted variables", missing_and_deleted},
	  {"bad input", bad_input})
