/* SPDX-License-Identifier: MIT */
#include "sim/base/test.h"

#include <errno.h>
#include <string.h>

#include "sim/base/buf.h"
#include "sim/base/bytes.h"
#include "sim/base/ckd.h"
#include "sim/base/fsio.h"
#include "sim/base/idtext.h"
#include "sim/base/nearest.h"
#include "sim/base/prune.h"
#include "sim/base/sha256.h"

static void error_gathers_context(void)
{
	struct err e = ERR_INIT;
	int r = err_set(&e, E_CORRUPT, "block %d: bad checksum", 7);

	CU_ASSERT_EQUAL(r, -E_CORRUPT);
	CU_ASSERT_EQUAL(err_ctx(&e, "volume '%s'", "Data"), -E_CORRUPT);
	CU_ASSERT_STRING_EQUAL(e.msg, "volume 'Data': block 7: bad checksum");
	errno = ENOSPC;
	CU_ASSERT_EQUAL(err_sys(&e, "writing x"), -E_NOSPC);
	CU_ASSERT_STRING_EQUAL(e.msg, "writing x: No space left on device");
}

static void buffer_grows(void)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CU_ASSERT_STRING_EQUAL(buf_str(&b), "");
	for (int i = 0; i < 1000; i++)
		ASSERT_OK(buf_printf(&b, &e, "%03d", i), &e);
	CU_ASSERT_EQUAL(b.len, 3000);
	CU_ASSERT_STRING_EQUAL(buf_str(&b) + 2994, "998999");
	CU_ASSERT_EQUAL(buf_reserve(&b, SIZE_MAX - 8, &e), -E_OVERFLOW);
	CU_ASSERT_EQUAL(b.len, 3000);
	buf_release(&b);
}

static void ranges_never_overflow(void)
{
	uint64_t r;

	CU_ASSERT_TRUE(range_inside(0, 0, 0));
	CU_ASSERT_TRUE(range_inside(4, 4, 8));
	CU_ASSERT_FALSE(range_inside(5, 4, 8));
	CU_ASSERT_FALSE(range_inside(UINT64_MAX, 2, 8));
	CU_ASSERT_FALSE(ckd_round_up(&r, 4097, 4096));
	CU_ASSERT_EQUAL(r, 8192);
	CU_ASSERT_TRUE(ckd_round_up(&r, UINT64_MAX, 4096));
}

static void byte_orders(void)
{
	uint8_t b[8];

	put_le64(b, 0x0102030405060708);
	CU_ASSERT_EQUAL(b[0], 8);
	CU_ASSERT_EQUAL(get_be64(b), 0x0807060504030201);
	CU_ASSERT_EQUAL(le32_get(to_le32(0xcafebabe)), 0xcafebabe);
	CU_ASSERT_EQUAL(to_be32(0xcafebabe).b[0], 0xca);
}

static void identifiers_as_text(void)
{
	static const uint8_t uuid[UUID_LEN] = {0x8e, 0x3b, 0x9a, 0x4c, 0,  1,  0x5f, 0xfe,
					       0x80, 9,    10,   11,   12, 13, 14,   0xff};
	char text[SHA256_TEXT_MAX];
	struct err e = ERR_INIT;
	uint8_t got[3], parsed[UUID_LEN];

	hex_text("\x00\x7f\xa0", 3, text);
	CU_ASSERT_STRING_EQUAL(text, "007fa0");
	CU_ASSERT_TRUE(hex_parse("007fA0", got, 3));
	CU_ASSERT_EQUAL(memcmp(got, "\x00\x7f\xa0", 3), 0);
	CU_ASSERT_FALSE(hex_parse("007fa", got, 3));
	CU_ASSERT_FALSE(hex_parse("007fa00", got, 3));
	CU_ASSERT_FALSE(hex_parse("00 fa0", got, 3));
	uuid_text(uuid, text);
	CU_ASSERT_STRING_EQUAL(text, "8E3B9A4C-0001-5FFE-8009-0A0B0C0D0EFF");
	CU_ASSERT_TRUE(uuid_parse("8e3b9a4C-0001-5FFE-8009-0A0B0C0D0EFF", parsed));
	CU_ASSERT_EQUAL(memcmp(parsed, uuid, sizeof(uuid)), 0);
	CU_ASSERT_FALSE(uuid_parse("8E3B9A4C-0001-5FFE-8009-0A0B0C0D0EF", parsed));
	CU_ASSERT_FALSE(uuid_parse("8E3B9A4C-0001-5FFE-8009-0A0B0C0D0EFF0", parsed));
	CU_ASSERT_FALSE(uuid_parse("8E3B9A4C-0001-5FFE-8009:0A0B0C0D0EFF", parsed));
	CU_ASSERT_FALSE(uuid_parse("8E3B9A4C-0001-5FFE-80x9-0A0B0C0D0EFF", parsed));
	ASSERT_OK(sha256_text("abc", 3, text, &e), &e); /* FIPS 180-2, B.1 */
	CU_ASSERT_STRING_EQUAL(text, "ba7816bf8f01cfea414140de5dae2223"
				     "b00361a396177a9cb410ff61f20015ad");
}

static void paths_below(void)
{
	CU_ASSERT_EQUAL(fsio_below("/a/b", "/a"), 2);
	CU_ASSERT_EQUAL(fsio_below("/a", "/a//"), 2);
	CU_ASSERT_EQUAL(fsio_below("/ab", "/a"), 0);
	CU_ASSERT_EQUAL(fsio_below("/", "/a"), 0);
	CU_ASSERT_EQUAL(fsio_below("/a", "/"), 0);
}

static void files_whole_or_not_at_all(void)
{
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	char path[4096];

	ASSERT_OK(fsio_join(path, sizeof(path), test_tmpdir(), "a/b", &e), &e);
	ASSERT_OK(fsio_mkdirs(path, 0755, &e), &e);
	ASSERT_OK(fsio_join(path, sizeof(path), path, "/c", &e), &e);
	ASSERT_OK(fsio_write_atomic(path, "hello", 5, 0644, &e), &e);
	ASSERT_OK(fsio_read(path, 5, &b, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&b), "hello");
	ASSERT_FAILS(fsio_read(path, 4, &b, &e), E_OVERFLOW);
	ASSERT_FAILS(fsio_write_atomic("/nonexistent/x", "y", 1, 0644, &e), E_NOTFOUND);
	ASSERT_OK(fsio_remove_tree(path, &e), &e);
	CU_ASSERT_FALSE(fsio_exists(path));
	ASSERT_OK(fsio_remove_tree(path, &e), &e);
	buf_release(&b);
}

static void caches_are_kept_small(void)
{
	const char *dir = test_tmpdir();

	CU_ASSERT_EQUAL(test_shell("cd %s && mkdir old.x && for i in 1 2 3 4; do "
				   "touch -d \"$i days ago\" $i.x $i.y; done", dir), 0);
	prune_files(dir, ".x", 1, 2 * 24 * 60 * 60 + 3600);
	/* Of .x: the newest, and what is younger than two days and an hour. */
	CU_ASSERT_EQUAL(test_shell("[ \"$(cd %s && echo *.x *.y)\" = "
				   "'1.x 2.x old.x 1.y 2.y 3.y 4.y' ]", dir), 0);
	prune_files(dir, ".x", 1, 0);
	CU_ASSERT_EQUAL(test_shell("[ \"$(cd %s && echo *.x)\" = '1.x old.x' ]", dir), 0);
	prune_files("/nonexistent", ".x", 0, 0);
}

static void unknown_names_get_a_hint(void)
{
	static const char *const few[] = {"clean", "upgraded"};
	static const char *const many[] = {
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"};
	char out[NEAREST_HINT_MAX];

	CU_ASSERT_STRING_EQUAL(nearest_hint("claen", few, 2, out),
			       " (did you mean 'clean'?)");
	CU_ASSERT_STRING_EQUAL(nearest_hint("xyz", few, 2, out),
			       " (known: clean, upgraded)");
	CU_ASSERT_STRING_EQUAL(nearest_hint("xyz", few, 0, out), "");
	CU_ASSERT_STRING_EQUAL(nearest_hint("xyz", many, 2, out), "");
}

/* One state hashes many pieces, each as sha256_text does. */
static void pieces_are_hashed(void)
{
	struct err e = ERR_INIT;
	struct sha256 s;
	uint8_t data[1000], md[SHA256_SIZE];
	char got[SHA256_TEXT_MAX], want[SHA256_TEXT_MAX];

	memset(data, 0x5a, sizeof(data));
	ASSERT_OK(sha256_init(&s, &e), &e);
	for (size_t len = 0; len <= sizeof(data); len += 250) {
		ASSERT_OK(sha256_of(&s, data, len, md, &e), &e);
		hex_text(md, sizeof(md), got);
		ASSERT_OK(sha256_text(data, len, want, &e), &e);
		CU_ASSERT_STRING_EQUAL(got, want);
	}
	sha256_release(&s);
	sha256_release(&s);
}

TEST_MAIN("base", {"an error gathers context", error_gathers_context},
	  {"a buffer grows", buffer_grows},
	  {"ranges never overflow", ranges_never_overflow}, {"byte orders", byte_orders},
	  {"identifiers as text", identifiers_as_text},
	  {"pieces are hashed", pieces_are_hashed},
	  {"paths below a folder", paths_below},
	  {"files are written whole or not at all", files_whole_or_not_at_all},
	  {"caches are kept small", caches_are_kept_small},
	  {"unknown names get a hint", unknown_names_get_a_hint})
