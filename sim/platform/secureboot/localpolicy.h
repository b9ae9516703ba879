/* SPDX-License-Identifier: MIT */
/*
 * LocalPolicy: what an owner allows an installed system. An IMG4 with payload lpol, its
 * manifest signed by the owner key of the Secure Enclave. One file for each system, on
 * iSCPreboot: /<volume group>/LocalPolicy/<name>.img4, where name is lpnh, the digest of
 * the nonce under which it was signed, in 96 upper-case hexadecimal digits.
 *
 * The fields are rows of one table (name, kind, where in the manifest they stand, who may
 * change them, what else they need); a policy is a value for each row.
 */
#ifndef SIM_PLATFORM_SECUREBOOT_LOCALPOLICY_H
#define SIM_PLATFORM_SECUREBOOT_LOCALPOLICY_H

#include "sim/base/idtext.h"
#include "sim/formats/image4/fourcc.h"
#include "sim/formats/image4/img4_verify.h"

#define LP_DIGEST_TEXT_MAX (2 * IMG4_DIGEST_LEN + 1)
#define LP_PATH_MAX	   192u
#define LP_BYTES_MAX	   64u
#define LP_FOLDER	   "LocalPolicy"

enum lp_field {
	LP_ECID,
	LP_BORD,
	LP_CHIP,
	LP_CEPO,
	LP_SDOM,
	LP_CPRO,
	LP_CSEC,
	LP_LOBO,
	LP_LOVE,
	LP_VUID,
	LP_KUID,
	LP_LPNH,
	LP_RPNH,
	LP_RONH,
	LP_NSIH,
	LP_SPIH,
	LP_STNG,
	LP_AUXP,
	LP_AUXI,
	LP_AUXR,
	LP_COIH,
	LP_PROT,
	LP_HRLP,
	LP_ROLP,
	LP_SMB0,
	LP_SMB1,
	LP_SMB2,
	LP_SMB3,
	LP_SMB4,
	LP_SIP0,
	LP_SIP1,
	LP_SIP2,
	LP_SIP3,
	LP_N_FIELDS
};

enum lp_kind { LP_NUMBER, LP_BOOL, LP_UUID, LP_DIGEST, LP_STRING };

/* Environments of the application processor, as the Secure Enclave tells them apart. */
enum sep_env {
	SEP_MACOS = 0,
	SEP_1TR = 1,	  /* "one true recoveryOS": by one press of the power button */
	SEP_RECOVERY = 2, /* any other recoveryOS */
	SEP_KCOS = 3,
	SEP_RESTOREOS = 4,
	SEP_UNKNOWN = 255,
};

/* Sets of them. */
#define SEP_IN(env) (1u << (env))
enum {
	SEP_IN_1TR = SEP_IN(SEP_1TR),
	SEP_IN_ANY_RECOVERY =
		SEP_IN(SEP_1TR) | SEP_IN(SEP_RECOVERY) | SEP_IN(SEP_RESTOREOS),
	SEP_IN_ANY = SEP_IN_ANY_RECOVERY | SEP_IN(SEP_MACOS) | SEP_IN(SEP_KCOS),
};

static inline bool sep_env_in(enum sep_env env, unsigned set)
{
	return env <= SEP_RESTOREOS && (set & SEP_IN(env));
}

struct lp_row {
	uint32_t name;
	enum lp_kind kind;
	bool in_manp; /* in MANP; else in the object lpol */
	bool by_sep;  /* filled in by the Secure Enclave, not by who changes a policy */
	unsigned settable;  /* SEP_IN(): where a change is let through */
	unsigned clearable; /* where it may be taken away (what makes the Mac more secure)
			     */
	bool needs_pairing; /* and only in the recoveryOS that belongs to this system */
	enum lp_field needs; /* has to be set as well; LP_N_FIELDS: none */
};
const struct lp_row *lp_row(enum lp_field f);
/* LP_N_FIELDS when no field has that name. */
enum lp_field lp_field_by_name(uint32_t name);

struct lp_value {
	bool present;
	uint64_t number;	     /* LP_NUMBER, LP_BOOL */
	uint8_t bytes[LP_BYTES_MAX]; /* LP_UUID, LP_DIGEST; LP_STRING with a NUL */
};

struct local_policy {
	struct lp_value v[LP_N_FIELDS];
};

/* Absent or false is false; absent or 0 is 0. */
bool lp_true(const struct local_policy *p, enum lp_field f);
uint64_t lp_number(const struct local_policy *p, enum lp_field f);
/* NULL when absent: 16 bytes, 48 bytes, or a text with a NUL. */
const uint8_t *lp_bytes(const struct local_policy *p, enum lp_field f);
void lp_set_number(struct local_policy *p, enum lp_field f, uint64_t v);
/* E_INVAL for a wrong length. LP_STRING: without the NUL. */
int lp_set_bytes(struct local_policy *p, enum lp_field f, const void *b, size_t len,
		 struct err *e) MUST_CHECK;
void lp_clear(struct local_policy *p, enum lp_field f);
/* "0x8103", "true", hexadecimal digits, a UUID, a text, "absent": as bputil has values.
 */
void lp_value_text(const struct local_policy *p, enum lp_field f, char *out, size_t size);

/* Does every field that is set have what it needs? E_INVAL names the two. */
int lp_consistent(const struct local_policy *p, struct err *e) MUST_CHECK;

/* The security levels: what they mean for whom. */
enum sb_level { SB_FULL, SB_REDUCED, SB_PERMISSIVE, SB_N_LEVELS };

struct sb_level_row {
	const char *name; /* "Full" */
	bool smb0, smb1;
	enum img4_selector selector; /* as what the chip takes manifests */
};
const struct sb_level_row *sb_level_row(enum sb_level l);
enum sb_level lp_level(const struct local_policy *p);
/* Set smb0 and smb1, and take away all that the owner granted before ("from scratch"). */
void lp_set_level(struct local_policy *p, enum sb_level l);

/* A policy as the Secure Enclave writes it; see sep.h for the signing. */
int lp_write(const struct local_policy *p, const struct im4m_signer *by, struct buf *out,
	     struct err *e) MUST_CHECK;
/* Take the fields out of an IMG4. Nothing is verified. @file: parsed, for the verifier.
 */
int lp_parse(const void *bytes, size_t len, struct img4 *file, struct local_policy *ret,
	     struct err *e) MUST_CHECK;

/*
 * What LLB asks of a policy: signed by an owner key that @root certifies, of this chip,
 * under the nonces whose digests are @lpnh and @rpnh. EILSEQ, EFTYPE, EAUTH, ENOENT,
 * EACCES, ESTALE, ENOEXEC. On IMG4_OK *ret holds the fields.
 */
struct lp_expect {
	const struct img4_chip *chip;
	struct span root;	    /* certificate */
	const uint8_t *lpnh, *rpnh; /* rpnh may be NULL: not asked */
};
enum img4_result lp_verify(const void *bytes, size_t len, const struct lp_expect *x,
			   struct local_policy *ret, struct err *e);

enum lp_file { LP_FILE_MACOS, LP_FILE_RECOVERY, LP_FILE_AUXK, LP_FILE_FUOS };

/* "/<GROUP>/LocalPolicy/<DIGEST>.img4", ".recovery.img4", ".auxk.im4m", ".fuos.im4m" */
int lp_path(const char *group, const uint8_t lpnh[static IMG4_DIGEST_LEN],
	    enum lp_file which, char out[static LP_PATH_MAX], struct err *e) MUST_CHECK;

/* 96 upper-case digits. */
void lp_digest_text(const uint8_t d[static IMG4_DIGEST_LEN],
		    char out[static LP_DIGEST_TEXT_MAX]);

#endif
