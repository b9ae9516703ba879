/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "components/kextcache/update.h"
#include "sim/base/fsio.h"

static int add(struct kc_rebuild *r, const char *arg, struct err *e)
{
	char *copy = strdup(arg);

	if (!copy)
		return err_set(e, E_NOMEM, "out of memory");
	if (r->argc + 1 >= KC_REBUILD_ARGS_MAX) {
		free(copy);
		return err_set(e, E_OVERFLOW, "too many arguments for kextcache");
	}
	r->argv[r->argc++] = copy;
	return 0;
}

static int add_path(struct kc_rebuild *r, const struct bootcaches *b, const char *path,
		    struct err *e)
{
	char full[PATH_MAX];
	int ret = bootcaches_full_path(b, path, full, sizeof(full), e);

	return ret ? ret : add(r, full, e);
}

static int add_dirs(struct kc_rebuild *r, const struct bootcaches *b, char *const *dirs,
		    size_t n, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++)
		ret = add_path(r, b, dirs[i], e);
	return ret;
}

/* Which kexts: those of a local start; of a start from installation media, network, too.
 */
static int add_filters(struct kc_rebuild *r, const struct bootcaches *b, bool all_loaded,
		       struct err *e)
{
	char cdrom[PATH_MAX];
	int ret = add(r, "-local-root", e);

	if (!ret)
		ret = bootcaches_full_path(b, "/etc/rc.cdrom", cdrom, sizeof(cdrom), e);
	if (!ret && fsio_exists(cdrom))
		ret = add(r, "-network-root", e);
	if (!ret && all_loaded)
		ret = add(r, "-all-loaded", e);
	return ret;
}

static int fill(struct kc_rebuild *r, const struct bootcaches *b, bool all_loaded,
		struct err *e)
{
	int ret = add(r, "kextcache", e);

	for (size_t i = 0; i < b->n_archs && !ret; i++) {
		ret = add(r, "-arch", e);
		if (!ret)
			ret = add(r, b->arch[i], e);
	}
	if (!ret)
		ret = add_filters(r, b, all_loaded, e);
	if (!ret)
		ret = add(r, "-kernel", e);
	if (!ret)
		ret = add_path(r, b, b->kernel_path, e);
	if (!ret)
		ret = add(r, "-prelinked-kernel", e);
	if (!ret)
		ret = add_path(r, b, b->path, e);
	if (!ret)
		ret = add(r, "-volume-root", e);
	if (!ret)
		ret = add(r, b->root, e);
	if (!ret)
		ret = add_dirs(r, b, b->ext_dir, b->n_ext_dirs, e);
	if (!ret)
		ret = add_dirs(r, b, b->unwatched_dir, b->n_unwatched_dirs, e);
	return ret;
}

int kc_rebuild_command(const struct bootcaches *b, bool all_loaded,
		       struct kc_rebuild *ret, struct err *e)
{
	int r;

	*ret = (struct kc_rebuild){.argc = 0};
	if (b->kind != BOOTCACHES_KERNELCACHE)
		return err_set(e, E_CORRUPT, "no prelinked kernel wanted");
	r = fill(ret, b, all_loaded, e);
	if (r)
		kc_rebuild_release(ret);
	return r;
}

void kc_rebuild_release(struct kc_rebuild *r)
{
	for (size_t i = 0; i < r->argc; i++)
		free(r->argv[i]);
	*r = (struct kc_rebuild){.argc = 0};
}
