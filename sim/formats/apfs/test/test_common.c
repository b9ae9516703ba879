/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "sim/base/test.h"
#include "sim/formats/apfs/common.h"

/* Hashes as stored in images that Macs made. */
static void hashes_names_as_macs_do(void)
{
	static const struct {
		const char *name;
		bool fold;
		uint32_t hash;
	} apple[] = {
		{"root", false, 0x2d9c79},	    {"private-dir", false, 0x2b29a3},
		{".DS_Store", true, 0x098bb0},	    {"foo.txt", true, 0x26b404},
		{"bar.txt", true, 0x2bdad7},	    {".fseventsd", true, 0x272f85},
		{"fseventsd-uuid", true, 0x044485}, {"a_directory", true, 0x1fe6f2},
		{"a_file", true, 0x3452f6},
	};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(apple) / sizeof(apple[0]); i++) {
		uint32_t hash = 0;

		ASSERT_OK(apfs_name_hash(apple[i].name, apple[i].fold, &hash, &e), &e);
		CU_ASSERT_EQUAL(hash, apple[i].hash);
	}
}

static void composed_and_decomposed_names_are_one(void)
{
	struct err e = ERR_INIT;
	uint32_t a, b;

	/* e-acute as one code point and as two */
	ASSERT_OK(apfs_name_hash("caf\xc3\xa9", false, &a, &e), &e);
	ASSERT_OK(apfs_name_hash("cafe\xcc\x81", false, &b, &e), &e);
	CU_ASSERT_EQUAL(a, b);
	CU_ASSERT_TRUE(apfs_name_same("caf\xc3\xa9", "cafe\xcc\x81", false));
	CU_ASSERT_FALSE(apfs_name_same("caf\xc3\x89", "caf\xc3\xa9", false));
	CU_ASSERT_TRUE(apfs_name_same("caf\xc3\x89", "cafe\xcc\x81", true));
	/* full case folding: sharp s is ss */
	CU_ASSERT_TRUE(apfs_name_same("stra\xc3\x9f"
				      "e",
				      "STRASSE", true));
	/* Greek iota below the letter folds to iota beside it. */
	CU_ASSERT_TRUE(apfs_name_same("\xe1\xbe\x80", "\xe1\xbc\x80\xce\xb9", true));
	CU_ASSERT_FALSE(apfs_name_same("\xe1\xbe\x80", "\xe1\xbc\x80\xce\xb9", false));
	CU_ASSERT_FALSE(apfs_name_same("a", "b", true));
}

static void refuses_bad_names(void)
{
	char name[APFS_NAME_MAX + 2];
	struct err e = ERR_INIT;
	uint32_t hash;

	memset(name, 'x', sizeof(name));
	name[APFS_NAME_MAX + 1] = '\0';
	ASSERT_FAILS(apfs_name_check(name, &e), E_INVAL);
	name[APFS_NAME_MAX] = '\0';
	ASSERT_OK(apfs_name_check(name, &e), &e);
	ASSERT_FAILS(apfs_name_check("", &e), E_INVAL);
	ASSERT_FAILS(apfs_name_check(".", &e), E_INVAL);
	ASSERT_FAILS(apfs_name_check("..", &e), E_INVAL);
	ASSERT_FAILS(apfs_name_check("a/b", &e), E_INVAL);
	ASSERT_FAILS(apfs_name_check("a\xff", &e), E_INVAL);
	ASSERT_FAILS(apfs_name_check("\xef\xbf\xbf", &e), E_INVAL); /* U+FFFF */
	ASSERT_OK(apfs_name_check("\xef\xbf\xbd", &e), &e);
	ASSERT_FAILS(apfs_name_hash("\xc3", false, &hash, &e), E_INVAL);
}

static void checksum_finds_any_change(void)
{
	uint8_t block[APFS_BLOCK_SIZE];

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (uint8_t)(i * 7 + i / 256);
	apfs_obj_seal(block, 1234, 5, APFS_OBJ_PHYSICAL | APFS_OT_OMAP, 0);
	CU_ASSERT_TRUE(apfs_checksum_ok(block, sizeof(block)));
	CU_ASSERT_EQUAL(get_le64(block + 8), 1234);
	for (size_t i = 0; i < sizeof(block); i += 97) {
		block[i] ^= 0x10;
		CU_ASSERT_FALSE(apfs_checksum_ok(block, sizeof(block)));
		block[i] ^= 0x10;
	}
}

/* Runs of 0xff bytes make the largest sums; more than one reduction is needed. */
static void checksum_does_not_overflow(void)
{
	static uint8_t big[64 * APFS_BLOCK_SIZE];
	unsigned __int128 s1 = 0, s2 = 0;

	memset(big, 0xff, sizeof(big));
	put_le64(big, apfs_checksum(big, sizeof(big)));
	for (size_t i = 8; i < sizeof(big); i += 4) {
		s1 += get_le32(big + i);
		s2 += s1;
	}
	s1 += get_le32(big);
	s2 += s1;
	s1 += get_le32(big + 4);
	s2 += s1;
	CU_ASSERT_EQUAL((uint64_t)(s1 % 0xffffffff), 0);
	CU_ASSERT_EQUAL((uint64_t)(s2 % 0xffffffff), 0);
}

static void crc_of_the_standard_vector(void)
{
	CU_ASSERT_EQUAL(apfs_crc32c(0xffffffff, "123456789", 9) ^ 0xffffffff, 0xe3069283);
}

TEST_MAIN("apfs common", {"hashes names as Macs do", hashes_names_as_macs_do},
	  {"composed and decomposed names are one",
	   composed_and_decomposed_names_are_one},
	  {"refuses bad names", refuses_bad_names},
	  {"the checksum finds any change", checksum_finds_any_change},
	  {"the checksum does not overflow", checksum_does_not_overflow},
	  {"CRC-32C of the standard vector", crc_of_the_standard_vector})
