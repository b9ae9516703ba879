/* SPDX-License-Identifier: MIT */
/* Who signed a kext, as approval wants to know it. */
#ifndef SIM_FORMATS_KEXT_SIGNER_H
#define SIM_FORMATS_KEXT_SIGNER_H

#include "sim/formats/kext/kext.h"

#define KEXT_TEAM_MAX	   32  /* with the NUL */
#define KEXT_DEVELOPER_MAX 256

struct kext_signer {
	bool apple;			    /* the vendor of the system */
	char team[KEXT_TEAM_MAX];	    /* "" when nobody signed */
	char developer[KEXT_DEVELOPER_MAX]; /* whom alerts name; never empty */
};

/*
 * By the signature of @k. An unsigned kext has no team, and its developer is called by its
 * bundle identifier.
 */
int kext_signer(const struct kext *k, struct kext_signer *ret, struct err *e) MUST_CHECK;

#endif
