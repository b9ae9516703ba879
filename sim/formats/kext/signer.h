/* SPDX-License-Identifier: MIT */
/* Who signed a kext, as approval wants to know it. */
#ifndef SIM_FORMATS_KEXT_SIGNER_H
#define SIM_FORMATS_KEXT_SIGNER_H

#include "sim/formats/codesign/codesign.h"
#include "sim/formats/kext/kext.h"

#define KEXT_TEAM_MAX	   CODESIGN_NAME_MAX
#define KEXT_DEVELOPER_MAX 256

struct kext_signer {
	bool apple;			    /* the vendor of the system */
	char team[KEXT_TEAM_MAX];	    /* "" when nobody signed */
	char developer[KEXT_DEVELOPER_MAX]; /* whom alerts name; never empty */
};

/*
 * By the signature of @k, if it is good at the time @now (seconds since 1970); whether it
 * is one that kexts need is another question (authentication). The team is the code
 * directory's, the developer the certificate's, without its kind and team. Without a good
 * signature there is no team, and the developer is called by the bundle identifier.
 * @anchors (may be NULL: none) say who is Apple. E_CORRUPT: @k has no identifier.
 */
int kext_signer(const struct kext *k, const struct cs_anchors *anchors, int64_t now,
		struct kext_signer *ret, struct err *e) MUST_CHECK;

/* The same of what is known already: @good is the verdict on @k, which authenticates. */
void kext_signer_known(const struct kext *k, const struct codesign_result *good,
		       struct kext_signer *ret);

#endif
