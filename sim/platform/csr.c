/* SPDX-License-Identifier: MIT */
#include "sim/platform/csr.h"

#include "sim/base/buf.h"
#include "sim/base/bytes.h"
#include "sim/base/fsio.h"

#define CSR_VALUE_SIZE 4

void csr_boot_init(struct csr_boot *b, const void *value, size_t len, bool recovery)
{
	b->config = 0;
	b->csr_boot = recovery;
	b->config_mode = recovery;
	if (value && len == CSR_VALUE_SIZE)
		b->config = get_le32(value) & CSR_VALID_FLAGS &
			    ~(uint32_t)CSR_ALLOW_APPLE_INTERNAL;
}

uint32_t csr_effective(const struct csr_boot *b)
{
	uint32_t mask = b->config & CSR_VALID_FLAGS;

	/* A kernel debugger can do no more harm than an untrusted kext. */
	if (mask & (CSR_ALLOW_UNTRUSTED_KEXTS | CSR_ALLOW_APPLE_INTERNAL))
		mask |= CSR_ALLOW_KERNEL_DEBUGGER;
	if (b->csr_boot)
		mask |= CSR_VALID_FLAGS & ~(uint32_t)CSR_ALWAYS_ENFORCED;
	/* Not a setting: only the booter's word counts. */
	mask &= ~(uint32_t)CSR_ALLOW_DEVICE_CONFIGURATION;
	if (b->config_mode)
		mask |= CSR_ALLOW_DEVICE_CONFIGURATION;
	return mask;
}

int csr_read(const char *path, uint32_t *ret_effective, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = fsio_read(path, 64, &b, e);

	if (!r && b.len != CSR_VALUE_SIZE)
		r = err_set(e, E_CORRUPT, "%s: %zu bytes, expected %d", path, b.len,
			    CSR_VALUE_SIZE);
	if (!r)
		*ret_effective = get_le32(b.data);
	buf_release(&b);
	return r;
}
