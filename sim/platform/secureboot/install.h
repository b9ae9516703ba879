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
	const char *group;	/* volume group UUID, upper case: the folder on Preboot */
	const char *os_version; /* love, as release_love has it; Apple silicon */
	enum sb_level level;	/* Apple silicon, as are the next two */
	bool global; /* a manifest for all chips of the board, which Full does not take */
	const struct local_policy *policy; /* what the owner set beside; may be NULL */
	/*
	 * Apple silicon: illb, ibot, dtre, krnl, trst, and what chain_rows.c calls
	 * optional (sepi, csys, bstc, ...). T2: befi, krnl. Intel: krnl. The root hash is
	 * made here.
	 */
	const struct sb_object *objects;
	size_t n_objects;
	uint8_t root_hash[ISYS_HASH_LEN]; /* of the system volume, blocks of 4096 bytes */
	/* Volume of its recoveryOS; may be NULL. It gets objects of its own. */
	struct fs_tree *recovery;
};

/*
 * Fuse a new chip: identity @id (ecid 0: derived from @k), the root of @k, owner key and
 * nonces. Nothing of it is random: the same keys and identity give the same chip.
 */
int sb_chip_make(struct sb_chip *c, const struct img4_chip *id, const struct sb_keys *k,
		 struct err *e) MUST_CHECK;

/*
 * Place everything. The trees are those of the volumes Preboot and iSCPreboot (NULL
 * unless Apple silicon). A second system on the same chip is a second call. When one of
 * this volume group is there already it is replaced, as a reinstallation or a new root
 * hash does it; its LocalPolicy keeps what the owner set. On Intel without T2 @chip
 * stands for the root that XNU holds. The caller stores the chip. The same input gives
 * the same bytes. E_INVAL: an object is missing or has no place.
 */
int sb_install(const struct sb_install_spec *s, struct fs_tree *preboot,
	       struct fs_tree *iscpreboot, struct sb_chip *chip,
	       struct err *e) MUST_CHECK;

#endif
