/* SPDX-License-Identifier: MIT */
/* The setting in NVRAM: csr-active-config. */
#include <stdlib.h>

#include "components/csrutil/internal.h"
#include "components/nvram/nvram_tool.h"
#include "sim/base/bytes.h"
#include "sim/base/fsio.h"
#include "sim/platform/csr.h"
#include "sim/platform/paths.h"

#define RESTART "Please restart the machine for the changes to take effect.\n"

static int read_setting(struct session *s, uint32_t *ret, struct err *e)
{
	struct buf b = BUF_INIT;
	char path[4096];
	int r = nvram_path(path, sizeof(path), s->paths->nvram_dir, NVRAM_CSR_CONFIG, e);

	*ret = 0;
	if (!r)
		r = fsio_read(path, 64, &b, e);
	if (!r && b.len == 4)
		*ret = get_le32(b.data);
	buf_release(&b);
	if (r == -E_NOTFOUND) {
		err_clear(e);
		r = 0;
	}
	return r;
}

static int delete_setting(struct session *s, struct err *e)
{
	int r = nvram_tool_delete(s->paths->nvram_dir, NVRAM_CSR_CONFIG, e);

	return r == -E_NOTFOUND ? 0 : r;
}

static int write_setting(struct session *s, const struct csr_change *c, struct err *e)
{
	uint8_t bytes[4];
	uint32_t config;
	int r = read_setting(s, &config, e);

	if (r)
		return r;
	put_le32(bytes, (config & ~c->mask) | c->value);
	return nvram_tool_write(s->paths->nvram_dir, NVRAM_CSR_CONFIG, bytes, 4, e);
}

static int change(struct session *s, const struct csr_change *c, struct err *e)
{
	uint32_t effective = 0;
	int r = csr_read(s->paths->csr_config, &effective, e);

	if (r)
		return r;
	if (!csr_allows(effective, CSR_ALLOW_DEVICE_CONFIGURATION))
		return not_recovery(s, e);
	r = c->clear ? delete_setting(s, e) : write_setting(s, c, e);
	if (r == -E_PERM)
		return not_recovery(s, e);
	return r ? r
		 : buf_printf(s->out, e, "Successfully %s %s. " RESTART, c->was, c->what);
}

const struct csr_store csr_in_nvram = {read_setting, change};
