/* SPDX-License-Identifier: MIT */
#include "sim/platform/csr.h"

#include "sim/base/buf.h"
#include "sim/base/bytes.h"
#include "sim/base/fsio.h"

#define CSR_VALUE_SIZE 4

void csr_boot_init(struct csr_boot *b, uint32_t valid, const void *value, size_t len,
		   bool recovery)
{
	*b = (struct csr_boot){
		.valid = valid, .csr_boot = recovery, .config_mode = recovery};
	if (value && len == CSR_VALUE_SIZE)
		b->config = get_le32(value) & valid & ~(uint32_t)CSR_ALLOW_APPLE_INTERNAL;
}

void csr_boot_init_policy(struct csr_boot *b, uint32_t valid, uint64_t sip0, bool sip1,
			  bool recovery)
{
	*b = (struct csr_boot){
		.valid = valid,
		.config = (uint32_t)sip0 & valid & ~(uint32_t)CSR_ALLOW_APPLE_INTERNAL,
		.config_mode = recovery,
		.recovery_fs = recovery,
	};
	/* Which of the two says so does not matter to who asks. */
	b->config &= ~(uint32_t)CSR_ALLOW_UNAUTHENTICATED_ROOT;
	if (sip1)
		b->config |= CSR_ALLOW_UNAUTHENTICATED_ROOT & valid;
}

uint32_t csr_effective(const struct csr_boot *b)
{
	uint32_t mask = b->config;

	/* A kernel debugger can do no more harm than an untrusted kext. */
	if (mask & (CSR_ALLOW_UNTRUSTED_KEXTS | CSR_ALLOW_APPLE_INTERNAL))
		mask |= CSR_ALLOW_KERNEL_DEBUGGER;
	if (b->csr_boot)
		mask |= b->valid & ~(uint32_t)CSR_ALWAYS_ENFORCED;
	if (b->recovery_fs)
		mask |= CSR_ALLOW_UNRESTRICTED_FS;
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
