/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "sim/formats/prelink/lz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A place that is too small, whose end the sanitizer watches. */
static void decode_into(size_t cap, const uint8_t *data, size_t size)
{
	uint8_t *small = malloc(cap);

	if (!small || lzss_decode(data, size, small, cap) > cap ||
	    lzvn_decode(data, size, small, cap) > cap)
		abort();
	free(small);
}

/* Decoders stay inside their output, and decode what the encoders made of any input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[1 << 16];
	struct buf packed = BUF_INIT;

	if (lzss_decode(data, size, out, sizeof(out)) > sizeof(out) ||
	    lzvn_decode(data, size, out, sizeof(out)) > sizeof(out))
		abort();
	if (size > sizeof(out))
		return 0;
	decode_into(size ? data[0] * 4u + 1 : 1, data, size);
	if (!lzss_encode(data, size, &packed, NULL) &&
	    lzss_decode(packed.data, packed.len, out, size) != size)
		abort();
	buf_clear(&packed);
	if (!lzvn_encode(data, size, &packed, NULL) &&
	    lzvn_decode(packed.data, packed.len, out, size) != size)
		abort();
	buf_release(&packed);
	return 0;
}
