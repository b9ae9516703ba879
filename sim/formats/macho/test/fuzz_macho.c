/* SPDX-License-Identifier: MIT */
#include "sim/formats/macho/kxld.h"
#include "sim/formats/macho/objlink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Once more against itself: what was linked lends its symbols and vtables. */
static void link_against(const struct kxld_image *img, struct kxld_request rq)
{
	struct kxld_exports x = {.syms = {.n = 0}};
	const struct kxld_exports *deps[] = {&x};
	struct kxld_image again;
	struct macho m;

	if (macho_open_for(img->bytes.data, img->bytes.len, rq.arch, &m, NULL))
		return;
	if (!kxld_exports_image(&m, &x, NULL)) {
		rq.load_addr += 0x1000000;
		rq.indirect = deps;
		rq.n_indirect = 1;
		if (!kxld_link(&rq, &again, NULL))
			kxld_image_release(&again);
		rq.deps = deps;
		rq.n_deps = 1;
		if (!kxld_link(&rq, &again, NULL))
			kxld_image_release(&again);
		kxld_exports_release(&x);
	}
	macho_release(&m);
}

/* With segments together, then with distances between them that the file may allow. */
static void link_kext(const uint8_t *data, size_t size, const struct macho_arch *arch)
{
	struct kxld_request rq = {.name = "fuzz",
				  .file = data,
				  .len = size,
				  .arch = arch,
				  .keep_relocs = true,
				  .load_addr = 0xffffff7f80a00000};
	uint64_t addr[MACHO_SEGS_MAX];
	struct kxld_layout layout;
	struct kxld_image img;

	if (!kxld_link(&rq, &img, NULL)) {
		link_against(&img, rq);
		kxld_image_release(&img);
	}
	if (kxld_measure(&rq, &layout, NULL))
		return;
	for (unsigned i = 0; i < layout.nsegs; i++)
		addr[i] = rq.load_addr + i * 0x1000000ull;
	rq.seg_addr = addr;
	if (!kxld_link(&rq, &img, NULL))
		kxld_image_release(&img);
}

/* Read all there is to read, then link it as a kext and as an object. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct objlink_input in = {.name = "fuzz", .data = data, .len = size};
	struct buf out = BUF_INIT;
	struct macho_symbol s;
	struct macho m;

	for (enum macho_cpu cpu = MACHO_X86_64; cpu <= MACHO_ARM64E; cpu++) {
		if (!macho_open_for(data, size, macho_arch(cpu), &m, NULL)) {
			for (uint32_t i = 0; i < m.nsyms; i++)
				if (macho_symbol(&m, i, &s, NULL))
					break;
			macho_release(&m);
		}
		link_kext(data, size, macho_arch(cpu));
	}
	if (!objlink_split(&in, 1, true, &out, NULL))
		buf_release(&out);
	return 0;
}
