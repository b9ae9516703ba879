/* SPDX-License-Identifier: MIT */
/* Any bytes as Info.plist: opened, judged, described, resolved alone. */
#include "sim/formats/kext/auth.h"
#include "sim/formats/kext/resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	struct kext *k = NULL;

	if (kext_from_info("/nonexistent/F.kext", data, len, &k, &e))
		return 0;
	struct kext_set all = {.item = &k, .n = 1};
	struct kext_auth auth = {.all = &all};
	struct kext_resolver r = {.all = &all, .auth = &auth};

	kext_resolve(k, &r);
	(void)!kext_diag_print(&k->diags, &b, &e);
	(void)!kext_describe(k, &b, &e);
	buf_release(&b);
	kext_free(k);
	return 0;
}
