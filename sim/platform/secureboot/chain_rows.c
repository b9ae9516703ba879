/* SPDX-License-Identifier: MIT */
/* The chains, as tables. */
#include "sim/platform/secureboot/chain.h"

#define F(a, b, c, d) FOURCC(a, b, c, d)

#define FIRMWARE     "usr/standalone/firmware/"
#define KERNELCACHES "System/Library/Caches/com.apple.kernelcaches/"
#define COLLECTIONS  "System/Library/KernelCollections/"
#define CORESERVICES "System/Library/CoreServices/"

#define OPTIONAL true
#define REQUIRED false

/* clang-format off: one row, one line */

#define ROM_AND_NOR                                                                      \
	{SB_BOOT_ROM, 0,	 "root certificate", SB_BY_FUSE,                         \
	 NULL,	      SB_INSIDE, REQUIRED,	     SB_TO_DFU},                         \
		{SB_BOOT_ROM, F('i', 'l', 'l', 'b'),                                     \
		 "LLB",	      SB_BY_SIGNATURE,                                           \
		 NULL,	      SB_INSIDE,                                                 \
		 REQUIRED,    SB_TO_DFU},                                                \
	{                                                                                \
		SB_LLB, F('s', 'e', 'p', 'i'), "SEP firmware", SB_BY_MANIFEST, NULL,     \
			SB_INSIDE, OPTIONAL, SB_TO_DFU                                   \
	}

/* What iBoot loads under its own manifest, in the order of its breadcrumbs in NVRAM. */
#define FILE(object, what, path, optional, end)                                          \
	{                                                                                \
		SB_IBOOT, object, what, SB_BY_MANIFEST, path, SB_INSIDE, optional, end   \
	}
#define FILES_BEFORE_ROOT_HASH(end)                                                      \
	FILE(F('p', 'm', 'p', 'f'), "power management firmware",                         \
	     FIRMWARE "FUD/PMP.img4", OPTIONAL, end),                                    \
		FILE(F('d', 't', 'r', 'e'), "device tree", FIRMWARE "devicetree.img4",   \
		     REQUIRED, end),                                                     \
		FILE(F('i', 'b', 'd', 't'), "iBoot data", FIRMWARE "FUD/iBootData.img4", \
		     OPTIONAL, end)
#define FILES_BEHIND_ROOT_HASH(end)                                                      \
	FILE(F('c', 's', 'y', 's'), "base system root hash",                             \
	     FIRMWARE "base_system_root_hash.img4", OPTIONAL, end),                      \
		FILE(F('b', 's', 't', 'c'), "base system trust cache",                   \
		     FIRMWARE "BaseSystemTrustCache.img4", OPTIONAL, end),               \
		FILE(F('t', 'r', 's', 't'), "static trust cache",                        \
		     FIRMWARE "StaticTrustCache.img4", REQUIRED, end),                   \
		FILE(F('k', 'r', 'n', 'l'), "kernel", KERNELCACHES "kernelcache",        \
		     REQUIRED, end)

/* The kernel's own, when it mounts the root. */
#define SEAL(object)                                                                     \
	{                                                                                \
		SB_XNU, object, "root hash of the system volume", SB_BY_SEAL, NULL,      \
			SB_INSIDE, REQUIRED, SB_TO_PANIC                                 \
	}

static const struct sb_row apple_silicon[] = {
	ROM_AND_NOR,
	{SB_LLB, 0, "boot-volume", SB_BY_SYNTAX, NULL, SB_INSIDE, REQUIRED,
	 SB_TO_RECOVERY},
	{SB_LLB, F('l', 'p', 'o', 'l'), "LocalPolicy", SB_BY_SEP, NULL, SB_INSIDE,
	 REQUIRED, SB_TO_RECOVERY},
	{SB_LLB, F('i', 'b', 'o', 't'), "iBoot", SB_BY_NSIH, FIRMWARE "iBoot.img4",
	 SB_INSIDE, REQUIRED, SB_TO_RECOVERY},
	FILES_BEFORE_ROOT_HASH(SB_TO_RECOVERY),
	FILE(F('i', 's', 'y', 's'), "root hash", FIRMWARE "root_hash.img4", REQUIRED,
	     SB_TO_RECOVERY),
	FILES_BEHIND_ROOT_HASH(SB_TO_RECOVERY),
	{SB_IBOOT, F('f', 'u', 'o', 's'), "custom kernel", SB_BY_OWNER,
	 KERNELCACHES "kernelcache.custom.", SB_INSIDE, OPTIONAL, SB_TO_RECOVERY},
	{SB_IBOOT, F('a', 'u', 'x', 'k'), "auxiliary kernel collection", SB_BY_OWNER,
	 COLLECTIONS "AuxiliaryKernelExtensions.im4p", SB_INSIDE, OPTIONAL, SB_GOES_ON},
	SEAL(F('i', 's', 'y', 's')),
};

/* Its policy is one that the signing server made: Full, whatever the owner set. */
static const struct sb_row apple_silicon_recovery[] = {
	ROM_AND_NOR,
	{SB_LLB, F('i', 'b', 'o', 't'), "iBoot", SB_BY_SIGNATURE, FIRMWARE "iBoot.img4",
	 SB_INSIDE, REQUIRED, SB_TO_DFU},
	FILES_BEFORE_ROOT_HASH(SB_TO_DFU),
	FILES_BEHIND_ROOT_HASH(SB_TO_DFU),
};

/* x86 behind a T2: it verifies the booter, the booter the collection, by manifests of the
 * board. */
#define T2_BOOTER(end)                                                                   \
	{SB_T2, 0, "root certificate", SB_BY_FUSE, NULL, SB_INSIDE, REQUIRED, SB_STOPS}, \
		{SB_T2,                                                                  \
		 F('b', 'e', 'f', 'i'),                                                  \
		 "boot.efi",                                                             \
		 SB_BY_SIGNATURE,                                                        \
		 CORESERVICES "boot.efi",                                                \
		 SB_BOARD_IM4M,                                                          \
		 REQUIRED,                                                               \
		 end},                                                                   \
	{                                                                                \
		SB_BOOT_EFI, F('k', 'r', 'n', 'l'), "boot kernel collection",            \
			SB_BY_SIGNATURE, "boot/" COLLECTIONS "BootKernelExtensions.kc",  \
			SB_BOARD_IM4M, REQUIRED, end                                     \
	}

static const struct sb_row t2[] = {
	T2_BOOTER(SB_TO_RECOVERY),
	{SB_XNU, F('x', 's', 'y', 's'), "signed root hash", SB_BY_SIGNATURE,
	 "usr/standalone/OS.dmg.root_hash", SB_BOARD_IM4M, REQUIRED, SB_GOES_ON},
	SEAL(F('x', 's', 'y', 's')),
};

static const struct sb_row t2_recovery[] = {
	T2_BOOTER(SB_STOPS),
};

#define INTEL_KERNEL                                                                     \
	{                                                                                \
		SB_BOOT_EFI, F('k', 'r', 'n', 'l'), "boot kernel collection",            \
			SB_BY_NOTHING, "boot/" COLLECTIONS "BootKernelExtensions.kc",    \
			SB_INSIDE, REQUIRED, SB_STOPS                                    \
	}

static const struct sb_row intel[] = {
	INTEL_KERNEL,
	{SB_XNU, F('x', 's', 'y', 's'), "signed root hash", SB_BY_SIGNATURE,
	 "usr/standalone/OS.dmg.root_hash", SB_IM4M, REQUIRED, SB_GOES_ON},
	SEAL(F('x', 's', 'y', 's')),
};

static const struct sb_row intel_recovery[] = {
	INTEL_KERNEL,
};

/* clang-format on */

#define CHAIN(rows)                                                                      \
	{                                                                                \
		rows, sizeof(rows) / sizeof((rows)[0])                                   \
	}

static const struct chain {
	const struct sb_row *rows;
	size_t n;
} chains[][2] = {
	[SECURE_BOOT_NONE] = {CHAIN(intel), CHAIN(intel_recovery)},
	[SECURE_BOOT_T2] = {CHAIN(t2), CHAIN(t2_recovery)},
	[SECURE_BOOT_LOCAL_POLICY] = {CHAIN(apple_silicon),
				      CHAIN(apple_silicon_recovery)},
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
		[SB_BOOT_ROM] = "Boot ROM", [SB_LLB] = "LLB",
		[SB_IBOOT] = "iBoot",	    [SB_T2] = "T2",
		[SB_BOOT_EFI] = "boot.efi", [SB_XNU] = "XNU",
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
