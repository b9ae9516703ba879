/* SPDX-License-Identifier: MIT */
#include "components/common/boot_args.h"

#include <stdio.h>

#include "sim/formats/plist/pl.h"

#define BOOT_ARGS_MAX (1u << 20)

int boot_args_bool(const char *path, const char *key, bool *ret, struct err *e)
{
	plist_t dict;
	int r = pl_load_dict(path, BOOT_ARGS_MAX, &dict, e);

	if (r)
		return r;
	*ret = false;
	r = pl_opt_bool(dict, key, ret, e);
	plist_free(dict);
	return r ? err_ctx(e, "%s", path) : 0;
}

int boot_args_text(const char *path, const char *key, char *out, size_t size,
		   struct err *e)
{
	const char *text = "";
	plist_t dict;
	int r = pl_load_dict(path, BOOT_ARGS_MAX, &dict, e);

	if (r)
		return r;
	r = pl_opt_string(dict, key, &text, e);
	if (!r && snprintf(out, size, "%s", text) >= (int)size)
		r = err_set(e, E_OVERFLOW, "'%s' is too long", key);
	plist_free(dict);
	return r ? err_ctx(e, "%s", path) : 0;
}
