/* SPDX-License-Identifier: MIT */
/*
 * The laboratory's certificate authority for code: stand-ins for Apple's root, for the
 * authority that certifies Developer IDs, and for the one that certifies Apple's own code;
 * and identities to sign with, good ones and bad ones.
 *
 *	root --- Developer ID authority --- developer-id-kext, developer-id, expired
 *	     \-- code signing authority --- apple
 *	     \-- time stamp authority
 *	other root --- other authority --- other-ca
 *
 * Their names are the laboratory's, their extensions Apple's. Whose root it is decides
 * nothing but the set of anchors that a verifier is given (cs_anchors).
 */
#ifndef SIM_PLATFORM_SIGNING_AUTHORITY_H
#define SIM_PLATFORM_SIGNING_AUTHORITY_H

#include "sim/base/idtext.h"
#include "sim/formats/codesign/cms.h"
#include "sim/platform/keystore.h"

#define SIGNING_KEYS_DIR KEYSTORE_DIR

/* When everything is signed that is made with the build: 2019-09-01 12:00:00 UTC. */
#define SIGNING_BUILD_TIME 1567339200

/* What a Mac of the laboratory calls the root, in PATH_ANCHORS. */
#define SIGNING_ANCHOR_FILE "kextlab.cer"

enum signing_key {
	SIGNING_ROOT,
	SIGNING_DEVELOPER_ID_CA,
	SIGNING_CODE_CA,
	SIGNING_TSA,
	SIGNING_KEXT,
	SIGNING_DEVELOPER_ID,
	SIGNING_EXPIRED,
	SIGNING_APPLE,
	SIGNING_OTHER_ROOT,
	SIGNING_OTHER_CA,
	SIGNING_OTHER,
	SIGNING_N_KEYS
};

/* Zero-initialise. Keys and certificates are made of the file when they are wanted. */
struct signing_authority {
	struct keystore store;
	struct buf cert[SIGNING_N_KEYS]; /* DER; empty until signing_cert is asked for it */
};

/* Read the keys from folder @dir or make them there (keystore.h). */
int signing_authority_load(const char *dir, struct signing_authority *ret,
			   struct err *e) MUST_CHECK;
void signing_authority_release(struct signing_authority *a);

/* The certificate of @i, DER, borrowed; the same bytes whenever it is made. */
int signing_cert(struct signing_authority *a, enum signing_key i, struct span *ret,
		 struct err *e) MUST_CHECK;

/* For names in caches of what is signed. */
int signing_authority_fingerprint(struct signing_authority *a,
				  char out[static SHA256_TEXT_MAX],
				  struct err *e) MUST_CHECK;

/* ---- who signs ---- */

struct signing_identity {
	const char *name;  /* "developer-id-kext"; "adhoc" has no key */
	const char *about; /* in a few words */
	enum signing_key leaf;
	bool adhoc;
	bool timestamp; /* codesign asks for one by itself */
};

#define SIGNING_IDENTITY_DEFAULT "developer-id-kext"
/* Ends with a NULL name. */
extern const struct signing_identity signing_identities[];
/* NULL when there is none. */
const struct signing_identity *signing_identity_by_name(const char *name);

/* Key and certificates up to the root of @leaf; release with cs_signer_release. */
int signing_signer(struct signing_authority *a, enum signing_key leaf,
		   struct cs_signer *ret, struct err *e) MUST_CHECK;
/* The anchors of a Mac of the laboratory: the root alone. */
int signing_anchors(struct signing_authority *a, struct cs_anchors *ret,
		    struct err *e) MUST_CHECK;

struct signing_how {
	int64_t time;		  /* of signing, since 1970 */
	uint32_t flags;		  /* CS_FLAG_* for the code directory */
	struct span entitlements; /* an XML property list; p NULL: none */
};

/* Sign the bundle at @path as @id, with a time stamp where one is due. */
int signing_sign(struct signing_authority *a, const struct signing_identity *id,
		 const char *path, const struct signing_how *how,
		 struct err *e) MUST_CHECK;

#endif
