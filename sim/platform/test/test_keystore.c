/* SPDX-License-Identifier: MIT */
/* Keys that are made once, and parsed when they are wanted. */
#include "sim/base/test.h"

#include <stdio.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/platform/keystore.h"

#define NAME "two"
#define KEYS 2u

static struct keystore load(void)
{
	struct keystore k = {.n = 0};
	struct err e = ERR_INIT;

	ASSERT_OK(keystore_load(test_tmpdir(), NAME, KEYS, &k, &e), &e);
	return k;
}

static EVP_PKEY *key(struct keystore *k, size_t i)
{
	EVP_PKEY *ret = NULL;
	struct err e = ERR_INIT;

	ASSERT_OK(keystore_key(k, i, &ret, &e), &e);
	return ret;
}

static void made_once(void)
{
	struct keystore made = load(), read = load();

	CU_ASSERT_EQUAL(memcmp(made.seed, read.seed, sizeof(made.seed)), 0);
	CU_ASSERT_PTR_NULL(read.key[1]); /* nobody wanted it yet */
	for (size_t i = KEYS; i-- > 0;)
		CU_ASSERT_EQUAL(EVP_PKEY_eq(key(&made, i), key(&read, i)), 1);
	CU_ASSERT_EQUAL(EVP_PKEY_eq(key(&read, 0), key(&read, 1)), 0);
	CU_ASSERT_PTR_EQUAL(key(&read, 1), read.key[1]);
	keystore_release(&made);
	keystore_release(&read);
}

/* Whatever byte it is, and of a key that nobody asks for, too. */
static void damage_is_seen(void)
{
	struct keystore k = load();
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	char path[4096];

	keystore_release(&k);
	snprintf(path, sizeof(path), "%s/" NAME ".pem", test_tmpdir());
	ASSERT_OK(fsio_read(path, 65536, &text, &e), &e);
	for (size_t at = 40; at < text.len; at += text.len / 40) {
		text.data[at] ^= 1;
		ASSERT_OK(fsio_write_atomic(path, text.data, text.len, 0600, &e), &e);
		ASSERT_FAILS(keystore_load(test_tmpdir(), NAME, KEYS, &k, &e), E_CORRUPT);
		text.data[at] ^= 1;
	}
	ASSERT_OK(fsio_write_atomic(path, text.data, text.len, 0600, &e), &e);
	k = load();
	keystore_release(&k);
	buf_release(&text);
}

TEST_MAIN("keystore", {"keys are made once, and parsed when wanted", made_once},
	  {"damage is seen", damage_is_seen})
