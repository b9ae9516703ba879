/* SPDX-License-Identifier: MIT */
/* Who signs. */
#include <string.h>

#include "sim/formats/codesign/codesign.h"
#include "sim/platform/signing/authority.h"

const struct signing_identity signing_identities[] = {
	{"developer-id-kext", "a Developer ID that may sign kexts", SIGNING_KEXT, false,
	 true},
	{"developer-id", "a Developer ID without the extension for kexts",
	 SIGNING_DEVELOPER_ID, false, true},
	{"expired", "a Developer ID for kexts whose certificate ended in 2018",
	 SIGNING_EXPIRED, false, true},
	{"other-ca", "the same extensions, from an authority that nobody knows",
	 SIGNING_OTHER, false, true},
	{"apple", "the vendor's own code", SIGNING_APPLE, false, false},
	{"adhoc", "no identity: hashes alone", SIGNING_ROOT, true, false},
	{NULL, NULL, SIGNING_ROOT, false, false},
};

const struct signing_identity *signing_identity_by_name(const char *name)
{
	for (const struct signing_identity *i = signing_identities; i->name; i++)
		if (!strcmp(i->name, name))
			return i;
	return NULL;
}

int signing_sign(struct signing_authority *a, const struct signing_identity *id,
		 const char *path, const struct signing_how *how, struct err *e)
{
	struct cs_anchors anchors = {.n = 0};
	struct cs_signer signer = {.key = NULL}, tsa = {.key = NULL};
	struct codesign_spec s = {
		.anchors = &anchors,
		.time = how->time,
		.flags = how->flags,
		.entitlements = how->entitlements,
	};
	int r = signing_anchors(a, &anchors, e);

	if (!r && !id->adhoc) {
		r = signing_signer(a, id->leaf, &signer, e);
		s.signer = &signer;
	}
	if (!r && id->timestamp) {
		r = signing_signer(a, SIGNING_TSA, &tsa, e);
		s.tsa = &tsa;
	}
	if (!r)
		r = codesign_sign(path, &s, e);
	cs_signer_release(&signer);
	cs_signer_release(&tsa);
	cs_anchors_release(&anchors);
	return r;
}
