/* SPDX-License-Identifier: MIT */
/*
 * The chip: what is fused into it, what its Boot ROM holds, its NOR flash, and the
 * storage of its Secure Enclave. A device of 256 KiB (/dev/vdc), in two banks as NVRAM
 * (bank.h): each store is whole or has not happened, whenever the power goes.
 *
 * Who has the device has the chip: that it can be set back to an older state is as if the
 * chip were replaced, and nothing here defends against it.
 */
#ifndef SIM_PLATFORM_SECUREBOOT_CHIP_H
#define SIM_PLATFORM_SECUREBOOT_CHIP_H

#include "sim/base/buf.h"
#include "sim/base/idtext.h"
#include "sim/formats/image4/img4_verify.h"

#define SB_CHIP_SIZE (256u << 10)
#define SB_NONCE_LEN 8u
#define SB_NOR_MAX   16u

/* The three nonces that the Secure Enclave keeps, each with a policy that depends on it.
 */
enum sep_nonce { SEP_LPN, SEP_RPN, SEP_RON, SEP_N_NONCES };

struct sep_nonce_state {
	uint8_t blessed[SB_NONCE_LEN];
	bool has_proposed; /* an update has begun and has not ended */
	uint8_t proposed[SB_NONCE_LEN];
};

struct sep_storage {
	struct sep_nonce_state nonce[SEP_N_NONCES];
	struct buf oik;	     /* owner identity key: P-384, DER; empty: no owner yet */
	struct buf baa, oic; /* certificates for it */
};

struct sb_nor_file {
	uint32_t name;	 /* 'illb', ... */
	struct buf data; /* IMG4 */
};

struct sb_chip {
	struct img4_chip id;		    /* fuses */
	uint8_t root_hash[IMG4_DIGEST_LEN]; /* fuses: SHA-384 of the root's public key */
	struct buf root;		    /* Boot ROM: certificate of the root */
	uint8_t generator[IMG4_GENERATOR_LEN]; /* of the nonce that LLB's manifest has */
	struct sb_nor_file nor[SB_NOR_MAX];
	size_t n_nor;
	struct sep_storage sep;
	uint64_t sequence; /* of the bank read or written last */
};

void sb_chip_init(struct sb_chip *c);
void sb_chip_release(struct sb_chip *c);

/*
 * Read the device or file @fd into the initialised @c, replacing what it held.
 * E_NOTFOUND: blank; E_CORRUPT: no bank is valid, or it holds what makes no sense.
 */
int sb_chip_load(struct sb_chip *c, int fd, struct err *e) MUST_CHECK;
/* Write to the older bank and flush. A file is made SB_CHIP_SIZE long if shorter. */
int sb_chip_store(struct sb_chip *c, int fd, struct err *e) MUST_CHECK;
int sb_chip_load_file(struct sb_chip *c, const char *path, struct err *e) MUST_CHECK;
int sb_chip_store_file(struct sb_chip *c, const char *path, struct err *e) MUST_CHECK;

/* NULL when NOR has none. */
struct buf *sb_chip_nor(struct sb_chip *c, uint32_t name);
/* Make or replace. E_OVERFLOW. */
int sb_chip_set_nor(struct sb_chip *c, uint32_t name, const void *data, size_t len,
		    struct err *e) MUST_CHECK;

#endif
