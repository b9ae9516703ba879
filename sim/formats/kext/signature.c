/* SPDX-License-Identifier: MIT */
#include "sim/formats/kext/signature.h"

#include <string.h>

#define APPLE_PREFIX	 "com.apple."
#define DEXT_ENTITLEMENT "com.apple.developer.driverkit"

bool kext_claims_apple(const struct kext *k)
{
	return !strncmp(k->id, APPLE_PREFIX, strlen(APPLE_PREFIX));
}

static bool is_dext(const struct kext *k)
{
	return k->dext;
}

static bool is_any(const struct kext *k)
{
	(void)k;
	return true;
}

/* The first row that applies. */
static const struct {
	bool (*applies)(const struct kext *k);
	const char *requirement;
} rows[] = {
	{kext_claims_apple, "anchor apple"},
	{is_dext, "(anchor apple "
		  "or (anchor apple generic and certificate "
		  "leaf[field.1.2.840.113635.100.6.1.9] exists) "
		  "or (anchor apple generic and certificate "
		  "1[field." CS_OID_DEVELOPER_ID_CA "] exists and certificate "
		  "leaf[field." CS_OID_DEVELOPER_ID_LEAF "] exists and notarized) "
		  "or (anchor apple generic and certificate "
		  "leaf[field.1.2.840.113635.100.6.1.9.1] exists) "
		  "or (anchor apple generic and certificate "
		  "leaf[field.1.2.840.113635.100.6.1.12] exists)) "
		  "and entitlement[" DEXT_ENTITLEMENT "] exists"},
	{is_any, "anchor apple generic "
		 "and certificate 1[field." CS_OID_DEVELOPER_ID_CA "] "
		 "and certificate leaf[field." CS_OID_DEVELOPER_ID_LEAF "] "
		 "and certificate leaf[field." CS_OID_KEXT_SIGNING "]"},
};

const char *kext_signature_requirement(const struct kext *k)
{
	size_t i = 0;

	while (!rows[i].applies(k))
		i++;
	return rows[i].requirement;
}

int kext_check_signature(const struct kext *k, const struct kext_signing *s,
			 struct codesign_result *ret, struct err *e)
{
	struct codesign_check how = {.anchors = s->anchors, .now = s->now};
	struct buf req = BUF_INIT;
	int r = cs_req_parse(kext_signature_requirement(k), &req, e);

	*ret = (struct codesign_result){.status = CS_INTERNAL_ERROR};
	how.requirement = buf_span(&req);
	if (!r)
		r = codesign_verify(k->path, &how, ret, e);
	buf_release(&req);
	return r;
}
