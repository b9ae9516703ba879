/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/plist/guard.h"
#include "sim/formats/plist/pl.h"

#define HEAD                                                                             \
	"<?xml version=\"1.0\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST "         \
	"1.0//EN\" "                                                                     \
	"\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">"
#define TAIL "</plist>"

static plist_t parse(const char *body)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	plist_t root = NULL;

	ASSERT_OK(buf_printf(&b, &e, HEAD "%s" TAIL, body), &e);
	ASSERT_OK(pl_parse(b.data, b.len, "test", &root, &e), &e);
	buf_release(&b);
	return root;
}

static void getters_name_the_fault(void)
{
	plist_t root =
		parse("<dict><key>Name</key><string>x</string><key>On</key><true/>"
		      "<key>N</key><integer>7</integer><key>D</key><data>aGk=</data>"
		      "<key>L</key><array><string>a</string><integer>1</integer></array>"
		      "</dict>");
	struct err e = ERR_INIT;
	const char *s = NULL;
	const uint8_t *data;
	plist_t list, d = NULL;
	uint64_t n = 0;
	size_t len = 0;
	bool on = false;

	ASSERT_OK(pl_string(root, "Name", &s, &e), &e);
	CU_ASSERT_STRING_EQUAL(s, "x");
	ASSERT_OK(pl_bool(root, "On", &on, &e), &e);
	CU_ASSERT_TRUE(on);
	ASSERT_OK(pl_uint(root, "N", &n, &e), &e);
	CU_ASSERT_EQUAL(n, 7);
	ASSERT_OK(pl_data(root, "D", &data, &len, &e), &e);
	CU_ASSERT(len == 2 && !memcmp(data, "hi", 2));
	ASSERT_FAILS(pl_dict(root, "Name", &d, &e), E_CORRUPT);
	CU_ASSERT_STRING_EQUAL(e.msg,
			       "key 'Name': expected a dictionary, found a string");
	ASSERT_FAILS(pl_string(root, "Gone", &s, &e), E_NOTFOUND);
	CU_ASSERT_STRING_EQUAL(e.msg, "key 'Gone' is missing");
	ASSERT_OK(pl_array(root, "L", &list, &e), &e);
	ASSERT_OK(pl_array_string(list, 0, &s, &e), &e);
	ASSERT_FAILS(pl_array_string(list, 1, &s, &e), E_CORRUPT);
	s = "kept";
	ASSERT_OK(pl_opt_string(root, "Gone", &s, &e), &e);
	CU_ASSERT_STRING_EQUAL(s, "kept");
	plist_free(root);
}

/* @open and @close, @n times each. */
static void nest(struct buf *b, const char *open, const char *close, unsigned n)
{
	struct err e = ERR_INIT;

	ASSERT_OK(buf_printf(b, &e, HEAD), &e);
	for (unsigned i = 0; i < n; i++)
		ASSERT_OK(buf_printf(b, &e, "%s", open), &e);
	for (unsigned i = 0; i < n; i++)
		ASSERT_OK(buf_printf(b, &e, "%s", close), &e);
	ASSERT_OK(buf_printf(b, &e, TAIL), &e);
}

static int parse_nested(const char *open, unsigned n)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	plist_t root = NULL;
	int r;

	nest(&b, open, "</array>", n);
	r = pl_parse(b.data, b.len, "test", &root, &e);
	plist_free(root);
	buf_release(&b);
	return r;
}

static void nesting_is_bounded(void)
{
	CU_ASSERT_EQUAL(parse_nested("<array>", PL_MAX_DEPTH), 0);
	CU_ASSERT_EQUAL(parse_nested("<array>", PL_MAX_DEPTH + 8), -E_OVERFLOW);
	CU_ASSERT_EQUAL(parse_nested("<array>", 1000000), -E_OVERFLOW);
	/* Things that look like an end to a careless count. */
	CU_ASSERT_EQUAL(parse_nested("<array><!-- </array> -->", 100000), -E_OVERFLOW);
	CU_ASSERT_EQUAL(parse_nested("<array a=\"/>\"><!---->", 100000), -E_OVERFLOW);
	CU_ASSERT_EQUAL(parse_nested("<array><?x \"?></array>\"?>", 100000), -E_OVERFLOW);
}

static void binary_lists(void)
{
	/* A trailer that promises 2^40 objects. */
	uint8_t bad[8 + 32] = "bplist00";
	plist_t root = parse("<dict><key>A</key><string>b</string></dict>"), again = NULL;
	struct err e = ERR_INIT;
	const char *s = NULL;
	char *bin = NULL;
	uint32_t len = 0;

	plist_to_bin(root, &bin, &len);
	plist_free(root);
	ASSERT_OK(pl_parse(bin, len, "test", &again, &e), &e);
	ASSERT_OK(pl_string(again, "A", &s, &e), &e);
	CU_ASSERT_STRING_EQUAL(s, "b");
	plist_free(again);
	bad[8 + 8 + 2] = 1;
	CU_ASSERT_EQUAL(pl_binary_objects(bad, sizeof(bad)), 1ull << 40);
	ASSERT_FAILS(pl_parse(bad, sizeof(bad), "test", &again, &e), E_OVERFLOW);
	for (uint32_t cut = 0; cut < len; cut++) {
		again = NULL;
		if (!pl_parse(bin, cut, "test", &again, &e))
			plist_free(again);
	}
	free(bin);
}

/* { U+0000: true }: a key that libplist would abort on. */
static void binary_key_with_a_nul(void)
{
	static const uint8_t list[] = {'b', 'p', 'l', 'i', 's', 't', '0', '0',
				       0xd1, 1, 2,       /* object 0: dictionary */
				       0x61, 0, 0,       /* object 1: UTF-16, one unit */
				       0x09,             /* object 2: true */
				       8, 11, 14,        /* offsets */
				       0, 0, 0, 0, 0, 0, 1, 1,
				       0, 0, 0, 0, 0, 0, 0, 3,
				       0, 0, 0, 0, 0, 0, 0, 0,
				       0, 0, 0, 0, 0, 0, 0, 15};
	uint8_t good[sizeof(list)];
	struct err e = ERR_INIT;
	plist_t root = NULL;

	ASSERT_FAILS(pl_parse(list, sizeof(list), "test", &root, &e), E_CORRUPT);
	CU_ASSERT_STRING_EQUAL(e.msg, "test: a string holds a NUL");
	memcpy(good, list, sizeof(list));
	good[13] = 'k';
	ASSERT_OK(pl_parse(good, sizeof(good), "test", &root, &e), &e);
	CU_ASSERT_PTR_NOT_NULL(plist_dict_get_item(root, "k"));
	plist_free(root);
}

/* Thirty arrays, each holding the next one twice: a billion nodes in 200 bytes. */
static void binary_laughs(void)
{
	uint8_t list[8 + 31 * 3 + 31 + 32] = "bplist00";
	struct err e = ERR_INIT;
	plist_t root = NULL;
	size_t n = 8;

	for (uint8_t i = 0; i < 30; i++) {
		list[n++] = 0xa2;
		list[n++] = (uint8_t)(i + 1);
		list[n++] = (uint8_t)(i + 1);
	}
	list[n] = 0x09;
	n += 3;
	for (uint8_t i = 0; i < 31; i++)
		list[n++] = (uint8_t)(8 + 3 * i);
	list[n + 6] = list[n + 7] = 1;
	list[n + 15] = 31;
	list[n + 31] = 8 + 31 * 3;
	ASSERT_FAILS(pl_parse(list, sizeof(list), "test", &root, &e), E_CORRUPT);
	CU_ASSERT_STRING_EQUAL(e.msg, "test: a container is part of two");
}

static void files_and_their_errors(void)
{
	char path[512], text[64] = "no list";
	struct err e = ERR_INIT;
	plist_t root = NULL;
	const char *s;

	snprintf(path, sizeof(path), "%s/x.plist", test_tmpdir());
	ASSERT_FAILS(pl_load_dict(path, 4096, &root, &e), E_NOTFOUND);
	ASSERT_OK(fsio_write_atomic(path, text, strlen(text), 0644, &e), &e);
	ASSERT_FAILS(pl_load_dict(path, 4096, &root, &e), E_CORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "x.plist: not a property list"));
	ASSERT_FAILS(pl_load_dict(path, 3, &root, &e), E_OVERFLOW);
	root = parse("<array/>");
	ASSERT_OK(pl_write_xml(root, path, 0644, &e), &e);
	plist_free(root);
	ASSERT_FAILS(pl_load_dict(path, 4096, &root, &e), E_CORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "expected a dictionary, found an array"));
	root = parse("<dict><key>&lt;K&gt;</key><string>\xc3\xa4</string></dict>");
	ASSERT_OK(pl_write_xml(root, path, 0644, &e), &e);
	plist_free(root);
	ASSERT_OK(pl_load_dict(path, 4096, &root, &e), &e);
	ASSERT_OK(pl_string(root, "<K>", &s, &e), &e);
	CU_ASSERT_STRING_EQUAL(s, "\xc3\xa4");
	plist_free(root);
}

static void plistutil_reads_ours(void)
{
	plist_t root = parse(
		"<dict><key>A</key><array><true/><integer>3</integer></array></dict>");
	struct err e = ERR_INIT;
	char path[512];

	if (test_shell("command -v plistutil >/dev/null")) {
		plist_free(root);
		TEST_SKIP("no plistutil");
	}
	snprintf(path, sizeof(path), "%s/ours.plist", test_tmpdir());
	ASSERT_OK(pl_write_xml(root, path, 0644, &e), &e);
	plist_free(root);
	CU_ASSERT_EQUAL(
		test_shell("plistutil -i %s -f bin -o %s.bin && "
			   "plistutil -i %s.bin -f xml -o %s.again && cmp %s %s.again",
			   path, path, path, path, path, path),
		0);
}

static void check_refused(const void *data, size_t len, const char *want)
{
	plist_t root = NULL;
	struct err e = ERR_INIT;
	int r = pl_parse(data, len, "x", &root, &e);

	CU_ASSERT_EQUAL(r, -(int)E_CORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, want));
	if (!strstr(e.msg, want))
		printf("    '%s' does not say '%s'\n", e.msg, want);
	if (!r)
		plist_free(root);
}

static void what_is_wrong_is_told_where(void)
{
	static const char *const xml[][2] = {
		{"no list at all", "x: not a property list: line 1, offset 0x0: neither XML"},
		{"<plist>\n<dict>\n<key>a</key></array></plist>",
		 "line 3, offset 0x1b: <dict> is closed by </array>"},
		{"<plist>\n<dict>\n<key>a</key>", "line 3, offset 0x1b: it ends inside <dict>"},
		{"<plist>\n<dict>\n<key>a</k", "line 3, offset 0x15: what begins here has no end"},
		{"<plist>\n<!-- x", "line 2, offset 0x8: what begins here has no end"},
		{"<plist><sting>a</sting></plist>", "line 1, offset 0x7: <sting> is no element"},
	};
	/* one object, "ab"; its table at 11 */
	uint8_t bin[44] = "bplist00\x52"
			  "ab\x08";
	plist_t root = NULL;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(xml) / sizeof(xml[0]); i++)
		check_refused(xml[i][0], strlen(xml[i][0]), xml[i][1]);
	bin[12 + 6] = bin[12 + 7] = bin[12 + 15] = 1;
	bin[12 + 31] = 11;
	ASSERT_OK(pl_parse(bin, sizeof(bin), "x", &root, &e), &e);
	plist_free(root);
	bin[12 + 31] = 12;
	check_refused(bin, sizeof(bin),
		      "the trailer at offset 0xc: a table of 1 objects at offset 0xc lies outside");
	bin[12 + 31] = 11;
	bin[8] = 0x5e;
	check_refused(bin, sizeof(bin), "object 0 at offset 0x8 lies outside");
}

TEST_MAIN("plist", {"getters name the fault", getters_name_the_fault},
	  {"nesting is bounded", nesting_is_bounded}, {"binary lists", binary_lists},
	  {"binary key with a NUL", binary_key_with_a_nul},
	  {"binary laughs", binary_laughs},
	  {"what is wrong is told where", what_is_wrong_is_told_where},
	  {"files and their errors", files_and_their_errors},
	  {"plistutil reads ours", plistutil_reads_ours})
