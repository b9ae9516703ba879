/* SPDX-License-Identifier: MIT */
/* Shared by the files of install.h; not for others. */
#ifndef SIM_PLATFORM_SECUREBOOT_INSTALL_IMPL_H
#define SIM_PLATFORM_SECUREBOOT_INSTALL_IMPL_H

#include "sim/platform/secureboot/install.h"
#include "sim/platform/secureboot/layout.h"

#define SB_BUNDLE_MAX 24u

/* Objects that one manifest is about. Zero-initialise; release with bundle_release. */
struct bundle {
	struct {
		const struct sb_row *row;
		struct buf bytes; /* IM4P, or on x86 the file as it is */
	} object[SB_BUNDLE_MAX];
	size_t n;
	struct buf manifest; /* IM4M, after bundle_sign */
};

/* For whom a manifest is made. */
struct bundle_target {
	const struct img4_chip *chip;
	bool software; /* x86 without T2: CHIP is IMG4_SOFTWARE_CHIP, nothing else */
	bool personal; /* ECID */
	const uint8_t *generator; /* BNCH is of it; NULL: none */
};

/* Add @data as an IM4P of the row's object, or as it is. */
int bundle_add(struct bundle *b, const struct sb_row *row, const char *description,
	       struct span data, struct err *e) MUST_CHECK;
int bundle_sign(struct bundle *b, const struct bundle_target *t,
		const struct sb_services *sv, struct err *e) MUST_CHECK;
void bundle_release(struct bundle *b);

/* The object called @name of the spec; NULL when there is none. */
const struct sb_object *install_object(const struct sb_install_spec *s, uint32_t name);
/* E_INVAL: "object 'krnl' is missing". */
int install_missing(uint32_t name, struct err *e);
/*
 * What the file of @row holds: the object of the spec, or for @root_name the root hash,
 * which is put into @root_hash. data NULL: it is optional, and not there. E_INVAL.
 */
struct install_content {
	const char *description;
	struct span data;
};
int install_content(const struct sb_install_spec *s, const struct sb_row *row,
		    uint32_t root_name, uint8_t root_hash[static ISYS_SIZE],
		    struct install_content *ret, struct err *e) MUST_CHECK;
/* A path on a volume, with errors that name it. */
int install_file(struct fs_tree *t, const char *path, const struct buf *data,
		 struct err *e) MUST_CHECK;
/* The 208 bytes of the root hash. */
void install_root_hash(const struct sb_install_spec *s, uint8_t out[static ISYS_SIZE]);

int install_apple_silicon(const struct sb_install_spec *s, struct fs_tree *preboot,
			  struct fs_tree *iscpreboot, struct sb_chip *chip,
			  struct err *e) MUST_CHECK;
int install_x86(const struct sb_install_spec *s, struct fs_tree *preboot,
		struct sb_chip *chip, struct err *e) MUST_CHECK;

#endif
