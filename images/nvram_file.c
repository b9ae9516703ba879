/* SPDX-License-Identifier: MIT */
/* image_build_nvram: what a Mac's NVRAM holds before its first start. */
#include "images/layout.h"
#include "sim/base/bytes.h"
#include "sim/platform/nvram.h"
#include "sim/platform/paths.h"

static int set_csr(struct nvram *nv, const struct disk_spec *spec, struct err *e)
{
	uint8_t value[4];

	/* A Mac on which csrutil was never used has no such variable. */
	if (!spec->csr || disk_machine(spec)->csr_in_local_policy)
		return 0;
	put_le32(value, spec->csr);
	return nvram_set_apple(nv, NVRAM_CSR_CONFIG, value, sizeof(value), e);
}

int image_build_nvram(const struct disk_spec *spec, const char *path, struct err *e)
{
	struct nvram nv;
	int r;

	nvram_init(&nv);
	r = set_csr(&nv, spec, e);
	if (!r)
		r = nvram_store_file(&nv, path, e);
	nvram_release(&nv);
	return r;
}
