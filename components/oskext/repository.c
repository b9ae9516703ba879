/* SPDX-License-Identifier: MIT */
#include "components/oskext/repository.h"

#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include "components/syspolicyd/client.h"
#include "sim/base/fsio.h"
#include "sim/platform/csr.h"
#include "sim/platform/paths.h"

static bool is_secure(void *world, const struct kext *k)
{
	return kext_repository_is_secure(world, k);
}

static bool is_approved(void *world, const struct kext *k)
{
	const struct kext_repository *r = world;

	return syspolicy_allows(r->w->syspolicy_socket, k->path, false);
}

/* What cannot be read of SIP's setting allows nothing. */
static int load_signing(struct kext_repository *r, struct err *e)
{
	struct err unread = ERR_INIT;
	uint32_t csr = 0;

	if (csr_read(r->w->csr_config, &csr, &unread))
		csr = 0;
	r->signing = (struct kext_signing){
		.anchors = &r->anchors,
		.now = time(NULL),
		.untrusted_allowed = csr_allows(csr, CSR_ALLOW_UNTRUSTED_KEXTS) ||
				     csr_allows(csr, CSR_ALLOW_APPLE_INTERNAL),
	};
	if (!r->w->anchors)
		return 0;
	r->staging.signing = &r->signing;
	return cs_anchors_load(&r->anchors, r->w->anchors, e);
}

int kext_repository_open(struct kext_repository *r, const struct oskext_world *w,
			 struct err *e)
{
	int ret;

	*r = (struct kext_repository){.w = w, .all = {.owns = true}};
	r->auth = (struct kext_auth){
		.check_filesystem = true,
		.all = &r->all,
		.log = w->log,
		.signing = w->anchors ? &r->signing : NULL,
		.is_secure = is_secure,
		.is_approved = w->is_root ? is_approved : NULL,
		.world = r,
	};
	ret = staging_init(&r->staging, w->root, w->csr_config, w->log, e);
	return ret ? ret : load_signing(r, e);
}

void kext_repository_release(struct kext_repository *r)
{
	kext_set_release(&r->all);
	cs_anchors_release(&r->anchors);
	staging_release(&r->staging);
}

int kext_repository_scan(struct kext_repository *r, const char *path, struct err *e)
{
	return kext_set_scan(&r->all, path, r->w->log, e);
}

int kext_repository_scan_system(struct kext_repository *r, struct err *e)
{
	static const char *const folders[] = {
		PATH_SYSTEM_EXTENSIONS,
		PATH_LIBRARY_EXTENSIONS,
		PATH_APPLE_EXTENSIONS,
	};
	int ret = 0;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && !ret; i++) {
		char path[PATH_MAX];

		ret = fsio_join(path, sizeof(path), r->w->root, folders[i], e);
		if (!ret)
			ret = kext_repository_scan(r, path, e);
	}
	return ret;
}

/* Copies behind their originals, all of them made before one is read. */
int kext_repository_stage(struct kext_repository *r, struct err *e)
{
	size_t n = r->all.n;
	char path[PATH_MAX];
	int ret = 0;

	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_INIT;

		(void)!staging_place(&r->staging, r->all.item[i]->path, path, &why);
	}
	for (size_t i = 0; i < n && !ret; i++) {
		if (is_secure(r, r->all.item[i]) ||
		    staging_path(&r->staging, r->all.item[i]->path, path, e) ||
		    !fsio_exists(path))
			continue;
		ret = kext_repository_scan(r, path, e);
	}
	return ret;
}

struct kext *kext_repository_used(const struct kext_repository *r, struct kext *k)
{
	char path[PATH_MAX], real[PATH_MAX];
	struct err e = ERR_INIT;
	struct kext *copy = NULL;

	if (k && !staging_is_secure(&r->staging, k->path) &&
	    !staging_path(&r->staging, k->path, path, &e) && realpath(path, real))
		copy = kext_set_at_path(&r->all, real);
	return copy ? copy : k;
}

struct kext *kext_repository_at_path(const struct kext_repository *r, const char *path)
{
	char real[PATH_MAX];

	return realpath(path, real)
		       ? kext_repository_used(r, kext_set_at_path(&r->all, real))
		       : NULL;
}

struct kext *kext_repository_by_id(const struct kext_repository *r, const char *id)
{
	return kext_repository_used(r, kext_set_newest(&r->all, id));
}

bool kext_repository_is_secure(const struct kext_repository *r, const struct kext *k)
{
	return staging_is_secure(&r->staging, k->path);
}

bool kext_repository_not_approved(const struct kext_repository *r, const struct kext *k)
{
	return r->auth.is_approved && kext_repository_is_secure(r, k) &&
	       !r->auth.is_approved(r->auth.world, k);
}
