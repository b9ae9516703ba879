/* SPDX-License-Identifier: MIT */
#include "components/kextcache/build.h"

#include <stdlib.h>

#include "components/kextcache/link.h"
#include "sim/formats/kext/resolve.h"

static int check_one(struct kext *k, const struct kext_resolver *r, struct err *e)
{
	if (!kext_validate(k))
		return kext_not_usable(k, "is not valid", e);
	if (kext_arch(k) == KEXT_ARCH_NO)
		return kext_not_usable(k, "holds no code for " KEXT_ARCH, e);
	if (!kext_resolve(k, r))
		return kext_not_usable(k, "is missing dependencies", e);
	return 0;
}

/* Read the bundles; *real gets their resolved paths, the prefixes of what was read. */
static int read_bundles(const struct kc_request *rq, struct kext_set *all, char **real,
			struct kc_prefix *prefix, struct err *e)
{
	for (size_t i = 0; i < rq->n_bundles; i++) {
		const struct kc_bundle *b = &rq->bundle[i];
		size_t before = all->n;
		int r = kext_set_scan(all, b->folder, rq->log, e);

		if (r)
			return r;
		real[i] = realpath(b->folder, NULL);
		if (!real[i] || (all->n == before && !kext_set_at_path(all, real[i])))
			return err_set(e, E_NOTFOUND, "%s is not a kernel extension",
				       b->folder);
		prefix[i] = (struct kc_prefix){.from = real[i], .to = b->path};
	}
	return 0;
}

/* Those of @all that are of use; the others are counted, or end it. */
static int choose(const struct kc_request *rq, const struct kext_set *all,
		  struct kext_set *ret, size_t *n_omitted, struct err *e)
{
	const struct kext_resolver resolver = {.all = all, .log = rq->log};

	for (size_t i = 0; i < all->n; i++) {
		struct err why = ERR_INIT;
		int r = check_one(all->item[i], &resolver, &why);

		if (r && rq->omit_bad && r != -E_NOMEM) {
			clog_say(rq->log, CLOG_WARNING, "%s", why.msg);
			++*n_omitted;
			continue;
		}
		if (r)
			*e = why;
		else
			r = kext_set_add(ret, all->item[i], e);
		if (r)
			return r;
	}
	return 0;
}

static int link_all(const struct kc_request *rq, const struct kext_set *all,
		    const struct kc_prefix *prefix, struct buf *packed,
		    struct kc_built *ret, struct err *e)
{
	struct kext_set good = {0}, list = {0};
	const struct kc_link l = {
		.kernel = rq->kernel,
		.kernel_len = rq->kernel_len,
		.list = &list,
		.prefix = prefix,
		.n_prefixes = rq->n_bundles,
		.compression = rq->compression,
		.all_personalities = rq->all_personalities,
		.need_all = !rq->omit_bad,
		.log = rq->log,
	};
	size_t n_omitted = 0;
	int r = choose(rq, all, &good, &n_omitted, e);

	if (!r)
		r = kext_load_list(&good, &list, e);
	if (!r)
		r = kc_link(&l, packed, ret, e);
	ret->n_omitted += n_omitted;
	kext_set_release(&list);
	kext_set_release(&good);
	return r;
}

int kc_build_for_tree(const struct kc_request *rq, struct buf *packed,
		      struct kc_built *ret, struct err *e)
{
	struct kext_set all = {.owns = true};
	char **real = calloc(rq->n_bundles + 1, sizeof(char *));
	struct kc_prefix *prefix = calloc(rq->n_bundles + 1, sizeof(*prefix));
	int r;

	*ret = (struct kc_built){.n_kexts = 0};
	if (real && prefix)
		r = read_bundles(rq, &all, real, prefix, e);
	else
		r = err_set(e, E_NOMEM, "out of memory");
	if (!r)
		r = link_all(rq, &all, prefix, packed, ret, e);
	for (size_t i = 0; real && i < rq->n_bundles; i++)
		free(real[i]);
	free(real);
	free(prefix);
	kext_set_release(&all);
	return r;
}
