/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 (FIPS 180-4) of two messages at once with the instructions of x86 for it. One
 * message leaves them idle half of the time, since each waits for the one before; two
 * that do not depend on each other fill the gaps.
 */
#include "sim/base/sha256.h"

#include <string.h>

#include "sim/base/bytes.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define BLOCK  64
#define SHA_NI __attribute__((target("sha,ssse3,sse4.1")))

static const uint32_t k[64] __attribute__((aligned(16))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* The state in the order of the instructions: words A B E F and C D G H. */
struct lane {
	__m128i abef, cdgh;
};

static const struct {
	uint32_t abef[4], cdgh[4]; /* from the low word up */
} start = {
	{0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667},
	{0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372},
};

bool sha256_can_pair(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) &&
	       __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1");
}

SHA_NI static inline __m128i load_words(const uint8_t *p)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);

	return _mm_shuffle_epi8(_mm_loadu_si128((const void *)p), swap);
}

/* The four words of the schedule that follow w[0] to w[3], of four words each. */
SHA_NI static inline __m128i next_words(const __m128i w[4], unsigned g)
{
	__m128i t = _mm_sha256msg1_epu32(w[g % 4], w[(g + 1) % 4]);

	t = _mm_add_epi32(t, _mm_alignr_epi8(w[(g + 3) % 4], w[(g + 2) % 4], 4));
	return _mm_sha256msg2_epu32(t, w[(g + 3) % 4]);
}

SHA_NI static inline void four_rounds(struct lane *s, __m128i wk)
{
	s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, wk);
	s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

SHA_NI static void hash_blocks(struct lane s[2], const uint8_t *a, const uint8_t *b,
			       size_t n)
{
	for (; n; n--, a += BLOCK, b += BLOCK) {
		const struct lane before[2] = {s[0], s[1]};
		__m128i w[2][4];

#pragma GCC unroll 16
		for (unsigned g = 0; g < 16; g++) {
			const __m128i kg = _mm_load_si128((const __m128i *)(k + 4 * g));

			if (g < 4) {
				w[0][g] = load_words(a + 16 * g);
				w[1][g] = load_words(b + 16 * g);
			} else {
				w[0][g % 4] = next_words(w[0], g);
				w[1][g % 4] = next_words(w[1], g);
			}
			four_rounds(&s[0], _mm_add_epi32(w[0][g % 4], kg));
			four_rounds(&s[1], _mm_add_epi32(w[1][g % 4], kg));
		}
		for (int i = 0; i < 2; i++) {
			s[i].abef = _mm_add_epi32(s[i].abef, before[i].abef);
			s[i].cdgh = _mm_add_epi32(s[i].cdgh, before[i].cdgh);
		}
	}
}

/* What is left of a message of @len bytes, with the padding: one block or two. */
static size_t pad(const uint8_t *p, size_t len, uint8_t out[static 2 * BLOCK])
{
	size_t rest = len % BLOCK, end = rest < BLOCK - 8 ? BLOCK : 2 * BLOCK;

	memset(out, 0, 2 * BLOCK);
	memcpy(out, p + (len - rest), rest);
	out[rest] = 0x80;
	put_be32(out + end - 8, (uint32_t)((uint64_t)len >> 29));
	put_be32(out + end - 4, (uint32_t)((uint64_t)len << 3));
	return end / BLOCK;
}

SHA_NI static void store(const struct lane *s, uint8_t out[static SHA256_SIZE])
{
	uint32_t x[4], y[4];

	_mm_storeu_si128((__m128i *)x, s->abef);
	_mm_storeu_si128((__m128i *)y, s->cdgh);
	for (int i = 0; i < 2; i++) {
		put_be32(out + 4 * i, x[3 - i]);
		put_be32(out + 8 + 4 * i, y[3 - i]);
		put_be32(out + 16 + 4 * i, x[1 - i]);
		put_be32(out + 24 + 4 * i, y[1 - i]);
	}
}

SHA_NI static void hash_pair(const uint8_t *a, const uint8_t *b, size_t len,
			     uint8_t *out_a, uint8_t *out_b)
{
	const __m128i abef = _mm_loadu_si128((const __m128i *)start.abef);
	const __m128i cdgh = _mm_loadu_si128((const __m128i *)start.cdgh);
	struct lane s[2] = {{abef, cdgh}, {abef, cdgh}};
	uint8_t last[2][2 * BLOCK];
	size_t n;

	hash_blocks(s, a, b, len / BLOCK);
	pad(a, len, last[0]);
	n = pad(b, len, last[1]);
	hash_blocks(s, last[0], last[1], n);
	store(&s[0], out_a);
	store(&s[1], out_b);
}
#else
bool sha256_can_pair(void)
{
	return false;
}

static void hash_pair(const uint8_t *a, const uint8_t *b, size_t len, uint8_t *out_a,
		      uint8_t *out_b)
{
	(void)a, (void)b, (void)len, (void)out_a, (void)out_b;
}
#endif

int sha256_of_pair(struct sha256 *s, const void *a, const void *b, size_t len,
		   uint8_t out_a[static SHA256_SIZE], uint8_t out_b[static SHA256_SIZE],
		   struct err *e)
{
	int r;

	if (s->pairs) {
		hash_pair(a, b, len, out_a, out_b);
		return 0;
	}
	r = sha256_of(s, a, len, out_a, e);
	return r ? r : sha256_of(s, b, len, out_b, e);
}
