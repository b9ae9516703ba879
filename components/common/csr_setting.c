/* SPDX-License-Identifier: MIT */
#include "components/common/csr_setting.h"

#include <limits.h>

#include "components/nvram/nvram_tool.h"
#include "sim/base/bytes.h"
#include "sim/base/fsio.h"
#include "sim/platform/paths.h"

int csr_setting_read(const char *nvram_dir, uint32_t *ret, struct err *e)
{
	struct buf b = BUF_INIT;
	char path[PATH_MAX];
	int r = nvram_path(path, sizeof(path), nvram_dir, NVRAM_CSR_CONFIG, e);

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

int csr_setting_change(const char *nvram_dir, uint32_t mask, uint32_t value, struct err *e)
{
	uint8_t bytes[4];
	uint32_t config;
	int r = csr_setting_read(nvram_dir, &config, e);

	if (r)
		return r;
	put_le32(bytes, (config & ~mask) | value);
	return nvram_tool_write(nvram_dir, NVRAM_CSR_CONFIG, bytes, 4, e);
}
