/* SPDX-License-Identifier: MIT */
/*
 * The two compressions of a prelinked kernel: LZSS as in kext_tools' compression.c
 * (N = 4096, F = 18, ring filled with spaces) and LZVN as in Apple's lzfse.
 */
#ifndef SIM_FORMATS_PRELINK_LZ_H
#define SIM_FORMATS_PRELINK_LZ_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/buf.h"

/* Append the compressed form of @src to @out. E_NOMEM, E_OVERFLOW. */
int lzss_encode(const uint8_t *src, size_t len, struct buf *out,
		struct err *e) MUST_CHECK;
int lzvn_encode(const uint8_t *src, size_t len, struct buf *out,
		struct err *e) MUST_CHECK;

/*
 * Decode @src into @dst of @cap bytes; return how many bytes came out. Stops at the end
 * of the input, at a code that makes no sense, and when @dst is full: whether that is
 * an error shows in the size and the checksum.
 */
size_t lzss_decode(const uint8_t *src, size_t len, uint8_t *dst, size_t cap);
size_t lzvn_decode(const uint8_t *src, size_t len, uint8_t *dst, size_t cap);

#endif
