/* SPDX-License-Identifier: MIT */
#include "sim/formats/kext/signer.h"

#include <stdio.h>
#include <string.h>

#include "sim/formats/kext/signature.h"

#define APPLE_REQUIREMENT "anchor apple"

/* "Developer ID Application: Example Inc. (ABCDE12345)" is "Example Inc.". */
static void take_developer(const struct codesign_result *res, struct kext_signer *ret)
{
	const char *name = res->authority[0], *colon = strstr(name, ": ");
	char suffix[CODESIGN_NAME_MAX + 4];
	size_t len, n;

	name = colon ? colon + 2 : name;
	len = strlen(name);
	n = (size_t)snprintf(suffix, sizeof(suffix), " (%s)", res->team);
	if (n < len && !strcmp(name + len - n, suffix))
		len -= n;
	snprintf(ret->developer, sizeof(ret->developer), "%.*s", (int)len, name);
}

static int verify(const struct kext *k, const struct cs_anchors *anchors, int64_t now,
		  struct span requirement, struct codesign_result *res, struct err *e)
{
	const struct cs_anchors none = {.n = 0};
	const struct codesign_check how = {.anchors = anchors ? anchors : &none,
					   .requirement = requirement,
					   .now = now};

	return codesign_verify(k->path, &how, res, e);
}

/* Without a good signature: no team, and the bundle identifier as the name. */
static bool take(const struct kext *k, const struct codesign_result *res,
		 struct kext_signer *ret)
{
	*ret = (struct kext_signer){.apple = false};
	snprintf(ret->developer, sizeof(ret->developer), "%s", k->id);
	if (res->status != CS_OK || !res->is_signed || res->adhoc || !res->n_authorities)
		return false;
	snprintf(ret->team, sizeof(ret->team), "%s", res->team);
	take_developer(res, ret);
	return true;
}

void kext_signer_known(const struct kext *k, const struct codesign_result *good,
		       struct kext_signer *ret)
{
	ret->apple = take(k, good, ret) && kext_claims_apple(k);
}

/* Only who calls himself so is asked whether he is. */
static int ask_apple(const struct kext *k, const struct cs_anchors *anchors, int64_t now,
		     bool *ret, struct err *e)
{
	struct codesign_result res = {.status = CS_OK};
	struct buf requirement = BUF_INIT;
	int r;

	*ret = false;
	if (!kext_claims_apple(k))
		return 0;
	r = cs_req_parse(APPLE_REQUIREMENT, &requirement, e);
	if (!r)
		r = verify(k, anchors, now, buf_span(&requirement), &res, e);
	*ret = !r && res.status == CS_OK;
	codesign_result_release(&res);
	buf_release(&requirement);
	return r;
}

int kext_signer(const struct kext *k, const struct cs_anchors *anchors, int64_t now,
		struct kext_signer *ret, struct err *e)
{
	struct codesign_result res = {.status = CS_OK};
	int r;

	*ret = (struct kext_signer){.apple = false};
	if (!k->id[0])
		return err_set(e, E_CORRUPT, "%s has no CFBundleIdentifier", k->path);
	r = verify(k, anchors, now, (struct span){NULL, 0}, &res, e);
	if (!r && take(k, &res, ret))
		r = ask_apple(k, anchors, now, &ret->apple, e);
	codesign_result_release(&res);
	return r;
}
