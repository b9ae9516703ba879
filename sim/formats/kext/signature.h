/* SPDX-License-Identifier: MIT */
/* Who has to have signed a kext, and whether he did (kext_tools security.c). */
#ifndef SIM_FORMATS_KEXT_SIGNATURE_H
#define SIM_FORMATS_KEXT_SIGNATURE_H

#include "sim/formats/codesign/codesign.h"
#include "sim/formats/kext/kext.h"

/* What a verdict depends on besides the kext. Borrowed. */
struct kext_signing {
	const struct cs_anchors *anchors;
	int64_t now; /* seconds since 1970 */
	/* CSR_ALLOW_UNTRUSTED_KEXTS or CSR_ALLOW_APPLE_INTERNAL: a bad signature is only
	   remarked on. */
	bool untrusted_allowed;
};

/* Said where a bad signature is the end (isInvalidSignatureAllowed). */
#define KEXT_UNTRUSTED_REFUSED "Untrusted kexts are not allowed"

/* By the identifier: whether he is Apple, the requirement asks. */
bool kext_claims_apple(const struct kext *k);

/* The requirement that kexts like @k have to meet, in codesign's language. */
const char *kext_signature_requirement(const struct kext *k);

/*
 * Verify the signature of @k against its requirement (checkKextSignature). The verdict is
 * @ret->status, an OSStatus; release @ret in any case. Errors are those of the machine.
 */
int kext_check_signature(const struct kext *k, const struct kext_signing *s,
			 struct codesign_result *ret, struct err *e) MUST_CHECK;

#endif
