/* SPDX-License-Identifier: MIT */
#include "sim/formats/fileset/from_kexts.h"

#include <stdlib.h>

#include "sim/formats/kext/resolve.h"

bool fileset_is_boot_kext(const struct kext *k)
{
	return kext_is_required(k, KEXT_REQ_ROOT | KEXT_REQ_LOCAL_ROOT |
					   KEXT_REQ_NETWORK_ROOT | KEXT_REQ_CONSOLE |
					   KEXT_REQ_SAFE_BOOT) &&
	       k->required;
}

/* Bundles without code are for every architecture; so are interfaces, made for Intel. */
static bool holds_code_for(struct kext *k, const struct macho_arch *arch)
{
	struct err e = ERR_INIT;
	struct macho m;

	if (!k->executable || k->interface)
		return true;
	if (k->dext || kext_load_executable(k, &e) ||
	    macho_open_for(k->exe.data, k->exe.len, arch, &m, &e))
		return false;
	macho_release(&m);
	return true;
}

static const struct fileset *home_of(const struct fileset_kexts *rq, const struct kext *k)
{
	if (rq->boot && fileset_find(rq->boot, k->id))
		return rq->boot;
	if (rq->pageable && fileset_find(rq->pageable, k->id))
		return rq->pageable;
	return NULL;
}

/* The wanted ones that are not in another collection yet, resolved. */
static int choose(const struct fileset_kexts *rq, const struct kext_set *usable,
		  struct kext_set *wanted, struct err *e)
{
	const struct kext_resolver resolver = {.all = usable, .log = rq->log};

	for (size_t i = 0; i < usable->n; i++) {
		struct kext *k = usable->item[i];
		int r = 0;

		if (home_of(rq, k) || (rq->wanted && !rq->wanted(rq->arg, k)))
			continue;
		if (!kext_validate(k))
			r = kext_not_usable(k, "is not valid", e);
		else if (!kext_resolve(k, &resolver))
			r = kext_not_usable(k, "is missing dependencies", e);
		if (!r)
			r = kext_set_add(wanted, k, e);
		if (r)
			return r;
	}
	return 0;
}

/* The collections that the kexts of @list are in already. */
static int find_homes(const struct fileset_kexts *rq, const struct kext_set *list,
		      const struct fileset ***ret, struct err *e)
{
	const struct fileset **home = calloc(list->n + 1, sizeof(*home));

	if (!home)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < list->n; i++)
		home[i] = home_of(rq, list->item[i]);
	*ret = home;
	return 0;
}

static int build_list(const struct fileset_kexts *rq, const struct kext_set *list,
		      struct buf *out, struct err *e)
{
	struct fileset_request build = {
		.kind = rq->kind,
		.arch = rq->arch,
		.kernel = rq->kernel,
		.kernel_len = rq->kernel_len,
		.boot = rq->boot,
		.pageable = rq->pageable,
		.log = rq->log,
	};
	const struct fileset **home = NULL;
	struct kext_inputs in;
	int r = kext_inputs_init(&in, list, rq->mac_path, rq->arg, e);

	if (r)
		return r;
	r = find_homes(rq, list, &home, e);
	build.kext = in.v;
	build.n_kexts = in.n;
	build.home = home;
	if (!r)
		r = fileset_build(&build, out, e);
	free(home);
	kext_inputs_release(&in);
	return r;
}

int fileset_from_kexts(const struct fileset_kexts *rq, struct buf *out, struct err *e)
{
	struct kext_set usable = {0}, wanted = {0}, list = {0};
	int r = 0;

	for (size_t i = 0; i < rq->all->n && !r; i++)
		if (holds_code_for(rq->all->item[i], rq->arch))
			r = kext_set_add(&usable, rq->all->item[i], e);
	if (!r)
		r = choose(rq, &usable, &wanted, e);
	if (!r)
		r = kext_load_list(&wanted, &list, e);
	if (!r)
		r = build_list(rq, &list, out, e);
	kext_set_release(&list);
	kext_set_release(&wanted);
	kext_set_release(&usable);
	return r;
}
