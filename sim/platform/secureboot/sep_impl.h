/* SPDX-License-Identifier: MIT */
/* Shared by the files of the Secure Enclave; not for others. */
#ifndef SIM_PLATFORM_SECUREBOOT_SEP_IMPL_H
#define SIM_PLATFORM_SECUREBOOT_SEP_IMPL_H

#include "sim/platform/secureboot/sep.h"

/* Log what a command returned, and return it. */
enum sep_status sep_returns(struct sep *s, enum sep_command c, enum sep_status status);
/* Make the chip durable, as the one store of command @c. */
enum sep_status sep_store(struct sep *s, enum sep_command c, struct err *e);
bool sep_is_paired(const struct sep *s, const char *group);

/* SHA-384 of a nonce. E_NOTFOUND: there is no proposed one. For the boot chain, too. */
int sep_nonce_digest(const struct sb_chip *chip, enum sep_nonce which, bool proposed,
		     uint8_t out[static IMG4_DIGEST_LEN], struct err *e) MUST_CHECK;

/* What LLB expects of a policy under the local nonce whose digest is @lpnh. */
static inline struct lp_expect sep_expect(const struct sb_chip *chip, const uint8_t *lpnh)
{
	return (struct lp_expect){
		.chip = &chip->id,
		.root = {chip->root.data, chip->root.len},
		.lpnh = lpnh,
	};
}

#endif
