/* SPDX-License-Identifier: MIT */
/*
 * SIP's flags: bits of csr-active-config (xnu bsd/sys/csr.h), a set bit allows; and
 * how the kernel answers csrctl(2) from them (xnu bsd/kern/kern_csr.c).
 */
#ifndef SIM_PLATFORM_CSR_H
#define SIM_PLATFORM_CSR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

enum csr_flag {
	CSR_ALLOW_UNTRUSTED_KEXTS = 0x1,
	CSR_ALLOW_UNRESTRICTED_FS = 0x2,
	CSR_ALLOW_TASK_FOR_PID = 0x4,
	CSR_ALLOW_KERNEL_DEBUGGER = 0x8,
	CSR_ALLOW_APPLE_INTERNAL = 0x10,
	CSR_ALLOW_UNRESTRICTED_DTRACE = 0x20,
	CSR_ALLOW_UNRESTRICTED_NVRAM = 0x40,
	CSR_ALLOW_DEVICE_CONFIGURATION = 0x80,
	CSR_ALLOW_ANY_RECOVERY_OS = 0x100,
	CSR_ALLOW_UNAPPROVED_KEXTS = 0x200,
	CSR_ALLOW_EXECUTABLE_POLICY_OVERRIDE = 0x400,
	CSR_ALLOW_UNAUTHENTICATED_ROOT = 0x800,
};

#define CSR_VALID_FLAGS	    0x7ffu /* 10.15; 11 adds UNAUTHENTICATED_ROOT */
#define CSR_KNOWN_FLAGS	    (CSR_VALID_FLAGS | CSR_ALLOW_UNAUTHENTICATED_ROOT)
/* Not granted by a Recovery boot (csr_allow_all). */
#define CSR_ALWAYS_ENFORCED (CSR_ALLOW_DEVICE_CONFIGURATION | CSR_ALLOW_ANY_RECOVERY_OS)
/* What `csrutil disable` writes on Catalina. */
#define CSR_DISABLE_CATALINA 0x77u
/* And from macOS 11 on. */
#define CSR_DISABLE_BIG_SUR 0x7fu

/* What boot.efi hands to the kernel in boot_args. */
struct csr_boot {
	uint32_t valid;   /* flags that the kernel knows: struct release's csr_flags */
	uint32_t config;  /* csrActiveConfig, 0 when the variable is absent */
	bool csr_boot;    /* kBootArgsFlagCSRBoot: started from Recovery, allow all */
	bool config_mode; /* kBootArgsFlagCSRConfigMode: csrutil may write the setting */
	bool recovery_fs; /* device tree: osenvironment is recoveryos; files may change */
};

/*
 * Play boot.efi: @value of @len bytes is csr-active-config from NVRAM, NULL when there
 * is none. Anything but 4 bytes counts as absent. Apple Internal is stripped as
 * on production Macs.
 */
void csr_boot_init(struct csr_boot *b, uint32_t valid, const void *value, size_t len,
		   bool recovery);

/*
 * Play iBoot, which puts into the device tree what the LocalPolicy has: @sip0 the flags,
 * @sip1 that the root need not be authenticated. Recovery allows less than on Intel: the
 * file system's protections are off there, and the setting can be changed.
 */
void csr_boot_init_policy(struct csr_boot *b, uint32_t valid, uint64_t sip0, bool sip1,
			  bool recovery);

/*
 * csr_check of each flag, as one mask: a set bit is allowed. In an Intel Mac's Recovery
 * everything valid but CSR_ALWAYS_ENFORCED. This is what /dev/xnu/csr_active_config holds.
 */
uint32_t csr_effective(const struct csr_boot *b);

/* csr_check(2) on an effective mask: are all bits of @mask allowed? */
static inline bool csr_allows(uint32_t effective, uint32_t mask)
{
	return (effective & mask) == mask;
}

/*
 * Read the effective mask of the running system from @path (XNU_CSR_CONFIG), for the
 * programs of the Mac. E_CORRUPT unless it holds 4 bytes.
 */
int csr_read(const char *path, uint32_t *ret_effective, struct err *e) MUST_CHECK;

#endif
