/* SPDX-License-Identifier: MIT */
#include "sim/base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/formats/prelink/lz.h"

struct method {
	const char *name;
	int (*encode)(const uint8_t *src, size_t len, struct buf *out, struct err *e);
	size_t (*decode)(const uint8_t *src, size_t len, uint8_t *dst, size_t cap);
};

static const struct method lzss = {"lzss", lzss_encode, lzss_decode};
static const struct method lzvn = {"lzvn", lzvn_encode, lzvn_decode};

static uint32_t rng = 1;

static uint32_t next_random(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 17;
	rng ^= rng << 5;
	return rng;
}

/* Bytes with repetitions at all distances and of all lengths, and noise between them. */
static void fill(uint8_t *p, size_t len, unsigned noise)
{
	size_t at = 0;

	while (at < len) {
		uint32_t r = next_random();

		if (!at || r % 100 < noise) {
			p[at++] = (uint8_t)(r >> 8);
			continue;
		}
		size_t dist = 1 + (r >> 8) % (at < 70000 ? at : 70000);

		if (r & 0x80)
			dist = 1 + dist % (at < 300 ? at : 300);
		for (size_t n = 1 + next_random() % 400; n && at < len; n--, at++)
			p[at] = p[at - dist];
	}
}

static void round_trip(const struct method *m, const uint8_t *src, size_t len)
{
	struct buf packed = BUF_INIT;
	struct err e = ERR_INIT;
	uint8_t *back = malloc(len + 1);
	size_t got;

	CU_ASSERT_PTR_NOT_NULL_FATAL(back);
	ASSERT_OK(m->encode(src, len, &packed, &e), &e);
	got = m->decode(packed.data, packed.len, back, len);
	CU_ASSERT_EQUAL_FATAL(got, len);
	CU_ASSERT_EQUAL(memcmp(back, src, len), 0);
	/* every shorter input must end early and inside the output */
	for (size_t cut = 0; cut < packed.len; cut += 1 + packed.len / 50)
		CU_ASSERT_TRUE(m->decode(packed.data, cut, back, len) <= len);
	free(back);
	buf_release(&packed);
}

static void all_shapes(const struct method *m)
{
	static uint8_t data[300000];

	for (size_t len = 0; len < 40; len++) {
		memset(data, 'a', len);
		round_trip(m, data, len);
		fill(data, len, 50);
		round_trip(m, data, len);
	}
	for (unsigned noise = 0; noise <= 100; noise += 4) {
		fill(data, 20000 + noise, noise);
		round_trip(m, data, 20000 + noise);
	}
	fill(data, sizeof(data), 10);
	round_trip(m, data, sizeof(data));
	memset(data, 0, sizeof(data));
	round_trip(m, data, sizeof(data));
}

static void lzss_round_trips(void)
{
	all_shapes(&lzss);
}

static void lzvn_round_trips(void)
{
	all_shapes(&lzvn);
}

/* The ring starts full of spaces, the first byte goes to 4078: worked out by hand. */
static void lzss_known_stream(void)
{
	static const uint8_t in[] = {
		0x03, 'a',  'b', /* two literals, then pairs */
		0xee, 0xf1,	 /* position 0xfee, length 4: "abab" */
		0x00, 0x00,	 /* position 0: three spaces of the first filling */
	};
	uint8_t out[32];
	size_t n = lzss_decode(in, sizeof(in), out, sizeof(out));

	CU_ASSERT_EQUAL(n, 9);
	CU_ASSERT_EQUAL(memcmp(out, "ababab   ", 9), 0);
}

/* One of each opcode, put together by hand from the published table. */
static void lzvn_known_stream(void)
{
	static const uint8_t in[] = {
		0xe4,
		'a',
		'b',
		'c',
		'd', /* four literals */
		0x08,
		0x04, /* L 0, M 4, D 4 */
		0x40 | 0x00 | 6,
		'X', /* L 1, previous distance, M 3 */
		0x0e,
		0x16, /* nothing */
		0xa0 | 0x08 | 0,
		0x01 | 2 << 2,
		0x00,
		'Y', /* medium: L 1, M 4, D 2 */
		0x07 | 0x40,
		0x05,
		0x00,
		'Z',  /* large: L 1, M 3, D 5 */
		0xf2, /* two more at distance 5 */
		0xf0,
		0x00, /* sixteen more */
		0xe0,
		0x00,
		'0',
		'1',
		'2',
		'3',
		'4',
		'5',
		'6',
		'7',
		'8',
		'9',
		'A',
		'B',
		'C',
		'D',
		'E',
		'F', /* sixteen literals */
		0x06,
		0,
		0,
		0,
		0,
		0,
		0,
		0, /* end */
		0xe1,
		'!', /* never read */
	};
	char want[128] = "abcdabcd";
	uint8_t out[128];
	size_t n, w = 8;

	want[w++] = 'X';
	for (int i = 0; i < 3; i++, w++)
		want[w] = want[w - 4];
	want[w++] = 'Y';
	for (int i = 0; i < 4; i++, w++)
		want[w] = want[w - 2];
	want[w++] = 'Z';
	for (int i = 0; i < 3 + 2 + 16; i++, w++)
		want[w] = want[w - 5];
	memcpy(want + w, "0123456789ABCDEF", 16);
	w += 16;
	n = lzvn_decode(in, sizeof(in), out, sizeof(out));
	CU_ASSERT_EQUAL(n, w);
	CU_ASSERT_EQUAL(memcmp(out, want, w), 0);
}

static void lzvn_refuses(void)
{
	static const uint8_t undefined[] = {0x1e, 0x26, 0x2e, 0x36, 0x3e,
					    0x70, 0x7f, 0xd0, 0xd7, 0xdf};
	uint8_t out[16];

	for (size_t i = 0; i < sizeof(undefined); i++) {
		const uint8_t in[] = {0xe1, 'a', undefined[i], 'b', 0xe1, 'c'};

		CU_ASSERT_EQUAL(lzvn_decode(in, sizeof(in), out, sizeof(out)), 1);
	}
	/* a match that begins before the output, and one with no distance yet */
	CU_ASSERT_EQUAL(lzvn_decode((const uint8_t[]){0xe1, 'a', 0x00, 0x02}, 4, out, 16),
			1);
	CU_ASSERT_EQUAL(lzvn_decode((const uint8_t[]){0xe1, 'a', 0xf3}, 3, out, 16), 1);
}

static void they_compress(void)
{
	static uint8_t data[100000];
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct err e = ERR_INIT;

	rng = 7;
	fill(data, sizeof(data), 5);
	ASSERT_OK(lzss_encode(data, sizeof(data), &a, &e), &e);
	ASSERT_OK(lzvn_encode(data, sizeof(data), &b, &e), &e);
	CU_ASSERT_TRUE(a.len < sizeof(data) / 2);
	CU_ASSERT_TRUE(b.len < sizeof(data) / 5);
	buf_release(&a);
	buf_release(&b);
}

static void noise_decodes_to_something(void)
{
	uint8_t in[200], out[500];

	for (int i = 0; i < 20000; i++) {
		size_t len = next_random() % sizeof(in),
		       cap = next_random() % sizeof(out);

		for (size_t k = 0; k < len; k++)
			in[k] = (uint8_t)next_random();
		CU_ASSERT_TRUE(lzss_decode(in, len, out, cap) <= cap);
		CU_ASSERT_TRUE(lzvn_decode(in, len, out, cap) <= cap);
	}
}

/* In a disk image, where it knows LZVN as a kind of block of lzfse. */
static void seven_zip_unpacks(const uint8_t *data, size_t len)
{
	struct buf packed = BUF_INIT;
	struct err e = ERR_INIT;
	char path[4096];

	ASSERT_OK(lzvn_encode(data, len, &packed, &e), &e);
	snprintf(path, sizeof(path), "%s/packed", test_tmpdir());
	ASSERT_OK(fsio_write_atomic(path, packed.data, packed.len, 0644, &e), &e);
	snprintf(path, sizeof(path), "%s/raw", test_tmpdir());
	ASSERT_OK(fsio_write_atomic(path, data, len, 0644, &e), &e);
	CU_ASSERT_EQUAL(test_shell("T='%s'; perl '%s' $T/packed %zu >$T/x.dmg && "
				   "7zz x -tdmg -so $T/x.dmg 2>$T/7zz | cmp - $T/raw",
				   test_tmpdir(),
				   test_source("sim/formats/prelink/test/dmg.pl"), len),
			0);
	buf_release(&packed);
}

static void seven_zip_unpacks_lzvn(void)
{
	static uint8_t data[512 * 512];

	if (test_shell("command -v 7zz >/dev/null"))
		TEST_SKIP("7zz is not installed");
	for (unsigned noise = 0; noise <= 100; noise += 20) {
		fill(data, sizeof(data), noise);
		seven_zip_unpacks(data, sizeof(data));
	}
	memset(data, 0, sizeof(data));
	seven_zip_unpacks(data, sizeof(data));
}

TEST_MAIN("lz", {"lzss round trips", lzss_round_trips},
	  {"lzvn round trips", lzvn_round_trips},
	  {"lzss decodes a stream made by hand", lzss_known_stream},
	  {"lzvn decodes a stream made by hand", lzvn_known_stream},
	  {"lzvn stops at codes without meaning", lzvn_refuses},
	  {"both make it smaller", they_compress},
	  {"7-Zip unpacks our lzvn", seven_zip_unpacks_lzvn},
	  {"noise never leaves the output", noise_decodes_to_something})
