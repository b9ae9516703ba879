/* SPDX-License-Identifier: MIT */
/* The setting in NVRAM: csr-active-config. */
#include "components/common/csr_setting.h"
#include "components/csrutil/internal.h"
#include "components/nvram/nvram_tool.h"
#include "sim/platform/csr.h"
#include "sim/platform/paths.h"

#define RESTART "Please restart the machine for the changes to take effect.\n"

static int read_setting(struct session *s, uint32_t *ret, struct err *e)
{
	return csr_setting_read(s->paths->nvram_dir, ret, e);
}

static int delete_setting(struct session *s, struct err *e)
{
	int r = nvram_tool_delete(s->paths->nvram_dir, NVRAM_CSR_CONFIG, e);

	return r == -E_NOTFOUND ? 0 : r;
}

static int change(struct session *s, const struct csr_change *c, struct err *e)
{
	uint32_t effective = 0;
	int r = csr_read(s->paths->csr_config, &effective, e);

	if (r)
		return r;
	if (!csr_allows(effective, CSR_ALLOW_DEVICE_CONFIGURATION))
		return not_recovery(s, e);
	r = c->clear ? delete_setting(s, e)
		     : csr_setting_change(s->paths->nvram_dir, c->mask, c->value, e);
	if (r == -E_PERM)
		return not_recovery(s, e);
	return r ? r
		 : buf_printf(s->out, e, "Successfully %s %s. " RESTART, c->was, c->what);
}

const struct csr_store csr_in_nvram = {read_setting, change};
