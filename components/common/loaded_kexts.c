/* SPDX-License-Identifier: MIT */
#include "components/common/loaded_kexts.h"

#include <string.h>

#include "sim/base/buf.h"
#include "sim/base/fsio.h"
#include "sim/formats/plist/pl.h"

int loaded_kexts_read(const char *path, plist_t *ret, struct err *e)
{
	struct buf text = BUF_INIT;
	int r = fsio_read(path, LOADED_KEXTS_MAX, &text, e);

	*ret = NULL;
	if (!r)
		r = pl_parse(text.data, text.len, path, ret, e);
	buf_release(&text);
	if (!r && plist_get_node_type(*ret) != PLIST_ARRAY)
		r = err_set(e, E_CORRUPT, "%s: expected an array, found %s", path,
			    pl_type_name(*ret));
	if (r) {
		plist_free(*ret);
		*ret = NULL;
	}
	return r;
}

plist_t loaded_kexts_find(plist_t list, const char *id)
{
	uint32_t n = list ? plist_array_get_size(list) : 0;

	for (uint32_t i = 0; i < n; i++) {
		plist_t d = plist_array_get_item(list, i);
		const char *s = pl_str(plist_dict_get_item(d, "CFBundleIdentifier"));

		if (s && !strcmp(s, id))
			return d;
	}
	return NULL;
}
