/* SPDX-License-Identifier: MIT */
#include "components/common/this_release.h"

#include <limits.h>

#include "sim/base/fsio.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/paths.h"

int this_release_of(const void *data, size_t len, const char *what,
		    const struct release **ret, struct err *e)
{
	const char *build;
	plist_t dict;
	int r = pl_parse(data, len, what, &dict, e);

	if (r)
		return r;
	if (plist_get_node_type(dict) != PLIST_DICT ||
	    pl_string(dict, "ProductBuildVersion", &build, e)) {
		r = err_set(e, E_CORRUPT, "%s has no ProductBuildVersion", what);
	} else {
		*ret = release_by_build(build);
		if (!*ret)
			r = err_set(e, E_UNSUPPORTED, "%s: build %s is not known", what,
				    build);
	}
	plist_free(dict);
	return r;
}

int this_release(const char *root, const struct release **ret, struct err *e)
{
	struct buf text = BUF_INIT;
	char path[PATH_MAX];
	int r;

	if (fsio_join(path, sizeof(path), root, PATH_SYSTEM_VERSION, e))
		return err_ctx(e, "system version");
	r = fsio_read(path, SYSTEM_VERSION_MAX, &text, e);
	if (!r)
		r = this_release_of(text.data, text.len, path, ret, e);
	buf_release(&text);
	return r;
}
