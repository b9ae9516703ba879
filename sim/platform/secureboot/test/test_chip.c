/* SPDX-License-Identifier: MIT */
/* The laboratory's keys, and the chip on its device. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/secureboot/test/lab.h"

static char dir[512];

static const char *keys_dir(const char *name)
{
	snprintf(dir, sizeof(dir), "%s/%s", test_tmpdir(), name);
	return dir;
}

static bool same_keys(const struct sb_keys *a, const struct sb_keys *b)
{
	char x[SHA256_TEXT_MAX], y[SHA256_TEXT_MAX];
	struct err e = ERR_INIT;

	ASSERT_OK(sb_keys_fingerprint(a, x, &e), &e);
	ASSERT_OK(sb_keys_fingerprint(b, y, &e), &e);
	return !strcmp(x, y);
}

static void keys_are_made_once(void)
{
	struct sb_keys a, b;
	struct err e = ERR_INIT;

	ASSERT_OK(sb_keys_load(keys_dir("once"), &a, &e), &e);
	ASSERT_OK(sb_keys_load(keys_dir("once"), &b, &e), &e);
	CU_ASSERT_TRUE(same_keys(&a, &b));
	CU_ASSERT_FALSE(same_keys(&a, lab_keys()));
	CU_ASSERT_NOT_EQUAL(memcmp(a.root_hash, lab_keys()->root_hash, 48), 0);
	sb_keys_release(&a);
	sb_keys_release(&b);
}

/* Two processes that want keys where there are none: both have the same. */
static void makers_wait_for_each_other(void)
{
	char text[2][SHA256_TEXT_MAX] = {"", ""};
	struct err e = ERR_INIT;
	int fd[2], status;

	CU_ASSERT_EQUAL_FATAL(pipe(fd), 0);
	keys_dir("race");
	for (int i = 0; i < 2; i++) {
		struct sb_keys k;

		if (fork())
			continue;
		if (sb_keys_load(dir, &k, &e) || sb_keys_fingerprint(&k, text[0], &e) ||
		    write(fd[1], text[0], sizeof(text[0])) != sizeof(text[0]))
			_exit(1);
		_exit(0);
	}
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_TRUE(wait(&status) > 0 && status == 0);
		CU_ASSERT_EQUAL(read(fd[0], text[i], sizeof(text[i])),
				(ssize_t)sizeof(text[i]));
	}
	CU_ASSERT_STRING_EQUAL(text[0], text[1]);
	CU_ASSERT_EQUAL(strlen(text[0]), 64);
	close(fd[0]);
	close(fd[1]);
}

static void damaged_keys_are_not_made_anew(void)
{
	char path[600];
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct sb_keys k;

	ASSERT_OK(sb_keys_load(keys_dir("once"), &k, &e), &e);
	sb_keys_release(&k);
	snprintf(path, sizeof(path), "%s/lab.pem", dir);
	ASSERT_OK(fsio_read(path, 65536, &b, &e), &e);
	for (size_t i = b.len % 211; i < b.len; i += 211) {
		b.data[i] ^= 4;
		ASSERT_OK(fsio_write_atomic(path, b.data, b.len, 0600, &e), &e);
		CU_ASSERT_EQUAL(sb_keys_load(dir, &k, &e), -(int)E_CORRUPT);
		b.data[i] ^= 4;
	}
	b.data[b.len - 1] ^= 4;
	ASSERT_OK(fsio_write_atomic(path, b.data, b.len, 0600, &e), &e);
	CU_ASSERT_EQUAL(sb_keys_load(dir, &k, &e), -(int)E_CORRUPT);
	b.data[b.len - 1] ^= 4;
	ASSERT_OK(fsio_write_atomic(path, b.data, b.len - 1, 0600, &e), &e);
	CU_ASSERT_EQUAL(sb_keys_load(dir, &k, &e), -(int)E_CORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "remove it to have new keys made"));
	ASSERT_OK(fsio_write_atomic(path, b.data, b.len, 0600, &e), &e);
	ASSERT_OK(sb_keys_load(dir, &k, &e), &e);
	sb_keys_release(&k);
	buf_release(&b);
}

static void what_is_derived_follows_from_seed_and_label(void)
{
	const struct sb_keys *k = lab_keys();
	uint8_t a[200], b[200];
	struct err e = ERR_INIT;

	ASSERT_OK(sb_keys_derive(k, "x", a, sizeof(a), &e), &e);
	ASSERT_OK(sb_keys_derive(k, "x", b, sizeof(b), &e), &e);
	CU_ASSERT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	ASSERT_OK(sb_keys_derive(k, "y", b, sizeof(b), &e), &e);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, 16), 0);
}

/* Our certificates in the eyes of OpenSSL's program. */
static void openssl_verifies_the_authorities(void)
{
	static const char *const names[] = {"root", "ca", "tss", "baa"};
	const struct sb_keys *k = lab_keys();
	char path[600];
	struct err e = ERR_INIT;
	struct lab l;

	if (test_shell("command -v openssl >/dev/null"))
		TEST_SKIP("no openssl");
	for (size_t i = 0; i < SB_N_AUTHORITIES; i++) {
		snprintf(path, sizeof(path), "%s/%s", test_tmpdir(), names[i]);
		ASSERT_OK(fsio_write_atomic(path, k->id[i].cert.data, k->id[i].cert.len,
					    0644, &e),
			  &e);
	}
	lab_mac(&l, "m1", SB_FULL);
	snprintf(path, sizeof(path), "%s/oic", test_tmpdir());
	ASSERT_OK(fsio_write_atomic(path, l.chip.sep.oic.data, l.chip.sep.oic.len, 0644,
				    &e),
		  &e);
	CU_ASSERT_EQUAL(
		test_shell(
			"cd %s && for f in root ca tss baa oic; do"
			" openssl x509 -inform DER -in $f -out $f.pem || exit 1; done &&"
			" openssl verify -CAfile root.pem -untrusted ca.pem tss.pem &&"
			" openssl verify -CAfile root.pem -untrusted baa.pem oic.pem &&"
			" ! openssl verify -CAfile root.pem -untrusted ca.pem oic.pem"
			" 2>/dev/null >&2",
			test_tmpdir()),
		0);
	lab_release(&l);
}

static const char *device(void)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/chip.bin", test_tmpdir());
	return path;
}

static void new_device(void)
{
	unlink(device());
}

static bool same_buf(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

static void a_chip_comes_back(void)
{
	struct err e = ERR_INIT;
	struct sb_chip back;
	struct lab l;

	lab_mac(&l, "m1-max", SB_FULL);
	new_device();
	l.chip.sep.nonce[SEP_RON].has_proposed = true;
	l.chip.sep.nonce[SEP_RON].proposed[3] = 0x5a;
	ASSERT_OK(sb_chip_store_file(&l.chip, device(), &e), &e);
	sb_chip_init(&back);
	ASSERT_OK(sb_chip_load_file(&back, device(), &e), &e);
	CU_ASSERT_EQUAL(memcmp(&back.id, &l.chip.id, sizeof(back.id)), 0);
	CU_ASSERT_EQUAL(back.id.chip, 0x6001);
	CU_ASSERT_EQUAL(back.id.ecid >> 53, 0);
	CU_ASSERT_NOT_EQUAL(back.id.ecid, 0);
	CU_ASSERT_EQUAL(memcmp(back.root_hash, l.chip.root_hash, 48), 0);
	CU_ASSERT_EQUAL(memcmp(back.sep.nonce, l.chip.sep.nonce, sizeof(back.sep.nonce)),
			0);
	CU_ASSERT_EQUAL(memcmp(back.generator, l.chip.generator, 8), 0);
	CU_ASSERT_TRUE(same_buf(&back.root, &l.chip.root));
	CU_ASSERT_TRUE(same_buf(&back.sep.oik, &l.chip.sep.oik));
	CU_ASSERT_TRUE(same_buf(&back.sep.oic, &l.chip.sep.oic));
	CU_ASSERT_EQUAL(back.n_nor, 2);
	CU_ASSERT_TRUE(same_buf(sb_chip_nor(&back, FOURCC('i', 'l', 'l', 'b')),
				sb_chip_nor(&l.chip, FOURCC('i', 'l', 'l', 'b'))));
	CU_ASSERT_EQUAL(back.sequence, 1);
	sb_chip_release(&back);
	lab_release(&l);
}

static void overwrite(off_t off, uint8_t byte)
{
	int fd = open(device(), O_WRONLY);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(pwrite(fd, &byte, 1, off), 1);
	close(fd);
}

static void a_torn_store_leaves_the_one_before(void)
{
	struct err e = ERR_INIT;
	struct sb_chip back;
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	new_device();
	sb_chip_init(&back);
	for (uint8_t i = 1; i <= 3; i++) { /* the third goes over the first */
		l.chip.generator[0] = i;
		ASSERT_OK(sb_chip_store_file(&l.chip, device(), &e), &e);
		CU_ASSERT_EQUAL(l.chip.sequence, i);
	}
	ASSERT_OK(sb_chip_load_file(&back, device(), &e), &e);
	CU_ASSERT_EQUAL(back.generator[0], 3);
	overwrite(100, 0xee);
	ASSERT_OK(sb_chip_load_file(&back, device(), &e), &e);
	CU_ASSERT_EQUAL(back.generator[0], 2);
	overwrite(SB_CHIP_SIZE / 2 + 100, 0xee);
	ASSERT_FAILS(sb_chip_load_file(&back, device(), &e), E_CORRUPT);
	CU_ASSERT_EQUAL(test_shell("head -c %u /dev/zero > %s", SB_CHIP_SIZE, device()),
			0);
	ASSERT_FAILS(sb_chip_load_file(&back, device(), &e), E_NOTFOUND);
	ASSERT_OK(fsio_write_atomic(device(), "short", 5, 0644, &e), &e);
	ASSERT_FAILS(sb_chip_load_file(&back, device(), &e), E_CORRUPT);
	sb_chip_release(&back);
	lab_release(&l);
}

static void fuses_stay_burnt(void)
{
	struct err e = ERR_INIT;
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	new_device();
	ASSERT_OK(sb_chip_store_file(&l.chip, device(), &e), &e);
	l.chip.id.ecid ^= 1;
	ASSERT_FAILS(sb_chip_store_file(&l.chip, device(), &e), E_PERM);
	l.chip.id.ecid ^= 1;
	l.chip.root.data[10] ^= 1;
	ASSERT_FAILS(sb_chip_store_file(&l.chip, device(), &e), E_PERM);
	l.chip.root.data[10] ^= 1;
	ASSERT_OK(sb_chip_store_file(&l.chip, device(), &e), &e);
	lab_release(&l);
}

static void a_full_chip_refuses_and_keeps(void)
{
	static uint8_t big[SB_CHIP_SIZE / 2];
	struct err e = ERR_INIT;
	struct sb_chip back;
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	new_device();
	ASSERT_OK(sb_chip_store_file(&l.chip, device(), &e), &e);
	ASSERT_OK(sb_chip_set_nor(&l.chip, FOURCC('a', 'n', 's', 'f'), big, sizeof(big),
				  &e),
		  &e);
	ASSERT_FAILS(sb_chip_store_file(&l.chip, device(), &e), E_OVERFLOW);
	sb_chip_init(&back);
	ASSERT_OK(sb_chip_load_file(&back, device(), &e), &e);
	CU_ASSERT_EQUAL(back.n_nor, 2);
	sb_chip_release(&back);
	for (uint32_t i = 0; i < SB_NOR_MAX - 3; i++)
		ASSERT_OK(sb_chip_set_nor(&l.chip, FOURCC('a', 'a', 'a', 'a' + i), "", 1,
					  &e),
			  &e);
	ASSERT_FAILS(sb_chip_set_nor(&l.chip, FOURCC('b', 'b', 'b', 'b'), "", 1, &e),
		     E_OVERFLOW);
	lab_release(&l);
}

TEST_MAIN("chip", {"keys are made once", keys_are_made_once},
	  {"makers wait for each other", makers_wait_for_each_other},
	  {"damaged keys are not made anew", damaged_keys_are_not_made_anew},
	  {"what is derived follows from seed and label",
	   what_is_derived_follows_from_seed_and_label},
	  {"openssl verifies the authorities", openssl_verifies_the_authorities},
	  {"a chip comes back", a_chip_comes_back},
	  {"a torn store leaves the one before", a_torn_store_leaves_the_one_before},
	  {"fuses stay burnt", fuses_stay_burnt},
	  {"a full chip refuses and keeps", a_full_chip_refuses_and_keeps})
