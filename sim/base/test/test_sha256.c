/* SPDX-License-Identifier: MIT */
/* Hashes of pairs against OpenSSL's, with and without the processor's instructions. */
#include "sim/base/test.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/sha256.h"

#define BYTES 40000

static struct sha256 sha;
static uint8_t data[BYTES];

static void start(void)
{
	struct err e = ERR_INIT;
	uint32_t x = 1;

	ASSERT_OK(sha256_init(&sha, &e), &e);
	for (size_t i = 0; i < BYTES; i++)
		data[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
}

static void one(void)
{
	/* FIPS 180-4, "abc". */
	static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
	uint8_t got[SHA256_SIZE];
	struct err e = ERR_INIT;

	ASSERT_OK(sha256_of(&sha, "abc", 3, got, &e), &e);
	CU_ASSERT_EQUAL(memcmp(got, abc, sizeof(abc)), 0);
}

static void same_as_openssl(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint8_t want[2][SHA256_SIZE], got[2][SHA256_SIZE];
	struct err e = ERR_INIT;

	SHA256(a, len, want[0]);
	SHA256(b, len, want[1]);
	ASSERT_OK(sha256_of_pair(&sha, a, b, len, got[0], got[1], &e), &e);
	CU_ASSERT_EQUAL(memcmp(got, want, sizeof(want)), 0);
}

static void all_lengths(void)
{
	for (size_t len = 0; len < 600; len++)
		same_as_openssl(data + len, data + 17, len);
	for (size_t len = 4096; len <= 16384; len += 4096)
		same_as_openssl(data + 16384, data, len);
	same_as_openssl(data, data, BYTES);
}

static void pairs(void)
{
	if (!sha.pairs)
		TEST_SKIP("the processor has no instructions for SHA-256");
	all_lengths();
}

static void pairs_without_instructions(void)
{
	bool had = sha.pairs;

	sha.pairs = false;
	all_lengths();
	sha.pairs = had;
}

static void end(void)
{
	sha256_release(&sha);
	sha256_release(&sha);
}

TEST_MAIN("sha256", {"starts", start}, {"hashes one piece", one},
	  {"hashes two pieces side by side", pairs},
	  {"hashes two pieces one after the other", pairs_without_instructions},
	  {"ends", end})
