/* SPDX-License-Identifier: MIT */
/*
 * The Secure Enclave, as far as booting needs it: it keeps the nonces that make old
 * policies worthless, and the owner key that signs new ones. It does not believe the
 * operating system: what a policy changes is compared with the policy before, and each
 * changed field has to be one that may change in the environment that is running.
 *
 * Each command that changes the storage ends in exactly one store of the chip.
 */
#ifndef SIM_PLATFORM_SECUREBOOT_SEP_H
#define SIM_PLATFORM_SECUREBOOT_SEP_H

#include "sim/platform/secureboot/chip.h"
#include "sim/platform/secureboot/localpolicy.h"

/* What a command returns. */
enum sep_status {
	SEP_OK = 0,
	SEP_ERR_STATE = 1,   /* no update has begun, no owner key */
	SEP_ERR_STORAGE = 2, /* the chip could not be written */
	SEP_ERR_IMAGE4 = 6, /* "image4": the object cannot be signed, or is not genuine */
	SEP_ERR_MODE = 11,  /* "AP boot mode": not in this environment */
	SEP_ERR_PAIRING = 17, /* "pairing": not from the recoveryOS of that system */
};
const char *sep_status_text(enum sep_status s); /* "image4" */

/* Commands by Apple's numbers. */
enum sep_command {
	SEP_BEGIN_UPDATE = 2,
	SEP_END_UPDATE = 3,
	SEP_PROPOSED_LP = 11,
	SEP_PROPOSED_RP = 12,
	SEP_PROPOSED_RO = 13,
	SEP_BLESSED_LP = 14,
	SEP_BLESSED_RP = 15,
	SEP_BLESSED_RO = 16,
	SEP_LINKED_MANIFEST = 33,
	SEP_OS_TYPE = 62,
	SEP_PAIRING_STATUS = 67,
	SEP_SIGN_POLICY = 1000, /* Apple's number is not known */
};

struct sep {
	struct sb_chip *chip;
	/* Make the chip's state durable; a power cut leaves the old or the new. */
	int (*store)(void *ctx, struct sb_chip *chip, struct err *e);
	void *store_ctx;
	enum sep_command last; /* of the command that ran last, set before it stores */
	enum sep_env env;
	char paired_group[UUID_TEXT_MAX]; /* whose recoveryOS runs; "" outside of recovery
					   */
	/* Draw a nonce; NULL: the kernel's random generator. An installer wants the same
	   nonces each time that it makes the same disk. */
	bool (*draw)(void *ctx, uint8_t out[static SB_NONCE_LEN]);
	void *draw_ctx;
	/* May be NULL. Called for each command: "BootPolicy: SEP command 14 returned 0".
	 */
	void (*log)(void *ctx, const char *line);
	void *log_ctx;
};

/* The usual store: @fd is the chip's device. */
int sep_store_fd(void *fd, struct sb_chip *chip, struct err *e);
/* Of installers, who store the chip when everything is in place. */
int sep_store_later(void *ctx, struct sb_chip *chip, struct err *e);

/*
 * SHA-384 of a nonce. SEP_PROPOSED_x: SEP_ERR_STATE when no update has begun.
 */
enum sep_status sep_digest(struct sep *s, enum sep_command c,
			   uint8_t out[static IMG4_DIGEST_LEN]);

/* Begin: a new local nonce is proposed; policies may be signed under it. */
enum sep_status sep_begin_update(struct sep *s, struct err *e);
/* End: the proposed nonce is the blessed one; everything under the old is stale. */
enum sep_status sep_end_update(struct sep *s, struct err *e);

/*
 * Sign @p under the proposed nonce. @old is the policy that it replaces (IMG4; one that
 * this Secure Enclave signed under its blessed or proposed nonce), empty when the system
 * is new, which only a recoveryOS may install. lpnh, rpnh, ronh and the chip's identity
 * are filled in here. SEP_ERR_MODE names the field in @e.
 */
enum sep_status sep_sign_policy(struct sep *s, struct local_policy *p, struct span old,
				struct buf *out, struct err *e);

/* Would it? Nothing is signed, and no update need have begun. */
enum sep_status sep_check_policy(struct sep *s, const struct local_policy *p,
				 struct span old, struct err *e);

/* A bare manifest for AuxKC or custom kernel: object @name ('auxk', 'fuos'), DGST. */
enum sep_status sep_linked_manifest(struct sep *s, uint32_t name,
				    const uint8_t digest[static IMG4_DIGEST_LEN],
				    struct buf *out, struct err *e);

/* Is the running recoveryOS the one that belongs to the volume group? */
enum sep_status sep_pairing(struct sep *s, const char *group);
/* SEP_OS_TYPE: what is running. */
enum sep_env sep_os_type(struct sep *s);

/* How many bytes a new owner needs: the key, then each first nonce. */
#define SEP_OWNER_SEED_LEN (48u + SEP_N_NONCES * SB_NONCE_LEN)

struct sb_services;
/*
 * Make the owner key and the first nonces from @seed (the same seed, the same key) and
 * have the key certified. Whoever owned the chip before does not any more: policies of
 * then are worthless.
 */
int sep_take_ownership(struct sep *s, const uint8_t seed[static SEP_OWNER_SEED_LEN],
		       const struct sb_services *sv, struct err *e) MUST_CHECK;

#endif
