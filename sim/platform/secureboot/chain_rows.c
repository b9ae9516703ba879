/* SPDX-License-Identifier: MIT */
/* The chains, as tables. */
#include "sim/platform/secureboot/chain.h"

#define F(a, b, c, d) FOURCC(a, b, c, d)

#define FIRMWARE     "usr/standalone/firmware/"
#define KERNELCACHES "System/Library/Caches/com.apple.kernelcaches/"
#define COLLECTIONS  "System/Library/KernelCollections/"
#define CORESERVICES "System/Library/CoreServices/"

#define OPTIONAL true

/*
 * Apple silicon. iBoot loads in the order of the breadcrumbs that it leaves in NVRAM. The
 * last row is the kernel's to check, when it mounts the root.
 */
#define LLB_ROWS                                                                         \
	{SB_BOOT_ROM, 0, "root certificate", SB_BY_FUSE, NULL, SB_INSIDE, false, SB_TO_DFU},  \
	{SB_BOOT_ROM, F('i', 'l', 'l', 'b'), "LLB", SB_BY_SIGNATURE, NULL, SB_INSIDE, false,  \
	 SB_TO_DFU},                                                                     \
	{SB_LLB, F('s', 'e', 'p', 'i'), "SEP firmware", SB_BY_MANIFEST, NULL, SB_INSIDE,      \
	 OPTIONAL, SB_TO_DFU}

#define IBOOT_ROW(object, what, path, optional, on_failure)                              \
	{SB_IBOOT, object, what, SB_BY_MANIFEST, path, SB_INSIDE, optional, on_failure}

#define IBOOT_ROWS(end)                                                                  \
	IBOOT_ROW(F('p', 'm', 'p', 'f'), "power management firmware",                    \
		  FIRMWARE "FUD/PMP.img4", OPTIONAL, end),                               \
	IBOOT_ROW(F('d', 't', 'r', 'e'), "device tree", FIRMWARE "devicetree.img4",      \
		  false, end),                                                           \
	IBOOT_ROW(F('i', 'b', 'd', 't'), "iBoot data", FIRMWARE "FUD/iBootData.img4",    \
		  OPTIONAL, end)

static const struct sb_row apple_silicon[] = {
	LLB_ROWS,
	{SB_LLB, 0, "boot-volume", SB_BY_SYNTAX, NULL, SB_INSIDE, false, SB_TO_RECOVERY},
	{SB_LLB, F('l', 'p', 'o', 'l'), "LocalPolicy", SB_BY_SEP, NULL, SB_INSIDE, false,
	 SB_TO_RECOVERY},
	{SB_LLB, F('i', 'b', 'o', 't'), "iBoot", SB_BY_NSIH, FIRMWARE "iBoot.img4", SB_INSIDE,
	 false, SB_TO_RECOVERY},
	IBOOT_ROWS(SB_TO_RECOVERY),
	IBOOT_ROW(F('i', 's', 'y', 's'), "root hash", FIRMWARE "root_hash.img4", false,
		  SB_TO_RECOVERY),
	IBOOT_ROW(F('c', 's', 'y', 's'), "base system root hash",
		  FIRMWARE "base_system_root_hash.img4", OPTIONAL, SB_TO_RECOVERY),
	IBOOT_ROW(F('b', 's', 't', 'c'), "base system trust cache",
		  FIRMWARE "BaseSystemTrustCache.img4", OPTIONAL, SB_TO_RECOVERY),
	IBOOT_ROW(F('t', 'r', 's', 't'), "static trust cache",
		  FIRMWARE "StaticTrustCache.img4", false, SB_TO_RECOVERY),
	IBOOT_ROW(F('k', 'r', 'n', 'l'), "kernel", KERNELCACHES "kernelcache", false,
		  SB_TO_RECOVERY),
	{SB_IBOOT, F('f', 'u', 'o', 's'), "custom kernel", SB_BY_OWNER,
	 KERNELCACHES "kernelcache.custom.", SB_INSIDE, OPTIONAL, SB_TO_RECOVERY},
	{SB_IBOOT, F('a', 'u', 'x', 'k'), "auxiliary kernel collection", SB_BY_OWNER,
	 COLLECTIONS "AuxiliaryKernelExtensions.im4p", SB_INSIDE, OPTIONAL, SB_GOES_ON},
	{SB_XNU, F('i', 's', 'y', 's'), "root hash of the system volume", SB_BY_SEAL, NULL,
	 SB_INSIDE, false, SB_TO_PANIC},
};

/* Its policy is one that the signing server made: Full, whatever the owner set. */
static const struct sb_row apple_silicon_recovery[] = {
	LLB_ROWS,
	{SB_LLB, F('i', 'b', 'o', 't'), "iBoot", SB_BY_SIGNATURE, FIRMWARE "iBoot.img4",
	 SB_INSIDE, false, SB_TO_DFU},
	IBOOT_ROWS(SB_TO_DFU),
	IBOOT_ROW(F('c', 's', 'y', 's'), "base system root hash",
		  FIRMWARE "base_system_root_hash.img4", OPTIONAL, SB_TO_DFU),
	IBOOT_ROW(F('b', 's', 't', 'c'), "base system trust cache",
		  FIRMWARE "BaseSystemTrustCache.img4", OPTIONAL, SB_TO_DFU),
	IBOOT_ROW(F('t', 'r', 's', 't'), "static trust cache",
		  FIRMWARE "StaticTrustCache.img4", false, SB_TO_DFU),
	IBOOT_ROW(F('k', 'r', 'n', 'l'), "kernel", KERNELCACHES "kernelcache", false,
		  SB_TO_DFU),
};

/* The T2 verifies the booter, the booter the collection: both by manifests of the board. */
#define T2_ROWS(end)                                                                     \
	{SB_T2, 0, "root certificate", SB_BY_FUSE, NULL, SB_INSIDE, false, SB_STOPS},         \
	{SB_T2, F('b', 'e', 'f', 'i'), "boot.efi", SB_BY_SIGNATURE,                      \
	 CORESERVICES "boot.efi", SB_BOARD_IM4M, false, end},                               \
	{SB_BOOT_EFI, F('k', 'r', 'n', 'l'), "boot kernel collection", SB_BY_SIGNATURE,  \
	 "boot/" COLLECTIONS "BootKernelExtensions.kc", SB_BOARD_IM4M, false, end}

static const struct sb_row t2[] = {
	T2_ROWS(SB_TO_RECOVERY),
	{SB_XNU, F('x', 's', 'y', 's'), "signed root hash", SB_BY_SIGNATURE,
	 "usr/standalone/OS.dmg.root_hash", SB_BOARD_IM4M, false, SB_GOES_ON},
	{SB_XNU, F('x', 's', 'y', 's'), "root hash of the system volume", SB_BY_SEAL, NULL,
	 SB_INSIDE, false, SB_TO_PANIC},
};

static const struct sb_row t2_recovery[] = {
	T2_ROWS(SB_STOPS),
};

#define INTEL_ROWS                                                                       \
	{SB_BOOT_EFI, F('k', 'r', 'n', 'l'), "boot kernel collection", SB_BY_NOTHING,    \
	 "boot/" COLLECTIONS "BootKernelExtensions.kc", SB_INSIDE, false, SB_STOPS}

static const struct sb_row intel[] = {
	INTEL_ROWS,
	{SB_XNU, F('x', 's', 'y', 's'), "signed root hash", SB_BY_SIGNATURE,
	 "usr/standalone/OS.dmg.root_hash", SB_IM4M, false, SB_GOES_ON},
	{SB_XNU, F('x', 's', 'y', 's'), "root hash of the system volume", SB_BY_SEAL, NULL,
	 SB_INSIDE, false, SB_TO_PANIC},
};

static const struct sb_row intel_recovery[] = {
	INTEL_ROWS,
};

#define CHAIN(rows) {rows, sizeof(rows) / sizeof((rows)[0])}

static const struct chain {
	const struct sb_row *rows;
	size_t n;
} chains[][2] = {
	[SECURE_BOOT_NONE] = {CHAIN(intel), CHAIN(intel_recovery)},
	[SECURE_BOOT_T2] = {CHAIN(t2), CHAIN(t2_recovery)},
	[SECURE_BOOT_LOCAL_POLICY] = {CHAIN(apple_silicon), CHAIN(apple_silicon_recovery)},
};

const struct sb_row *sb_rows(enum machine_secure_boot s, bool recovery, size_t *ret_n)
{
	const struct chain *c = &chains[s][recovery];

	*ret_n = c->n;
	return c->rows;
}

const char *sb_stage_name(enum sb_stage s)
{
	static const char *const names[] = {
		[SB_BOOT_ROM] = "Boot ROM", [SB_LLB] = "LLB",          [SB_IBOOT] = "iBoot",
		[SB_T2] = "T2",             [SB_BOOT_EFI] = "boot.efi", [SB_XNU] = "XNU",
	};

	return names[s];
}

const char *sb_against_text(enum sb_against a)
{
	static const char *const texts[SB_N_AGAINST] = {
		[SB_BY_FUSE] = "fuse",
		[SB_BY_SIGNATURE] = "signed manifest",
		[SB_BY_SYNTAX] = "syntax",
		[SB_BY_SEP] = "Secure Enclave",
		[SB_BY_NSIH] = "nsih of LocalPolicy",
		[SB_BY_MANIFEST] = "manifest",
		[SB_BY_OWNER] = "owner's manifest",
		[SB_BY_NOTHING] = "nothing",
		[SB_BY_SEAL] = "seal",
	};

	return texts[a];
}
