/* SPDX-License-Identifier: MIT */
/* Any bytes as a kernel file: opened, and taken apart. */
#include <stdint.h>

#include "images/kernel_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf out = BUF_INIT;
	struct kernel_file k;
	struct err e;

	if (kernel_file_open(data, len, &k, &e))
		return 0;
	(void)!kernel_file_kernel(&k, &out, &e);
	buf_release(&out);
	for (size_t i = 0; i < k.n_kexts && i < 64; i++) {
		(void)!kernel_file_part(&k, &k.kext[i], &out, &e);
		buf_release(&out);
	}
	kernel_file_release(&k);
	return 0;
}
