/* SPDX-License-Identifier: MIT */
/*
 * What an installer leaves for the boot: objects as Image4 files under one manifest on
 * Preboot, LLB in NOR, a LocalPolicy on iSCPreboot; on Intel the kernel collection and
 * the signed root hash beside it.
 */
#ifndef SIM_PLATFORM_SECUREBOOT_INSTALL_H
#define SIM_PLATFORM_SECUREBOOT_INSTALL_H

#include "sim/formats/fstree/fstree.h"
#include "sim/platform/secureboot/chain.h"
#include "sim/platform/secureboot/keys.h"
#include "sim/platform/secureboot/sep.h"

struct sb_object {
	uint32_t name;		 /* 'illb', 'ibot', 'dtre', 'krnl', 'trst', ... */
	const char *description; /* of IM4P: "KernelCacheBuilder-2301.60.1" */
	struct span data;	 /* borrowed */
};

struct sb_install_spec {
	const struct machine_model *machine;
	const struct sb_services *services;
	const char *group; /* volume group UUID, upper case; Intel: folder of Preboot */
	const char *os_version; /* love, as release_love has it */
	enum sb_level level;
	bool global; /* a manifest for all chips; Reduced security needs it or not */
	/* What the owner changed beside the level; may be NULL. Consistent with @level.
	 */
	const struct local_policy *policy;
	const struct sb_object *objects; /* without isys, which is made here */
	size_t n_objects;
	uint8_t root_hash[ISYS_HASH_LEN]; /* of the system volume, blocks of 4096 bytes */
};

/*
 * Fuse a new chip: identity @id (ecid 0: derived from @k), the root of @k, owner key and
 * nonces. Nothing of it is random: the same keys and identity give the same chip.
 */
int sb_chip_make(struct sb_chip *c, const struct img4_chip *id, const struct sb_keys *k,
		 const struct sb_services *sv, struct err *e) MUST_CHECK;

/*
 * Place everything. The trees are those of the volumes Preboot and iSCPreboot (NULL
 * unless Apple silicon). A second system on the same chip is a second call. When one of
 * this volume group is there already it is replaced, as a reinstallation or a new root
 * hash does it; its LocalPolicy keeps what the owner set. On Intel without T2 @chip
 * stands for the root that XNU holds. The caller stores the chip.
 */
int sb_install(const struct sb_install_spec *s, struct fs_tree *preboot,
	       struct fs_tree *iscpreboot, struct sb_chip *chip,
	       struct err *e) MUST_CHECK;

#endif
