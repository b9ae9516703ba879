/* SPDX-License-Identifier: MIT */
#include "components/common/this_release.h"

#include <limits.h>

#include "sim/base/fsio.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/paths.h"

#define SYSTEM_VERSION_MAX 65536 /* bytes; Apple's file has about 500 */

int this_release(const char *root, const struct release **ret, struct err *e)
{
	char path[PATH_MAX];
	const char *build;
	plist_t dict;
	int r;

	if (fsio_join(path, sizeof(path), root, PATH_SYSTEM_VERSION, e))
		return err_ctx(e, "system version");
	r = pl_load_dict(path, SYSTEM_VERSION_MAX, &dict, e);
	if (r)
		return r;
	r = pl_string(dict, "ProductBuildVersion", &build, e);
	if (r) {
		r = err_set(e, E_CORRUPT, "%s has no ProductBuildVersion", path);
	} else {
		*ret = release_by_build(build);
		if (!*ret)
			r = err_set(e, E_UNSUPPORTED, "%s: build %s is not known", path,
				    build);
	}
	plist_free(dict);
	return r;
}
