/* SPDX-License-Identifier: MIT */
#include "sim/base/test.h"

#include <string.h>

#include "sim/base/bytes.h"
#include "sim/formats/macho/raw.h"
#include "sim/formats/prelink/pack.h"

static uint8_t macho[20000];

static void make_macho(void)
{
	struct macho_header_raw h = {
		.magic = to_le32(MACHO_MAGIC_64),
		.cputype = to_le32(CPU_TYPE_X86_64),
		.filetype = to_le32(MH_EXECUTE),
	};

	memcpy(macho, &h, sizeof(h));
	for (size_t i = sizeof(h); i < sizeof(macho); i++)
		macho[i] = (uint8_t)(i * i >> 7);
}

static void pack(enum prelink_compression how, struct buf *out)
{
	struct err e = ERR_INIT;

	make_macho();
	ASSERT_OK(prelink_pack(macho, sizeof(macho), how, true, out, &e), &e);
}

static void layout(void)
{
	struct buf f = BUF_INIT;

	pack(PRELINK_LZSS, &f);
	CU_ASSERT_EQUAL(get_be32(f.data), 0xcafebabe);
	CU_ASSERT_EQUAL(get_be32(f.data + 4), 1);
	CU_ASSERT_EQUAL(get_be32(f.data + 8), CPU_TYPE_X86_64);
	CU_ASSERT_EQUAL(get_be32(f.data + 16), 28);
	CU_ASSERT_EQUAL(get_be32(f.data + 20), f.len - 28);
	CU_ASSERT_EQUAL(get_be32(f.data + 24), 0);
	CU_ASSERT_EQUAL(memcmp(f.data + 28, "complzss", 8), 0);
	CU_ASSERT_EQUAL(get_be32(f.data + 28 + 0x0c), sizeof(macho));
	CU_ASSERT_EQUAL(get_be32(f.data + 28 + 0x10), f.len - 28 - 0x180);
	CU_ASSERT_EQUAL(get_be32(f.data + 28 + 0x14), 1);
	for (int i = 0x18; i < 0x180; i++) /* reserved, platform, path */
		CU_ASSERT_EQUAL(f.data[28 + i], 0);
	buf_release(&f);
}

static void round_trips(void)
{
	static const enum prelink_compression all[] = {PRELINK_PLAIN, PRELINK_LZSS,
						       PRELINK_LZVN};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < 3; i++) {
		struct buf f = BUF_INIT, back = BUF_INIT;
		enum prelink_compression how;

		pack(all[i], &f);
		ASSERT_OK(prelink_unpack(f.data, f.len, &back, &how, &e), &e);
		CU_ASSERT_EQUAL(how, all[i]);
		CU_ASSERT_EQUAL_FATAL(back.len, sizeof(macho));
		CU_ASSERT_EQUAL(memcmp(back.data, macho, sizeof(macho)), 0);
		CU_ASSERT_TRUE(prelink_replaceable(f.data, f.len) ==
			       (all[i] != PRELINK_PLAIN));
		buf_release(&f);
		buf_release(&back);
	}
}

/* Change byte @at of a good file; unpacking must fail with this message. */
static void broken(size_t at, uint8_t value, enum err_code code, const char *want)
{
	struct buf f = BUF_INIT, back = BUF_INIT;
	struct err e = ERR_INIT;

	pack(PRELINK_LZVN, &f);
	f.data[at] = value;
	ASSERT_FAILS(prelink_unpack(f.data, f.len, &back, NULL, &e), code);
	CU_ASSERT_STRING_EQUAL(e.msg, want);
	CU_ASSERT_EQUAL(back.len, 0);
	buf_release(&f);
	buf_release(&back);
}

static void messages(void)
{
	broken(28, 'X', E_CORRUPT,
	       "comp header at offset 0x1c: Compressed prelinked kernel has invalid signature: 0x586f6d70.");
	broken(28 + 7, 'x', E_CORRUPT,
	       "comp header at offset 0x1c: Compressed prelinked kernel has invalid compressType: 0x6c7a7678.");
	broken(28 + 0x0e, 0xff, E_CORRUPT,
	       "comp header at offset 0x1c: Compressed prelinked kernel uncompressed to an unexpected size: 20000.");
	broken(28 + 0x0b, 0x77, E_CORRUPT,
	       "comp header at offset 0x1c: "
	       "Checksum error for compressed prelinked kernel.");
	broken(11, 0x0c, E_UNSUPPORTED,
	       "The kext does not contain a fat slice for the target architecture.");
	broken(22, 0xff, E_CORRUPT,
	       "fat header at offset 0x8: The Mach-O file has been truncated. "
	       "Make sure the Mach-O header structures are correct.");
}

/* What is all of one byte expands most, and what claims to be more is not made room for. */
static void memory_follows_the_input(void)
{
	static const enum prelink_compression how[] = {PRELINK_LZSS, PRELINK_LZVN};
	static uint8_t same[200000];
	struct err e = ERR_INIT;

	memset(same, 'x', sizeof(same));
	for (size_t i = 0; i < 2; i++) {
		struct buf f = BUF_INIT, back = BUF_INIT;

		ASSERT_OK(prelink_pack(same, sizeof(same), how[i], true, &f, &e), &e);
		ASSERT_OK(prelink_unpack(f.data, f.len, &back, NULL, &e), &e);
		CU_ASSERT_EQUAL(back.len, sizeof(same));
		buf_release(&back);
		put_be32(f.data + 28 + 0x0c, PRELINK_MAX);
		ASSERT_FAILS(prelink_unpack(f.data, f.len, &back, NULL, &e), E_CORRUPT);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "unexpected size: 200000."));
		CU_ASSERT_TRUE(back.cap < PRELINK_MAX / 16);
		buf_release(&f);
		buf_release(&back);
	}
}

static void twice(void)
{
	struct buf f = BUF_INIT;
	struct err e = ERR_INIT;

	ASSERT_FAILS(prelink_pack("complzss", 8, PRELINK_LZSS, true, &f, &e), E_INVAL);
	CU_ASSERT_STRING_EQUAL(e.msg, "Prelinked kernel is already compressed.");
	buf_release(&f);
}

static void placeholder(void)
{
	CU_ASSERT_TRUE(prelink_replaceable("", 0));
	CU_ASSERT_FALSE(prelink_replaceable("hello, world, this is no kernel", 31));
	CU_ASSERT_FALSE(prelink_replaceable("abc", 3));
}

TEST_MAIN("prelink pack", {"fat header, comp header", layout},
	  {"round trips", round_trips},
	  {"what is wrong is said in kernelcache.c's words", messages},
	  {"memory follows the input", memory_follows_the_input},
	  {"no second compression", twice},
	  {"an empty file may be replaced, others not", placeholder})
