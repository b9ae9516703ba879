/* SPDX-License-Identifier: MIT */
/* mkext archives: the bytes of their header, what comes back, and what is refused. */
#include <stdbool.h>
#include <string.h>

#include <zlib.h>

#include "sim/base/test.h"
#include "sim/formats/mkext/mkext.h"
#include "sim/formats/mkext/raw.h"

static plist_t info(const char *id)
{
	plist_t d = plist_new_dict();

	plist_dict_set_item(d, "CFBundleIdentifier", plist_new_string(id));
	return d;
}

/* A kext with an executable, and one without. */
static void make(struct buf *out)
{
	plist_t a = info("com.example.a"), b = info("com.example.b");
	const struct mkext_kext k[] = {
		{a, "/Library/Extensions/A.kext", "Contents/MacOS/A", "executable", 10},
		{b, "/Library/Extensions/B.kext", NULL, NULL, 0},
	};
	struct err e = ERR_INIT;

	ASSERT_OK(mkext_load_request("com.example.a", k, 2, out, &e), &e);
	plist_free(a);
	plist_free(b);
}

static void put_sum(struct buf *f)
{
	put_be32(f->data + 12, (uint32_t)adler32_z(1, f->data + 16, f->len - 16));
}

static void bytes(void)
{
	struct buf f = BUF_INIT;

	make(&f);
	CU_ASSERT_EQUAL(memcmp(f.data, "MKXTMOSX", 8), 0);
	CU_ASSERT_EQUAL(get_be32(f.data + 8), f.len);
	CU_ASSERT_EQUAL(get_be32(f.data + 12), adler32(1, f.data + 16, (uInt)f.len - 16));
	CU_ASSERT_EQUAL(get_be32(f.data + 16), 0x02002001);
	CU_ASSERT_EQUAL(get_be32(f.data + 20), 2);
	CU_ASSERT_EQUAL(get_be32(f.data + 24), 0x01000007);
	CU_ASSERT_EQUAL(get_be32(f.data + 32), 44 + 8 + 10); /* the list is behind */
	CU_ASSERT_EQUAL(get_be32(f.data + 36), 0);
	CU_ASSERT_EQUAL(get_be32(f.data + 40), f.len - 62);
	CU_ASSERT_EQUAL(get_be32(f.data + 44), 0);
	CU_ASSERT_EQUAL(get_be32(f.data + 48), 10);
	CU_ASSERT_EQUAL(memcmp(f.data + 52, "executable<dict>", 16), 0);
	CU_ASSERT_EQUAL(f.data[f.len - 1], '\0');
	buf_release(&f);
}

static void round_trip(void)
{
	struct buf f = BUF_INIT;
	struct err e = ERR_INIT;
	struct mkext m;

	make(&f);
	ASSERT_OK(mkext_open(f.data, f.len, &m, &e), &e);
	CU_ASSERT_STRING_EQUAL(m.predicate, "Load");
	CU_ASSERT_STRING_EQUAL(m.id, "com.example.a");
	CU_ASSERT_EQUAL_FATAL(m.n, 2);
	CU_ASSERT_STRING_EQUAL(m.kext[0].bundle_path, "/Library/Extensions/A.kext");
	CU_ASSERT_STRING_EQUAL(m.kext[0].exec_rel_path, "Contents/MacOS/A");
	CU_ASSERT_EQUAL(m.kext[0].exec_len, 10);
	CU_ASSERT_EQUAL(memcmp(m.kext[0].exec, "executable", 10), 0);
	CU_ASSERT_PTR_NULL(m.kext[1].exec);
	CU_ASSERT_PTR_NULL(m.kext[1].exec_rel_path);
	mkext_release(&m);
	buf_release(&f);
}

/* One 32-bit number of the file is another. */
static void lies(size_t offset, uint32_t value, bool sum, enum err_code code,
		 const char *says)
{
	struct buf f = BUF_INIT;
	struct err e = ERR_INIT;
	struct mkext m;

	make(&f);
	put_be32(f.data + offset, value);
	if (sum)
		put_sum(&f);
	CU_ASSERT_EQUAL(mkext_open(f.data, f.len, &m, &e), -(int)code);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, says));
	mkext_release(&m);
	buf_release(&f);
}

static void refuses(void)
{
	struct buf f = BUF_INIT;
	struct err e = ERR_INIT;
	struct mkext m;

	lies(0, 0, true, E_CORRUPT, "offset 0");
	lies(8, 1, true, E_CORRUPT, "length 1 at offset 8");
	lies(12, 1, false, E_CORRUPT, "checksum at offset 12");
	lies(16, 0x01008000, true, E_UNSUPPORTED, "version 0x1008000");
	lies(24, 7, true, E_UNSUPPORTED, "cputype 0x7");
	lies(32, 0xfffffff0, true, E_CORRUPT, "is outside");
	lies(36, 5, true, E_UNSUPPORTED, "compressed");
	lies(44, 5, true, E_UNSUPPORTED, "executable at offset 44 is compressed");
	lies(48, 0x7fffffff, true, E_CORRUPT, "executable of 2147483647 bytes");
	make(&f);
	for (size_t n = 0; n < f.len; n++) {
		CU_ASSERT_NOT_EQUAL(mkext_open(f.data, n, &m, &e), 0);
		mkext_release(&m);
	}
	buf_release(&f);
}

TEST_MAIN("mkext", {"bytes", bytes}, {"round trip", round_trip}, {"refuses", refuses})
