/* SPDX-License-Identifier: MIT */
#include "components/kextd/volume.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/platform/paths.h"

static int watch_inside(struct kextd_volume *v, const char *path, struct err *e)
{
	char full[PATH_MAX];
	int r;

	if (!path)
		return 0;
	r = bootcaches_full_path(&v->caches, path, full, sizeof(full), e);
	return r ? r : watch_add(&v->watch, full, e);
}

/* The list of vol_appeared in kextd_watchvol.c, as far as such files exist here. */
static int watch_all(struct kextd_volume *v, const char *installer_pid_file,
		     struct err *e)
{
	const char *const inside[] = {
	    PATH_BOOTCACHES,	      v->caches.kernel_path, v->caches.kernels_dir,
	    v->caches.read_only_path, v->caches.booter,
	};
	int r = watch_add(&v->watch, installer_pid_file, e);

	for (size_t i = 0; !r && i < sizeof(inside) / sizeof(inside[0]); i++)
		r = watch_inside(v, inside[i], e);
	for (size_t i = 0; !r && i < v->caches.n_ext_dirs; i++)
		r = watch_inside(v, v->caches.ext_dir[i], e);
	return r;
}

int kextd_volume_new(const char *root, const char *installer_pid_file,
		     struct kextd_volume **ret, struct err *e)
{
	struct kextd_volume *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return err_set(e, E_NOMEM, "volume %s", root);
	v->watch.fd = -1;
	r = bootcaches_load(root, &v->caches, e);
	if (r) {
		free(v);
		return r;
	}
	v->root = strdup(root);
	r = v->root ? watch_open(&v->watch, e) : err_set(e, E_NOMEM, "volume %s", root);
	if (!r)
		r = watch_all(v, installer_pid_file, e);
	if (r) {
		kextd_volume_free(v);
		return err_ctx(e, "%s", root);
	}
	kextd_volume_extensions_changed(v);
	*ret = v;
	return 0;
}

void kextd_volume_free(struct kextd_volume *v)
{
	if (!v)
		return;
	watch_close(&v->watch);
	bootcaches_release(&v->caches);
	free(v->root);
	free(v);
}

int kextd_volume_reread(struct kextd_volume *v, const char *installer_pid_file,
			struct err *e)
{
	struct kextd_volume *fresh;
	struct bootcaches caches;
	struct watch watch;
	int r = kextd_volume_new(v->root, installer_pid_file, &fresh, e);

	if (r)
		return r;
	caches = v->caches;
	v->caches = fresh->caches;
	fresh->caches = caches;
	watch = v->watch;
	v->watch = fresh->watch;
	fresh->watch = watch;
	kextd_volume_free(fresh);
	return 0;
}

bool kextd_volume_caches_changed(const struct kextd_volume *v)
{
	char full[PATH_MAX];
	struct err e = ERR_INIT;
	struct stat st;

	return bootcaches_full_path(&v->caches, PATH_BOOTCACHES, full, sizeof(full),
				    &e) ||
	       stat(full, &st) || st.st_mtim.tv_sec != v->caches.mtime;
}

bool kextd_volume_extensions_changed(struct kextd_volume *v)
{
	int64_t newest = 0;
	bool changed;

	for (size_t i = 0; i < v->caches.n_ext_dirs; i++) {
		char full[PATH_MAX];
		struct err e = ERR_INIT;
		struct stat st;

		if (!bootcaches_full_path(&v->caches, v->caches.ext_dir[i], full,
					  sizeof(full), &e) &&
		    !stat(full, &st) && st.st_mtim.tv_sec > newest)
			newest = st.st_mtim.tv_sec;
	}
	changed = newest != v->newest_extensions;
	v->newest_extensions = newest;
	return changed;
}

bool kextd_volume_is_busy(const struct kextd_volume *v)
{
	return v->child || v->owner;
}

const char *kextd_volume_has_hit(const struct kextd_volume *v)
{
	if (v->failures >= KEXTD_MAX_FAILURES)
		return "failures";
	if (v->attempts >= KEXTD_MAX_ATTEMPTS)
		return "update attempts";
	return NULL;
}

void kextd_volume_count(struct kextd_volume *v, int status)
{
	if (status) {
		v->failures++;
	} else if (v->failures) {
		v->failures = 0;
		v->attempts = 0;
	}
}
