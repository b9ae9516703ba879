/* SPDX-License-Identifier: MIT */
/* image_build_nvram: what a Mac's NVRAM holds before its first start. */
#include <stdio.h>
#include <string.h>

#include "images/layout.h"
#include "sim/base/bytes.h"
#include "sim/platform/nvram.h"
#include "sim/platform/paths.h"
#include "sim/platform/secureboot/chain.h"

static int set_csr(struct nvram *nv, const struct disk_spec *spec, struct err *e)
{
	uint8_t value[4];

	/* A Mac on which csrutil was never used has no such variable. */
	if (!spec->csr || disk_machine(spec)->csr_in_local_policy)
		return 0;
	put_le32(value, spec->csr);
	return nvram_set_apple(nv, NVRAM_CSR_CONFIG, value, sizeof(value), e);
}

/* Which volume group of which partition iBoot starts. */
static int set_boot_volume(struct nvram *nv, const struct disk_spec *spec, struct err *e)
{
	char text[SB_BOOT_VOLUME_MAX], group[UUID_TEXT_MAX];
	uint8_t type[UUID_LEN], part[UUID_LEN], data[UUID_LEN];
	const struct disk_layout *l;
	const struct gpt_slot *slot;
	int r;

	if (!disk_machine(spec)->boots_by_iboot)
		return 0;
	r = disk_layout(spec, &l, e);
	if (r)
		return r;
	slot = layout_partition(l, &l->containers[0]);
	if (!uuid_parse(slot->type, type) || !uuid_parse(slot->guid, part))
		return err_set(e, E_INVAL, "bad GUID of partition %s", slot->name);
	r = volume_uuid(VOLUME_DATA, data, e);
	uuid_text(data, group);
	if (!r)
		r = sb_boot_volume_write(type, part, group, text, e);
	return r ? r : nvram_set_apple(nv, NVRAM_BOOT_VOLUME, text, strlen(text), e);
}

int image_build_nvram(const struct disk_spec *spec, const char *path, struct err *e)
{
	struct nvram nv;
	int r;

	nvram_init(&nv);
	r = set_csr(&nv, spec, e);
	if (!r)
		r = set_boot_volume(&nv, spec, e);
	if (!r)
		r = nvram_store_file(&nv, path, e);
	nvram_release(&nv);
	return r;
}
