/* SPDX-License-Identifier: MIT */
/*
 * The executable of a kext that somebody wrote, linked against the stand-in kernels of
 * 10.15.0 (x86_64) and 12.1 (arm64e, as in a collection), with their symbols and vtables.
 * What comes out is a Mach-O file again, whose relocations lie inside.
 */
#include <stdlib.h>

#include "sim/formats/macho/kxld.h"
#include "sim/platform/kpi/kpi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct target {
	const char *release, *machine;
	uint64_t load_addr;
	struct buf file;
	struct macho m;
	struct kxld_exports exports;
} targets[] = {
	{.release = "10.15.0", .machine = "intel", .load_addr = 0xffffff7f80a00000},
	{.release = "12.1", .machine = "m1", .load_addr = 0xfffffe0008000000},
};

static void make(struct target *t)
{
	const struct machine_model *machine = machine_by_name(t->machine);
	struct err e = ERR_INIT;

	if (kernel_standin_build_for(release_by_name(t->release), machine, &t->file, &e) ||
	    macho_open_for(t->file.data, t->file.len, macho_arch_of(t->file.data, t->file.len),
			   &t->m, &e) ||
	    kxld_exports_image(&t->m, &t->exports, &e))
		abort();
}

static void check(const struct kxld_image *img, const struct macho_arch *arch)
{
	struct macho m;
	struct err e;

	if (macho_open_for(img->bytes.data, img->bytes.len, arch, &m, &e))
		abort();
	for (uint32_t i = 0; i < m.dysym.nlocrel; i++)
		if (macho_reloc(&m, m.dysym.locreloff, i).address + 8ull > img->bytes.len)
			abort();
	macho_release(&m);
}

static void link_for(const struct target *t, const uint8_t *data, size_t size)
{
	const struct kxld_exports *deps[] = {&t->exports};
	struct kxld_request rq = {.name = "fuzz",
				  .file = data,
				  .len = size,
				  .arch = t->m.arch,
				  .keep_relocs = true,
				  .load_addr = t->load_addr,
				  .deps = deps,
				  .n_deps = 1};
	struct kxld_image img = {.kmod_info = 0};

	if (!kxld_link(&rq, &img, NULL)) {
		check(&img, rq.arch);
		kxld_image_release(&img);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		if (!targets[i].file.len)
			make(&targets[i]);
		link_for(&targets[i], data, size);
	}
	return 0;
}
