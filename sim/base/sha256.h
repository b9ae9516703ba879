/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 of many short pieces. OpenSSL's one call for all looks the algorithm up each
 * time, which costs as much as hashing some hundred bytes; here it is looked up once.
 */
#ifndef SIM_BASE_SHA256_H
#define SIM_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

#define SHA256_SIZE 32

/* One thread at a time may use it. Zero-initialised it can be released. */
struct sha256 {
	void *md, *ctx; /* owned; EVP_MD, EVP_MD_CTX */
	bool pairs;     /* sha256_of_pair is faster than two calls of sha256_of */
};

/* E_INFRA when OpenSSL has no SHA-256, E_NOMEM. Release with sha256_release. */
int sha256_init(struct sha256 *s, struct err *e) MUST_CHECK;
void sha256_release(struct sha256 *s);

/* The hash of @len bytes into @out. E_INFRA: OpenSSL failed, which it has no cause to. */
int sha256_of(struct sha256 *s, const void *data, size_t len,
	      uint8_t out[static SHA256_SIZE], struct err *e) MUST_CHECK;

/*
 * The same of two pieces of one length. Where the processor has instructions for SHA-256
 * both are hashed side by side, in little more than the time of one.
 */
int sha256_of_pair(struct sha256 *s, const void *a, const void *b, size_t len,
		   uint8_t out_a[static SHA256_SIZE], uint8_t out_b[static SHA256_SIZE],
		   struct err *e) MUST_CHECK;

/* Has this processor such instructions? Slow; sha256_init asks once. */
bool sha256_can_pair(void);

#endif
