/* SPDX-License-Identifier: MIT */
#include "sim/formats/kext/signer.h"

#include <stdio.h>

int kext_signer(const struct kext *k, struct kext_signer *ret, struct err *e)
{
	*ret = (struct kext_signer){.apple = false};
	if (!k->id[0])
		return err_set(e, E_CORRUPT, "%s has no CFBundleIdentifier", k->path);
	snprintf(ret->developer, sizeof(ret->developer), "%s", k->id);
	return 0;
}
