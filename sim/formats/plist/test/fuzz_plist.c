/* SPDX-License-Identifier: MIT */
/* Any bytes either parse within the limits or are refused. */
#include "sim/formats/plist/pl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	plist_t root = NULL;

	if (pl_parse(data, len, "fuzz", &root, &e))
		return 0;
	(void)!pl_to_xml(root, &b, &e);
	buf_release(&b);
	plist_free(root);
	return 0;
}
