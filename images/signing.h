/* SPDX-License-Identifier: MIT */
/*
 * What an installer has signed, and leaves for the boot: the objects of the system under
 * their manifest on Preboot, a LocalPolicy on iSCPreboot, LLB in the chip.
 */
#ifndef IMAGES_SIGNING_H
#define IMAGES_SIGNING_H

#include "images/compose.h"
#include "sim/formats/image4/isys.h"
#include "sim/platform/secureboot/chip.h"
#include "sim/platform/secureboot/keys.h"

struct signer {
	struct sb_keys keys;
	struct sb_services services; /* that use the keys */
	struct sb_chip chip;
};

/* The keys of @build_dir, and a blank chip. Release with signer_release in any case. */
int signer_init(struct signer *s, const char *build_dir, struct err *e) MUST_CHECK;
void signer_release(struct signer *s);

/* Fuse the new chip of the machine of @spec. The same keys give the same chip. */
int signer_new_chip(struct signer *s, const struct disk_spec *spec,
		    struct err *e) MUST_CHECK;

/*
 * Have the system of @spec with this root hash signed for the signer's chip, and add
 * what comes out to the trees of Preboot and iSCPreboot, which may hold an older one.
 */
int signer_install(struct signer *s, const struct disk_spec *spec, struct disk_trees *v,
		   const uint8_t root_hash[static ISYS_HASH_LEN], struct err *e) MUST_CHECK;

#endif
