/* SPDX-License-Identifier: MIT */
/*
 * Apple code signatures of kernel extensions: made, and verified as SecStaticCode does
 * (StaticCode.cpp, signer.cpp). Signatures are those of codesign(1): embedded in Mach-O
 * executables, thin or fat, or in files of _CodeSignature for bundles without one.
 */
#ifndef SIM_FORMATS_CODESIGN_CODESIGN_H
#define SIM_FORMATS_CODESIGN_CODESIGN_H

#include "sim/formats/codesign/cms.h"
#include "sim/formats/codesign/osstatus.h"
#include "sim/formats/codesign/req.h"
#include "sim/formats/codesign/resources.h"

/* ---- verifying ---- */

struct codesign_check {
	const struct cs_anchors *anchors;
	struct span requirement; /* of who asks (req.h); p NULL: none */
	int64_t now;		 /* seconds since 1970: what expired certificates are
				    measured by where no time stamp says when */
	bool consider_expiration; /* kSecCSConsiderExpiration */
};

#define CODESIGN_NAME_MAX 256

/* What the signature says of itself, believed or not, and the verdict. */
struct codesign_result {
	int status;		    /* enum cs_status */
	char why[1024];		    /* what of it, and where; "" when valid */
	struct cs_problems problems; /* files that were changed, added, removed */
	bool is_signed;		    /* there is a code directory */
	bool adhoc, expired;
	char ident[CODESIGN_NAME_MAX], team[CODESIGN_NAME_MAX]; /* team: "" for none */
	uint32_t version, flags;
	const struct cs_hash *hash; /* of the best code directory */
	uint8_t cdhash[CS_CDHASH_LEN]; /* of that; all follow, in the order of slots */
	uint8_t cdhashes[CS_CODEDIRS_MAX][CS_CDHASH_LEN];
	size_t n_cdhashes;
	size_t n_authorities;
	char authority[CS_CHAIN_MAX][CODESIGN_NAME_MAX]; /* common names, leaf first */
	struct buf root; /* the certificate that the chain ends with, as DER; believed or
			    not, empty: there is no chain */
	int64_t signing_time, timestamp;		 /* 0: not said */
	char *requirement; /* owned: its designated requirement as text; NULL: none */
	char format[64];   /* "bundle with Mach-O thin (x86_64)" */
};
void codesign_result_release(struct codesign_result *r);

/*
 * Verify the code at @path: every slice, every file, structure strictly
 * (kSecCSCheckAllArchitectures | kSecCSStrictValidate). A verdict, whichever, is 0 and in
 * @ret, which is to be released in any case; errors are those of the machine.
 */
int codesign_verify(const char *path, const struct codesign_check *how,
		    struct codesign_result *ret, struct err *e) MUST_CHECK;

/* ---- signing ---- */

struct codesign_spec {
	const struct cs_signer *signer; /* NULL: ad hoc */
	const struct cs_signer *tsa;	/* NULL: no time stamp */
	const struct cs_anchors *anchors; /* say whether the signer's team counts */
	int64_t time;			/* of signing */
	uint32_t flags;			/* CS_FLAG_*; CS_FLAG_ADHOC is set where it applies */
	const char *ident;		/* NULL: CFBundleIdentifier */
	struct span entitlements;	/* a property list; p NULL: none */
};

/*
 * Sign the bundle at @path in place, code nested in it first (as codesign --deep does). A
 * signature that it has is replaced. The same input gives the same bytes. E_UNSUPPORTED:
 * the executable has no room for a signature; E_CORRUPT: no bundle.
 */
int codesign_sign(const char *path, const struct codesign_spec *s,
		  struct err *e) MUST_CHECK;

#endif
