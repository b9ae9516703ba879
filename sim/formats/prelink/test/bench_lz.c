/* SPDX-License-Identifier: MIT */
/*
 * For ci/bench.sh: how fast a file is compressed and decompressed in memory, and how small
 * it gets, by us and by libraries. usage: bench-lz FILE. A line for each: name, MB/s of
 * compression, of decompression (both of the file's bytes), bytes that are left. The best
 * of some runs counts. Compiled with -DLZFSE and the sources of Apple's lzfse, whose names are
 * ours in part, it measures the LZVN of those alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zlib.h>

#include "sim/base/fsio.h"
#ifdef LZFSE
#include "lzfse_internal.h"
#include "lzvn_decode_base.h"
#else
#include "sim/formats/prelink/lz.h"
#endif

#define INPUT_MAX (256u << 20)
#define ROOM(len) ((len) + (len) / 8 + 4096)
#define RUNS	  5

/* Each gives the bytes that it wrote; 0: it failed. */
struct method {
	const char *name;
	size_t (*compress)(uint8_t *dst, size_t cap, const uint8_t *src, size_t len);
	size_t (*decompress)(uint8_t *dst, size_t cap, const uint8_t *src, size_t len);
};

#ifdef LZFSE

static size_t lzfse_compress(uint8_t *dst, size_t cap, const uint8_t *src, size_t len)
{
	void *work = malloc(lzvn_encode_scratch_size());
	size_t n = work ? lzvn_encode_buffer(dst, cap, src, len, work) : 0;

	free(work);
	return n;
}

static size_t lzfse_decompress(uint8_t *dst, size_t cap, const uint8_t *src, size_t len)
{
	lzvn_decoder_state s = {.src = src,
				.src_end = src + len,
				.dst = dst,
				.dst_begin = dst,
				.dst_end = dst + cap};

	lzvn_decode(&s);
	return (size_t)(s.dst - dst);
}

static const struct method methods[] = {{"lzfse", lzfse_compress, lzfse_decompress}};

#else

static size_t encode(int (*ours)(const uint8_t *, size_t, struct buf *, struct err *),
		     uint8_t *dst, size_t cap, const uint8_t *src, size_t len)
{
	struct buf out = BUF_INIT;
	size_t n = ours(src, len, &out, NULL) || out.len > cap ? 0 : out.len;

	if (n)
		memcpy(dst, out.data, n);
	buf_release(&out);
	return n;
}

static size_t lzss_compress(uint8_t *dst, size_t cap, const uint8_t *src, size_t len)
{
	return encode(lzss_encode, dst, cap, src, len);
}

static size_t lzss_decompress(uint8_t *dst, size_t cap, const uint8_t *src, size_t len)
{
	return lzss_decode(src, len, dst, cap);
}

static size_t lzvn_compress(uint8_t *dst, size_t cap, const uint8_t *src, size_t len)
{
	return encode(lzvn_encode, dst, cap, src, len);
}

static size_t lzvn_decompress(uint8_t *dst, size_t cap, const uint8_t *src, size_t len)
{
	return lzvn_decode(src, len, dst, cap);
}

static size_t deflate_at(int level, uint8_t *dst, size_t cap, const uint8_t *src, size_t len)
{
	uLongf n = cap;

	return compress2(dst, &n, src, len, level) == Z_OK ? n : 0;
}

static size_t zlib_1(uint8_t *dst, size_t cap, const uint8_t *src, size_t len)
{
	return deflate_at(1, dst, cap, src, len);
}

static size_t zlib_6(uint8_t *dst, size_t cap, const uint8_t *src, size_t len)
{
	return deflate_at(6, dst, cap, src, len);
}

static size_t zlib_inflate(uint8_t *dst, size_t cap, const uint8_t *src, size_t len)
{
	uLongf n = cap;

	return uncompress(dst, &n, src, len) == Z_OK ? n : 0;
}

static const struct method methods[] = {
	{"lzss", lzss_compress, lzss_decompress},
	{"lzvn", lzvn_compress, lzvn_decompress},
	{"zlib-1", zlib_1, zlib_inflate},
	{"zlib-6", zlib_6, zlib_inflate},
};

#endif

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) +
	       (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* The seconds of the fastest of some runs. */
static double best(size_t (*work)(uint8_t *, size_t, const uint8_t *, size_t), uint8_t *dst,
		   size_t cap, const uint8_t *src, size_t len, size_t *ret)
{
	double least = 0;

	for (int i = 0; i < RUNS; i++) {
		struct timespec start;
		double s;

		clock_gettime(CLOCK_MONOTONIC, &start);
		*ret = work(dst, cap, src, len);
		s = seconds_since(&start);
		if (!i || s < least)
			least = s;
	}
	return least;
}

/* All buffers have ROOM(in->len) bytes. */
static int measure(const struct method *m, const struct buf *in, uint8_t *packed,
		   uint8_t *back)
{
	size_t n, got;
	double c = best(m->compress, packed, ROOM(in->len), in->data, in->len, &n);
	double d = best(m->decompress, back, in->len, packed, n, &got);

	if (!n || got != in->len || memcmp(back, in->data, in->len)) {
		fprintf(stderr, "bench-lz: %s does not give back what it got\n", m->name);
		return 1;
	}
	printf("%s %.1f %.1f %zu\n", m->name, (double)in->len / c / 1e6,
	       (double)in->len / d / 1e6, n);
	return 0;
}

int main(int argc, char **argv)
{
	struct buf in = BUF_INIT;
	struct err e = ERR_INIT;
	uint8_t *packed, *back;
	int bad = 0;

	if (argc != 2 || fsio_read(argv[1], INPUT_MAX, &in, &e)) {
		fprintf(stderr, "bench-lz FILE: %s\n", e.msg);
		return 2;
	}
	packed = malloc(ROOM(in.len));
	back = malloc(ROOM(in.len));
	for (size_t i = 0; packed && back && i < sizeof(methods) / sizeof(methods[0]); i++)
		bad |= measure(&methods[i], &in, packed, back);
	free(packed);
	free(back);
	buf_release(&in);
	return bad;
}
