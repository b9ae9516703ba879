/* SPDX-License-Identifier: MIT */
#include "sim/formats/prelink/ioxml.h"
#include "sim/formats/prelink/prelink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct prelink_report rep;
	struct prelink p;
	plist_t info;

	if (!prelink_open(data, size, &p, NULL))
		prelink_release(&p);
	if (!prelink_verify(data, size, &rep, NULL))
		prelink_check_name(rep.failed);
	if (!ioxml_parse((const char *)data, size, &info, NULL))
		plist_free(info);
	return 0;
}
