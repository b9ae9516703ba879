/* SPDX-License-Identifier: MIT */
#include "sim/formats/macho/kxld.h"
#include "sim/formats/macho/objlink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read all there is to read, then link it as a kext and as an object. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct kxld_request rq = {.name = "fuzz",
					.file = data,
					.len = size,
					.load_addr = 0xffffff7f80a00000};
	const struct objlink_input in = {.name = "fuzz", .data = data, .len = size};
	struct kxld_image img;
	struct buf out = BUF_INIT;
	struct macho_symbol s;
	struct macho m;

	if (!macho_open(data, size, &m, NULL)) {
		for (uint32_t i = 0; i < m.nsyms; i++)
			if (macho_symbol(&m, i, &s, NULL))
				break;
		macho_release(&m);
	}
	if (!kxld_link(&rq, &img, NULL))
		kxld_image_release(&img);
	if (!objlink(&in, 1, &out, NULL))
		buf_release(&out);
	return 0;
}
