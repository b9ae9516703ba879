/* SPDX-License-Identifier: MIT */
#include "components/kextcache/build.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

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
		int r = kext_set_scan(all, b->folder, rq->log, e);

		if (r)
			return r;
		real[i] = realpath(b->folder, NULL);
		if (!real[i] || !kext_set_at_path(all, real[i]))
			return err_set(e, E_NOTFOUND, "%s is not a kernel extension",
				       b->folder);
		prefix[i] = (struct kc_prefix){.from = real[i], .to = b->path};
	}
	return 0;
}

static int link_all(const struct kc_request *rq, const struct kext_set *all,
		    const struct kc_prefix *prefix, struct buf *packed,
		    uint8_t kcid[KC_ID_LEN], struct err *e)
{
	const struct kext_resolver resolver = {.all = all, .log = rq->log};
	struct kext_set list = {0};
	const struct kc_link l = {
		.kernel = rq->kernel,
		.kernel_len = rq->kernel_len,
		.list = &list,
		.prefix = prefix,
		.n_prefixes = rq->n_bundles,
		.compression = rq->lzvn ? PRELINK_LZVN : PRELINK_LZSS,
		.all_personalities = rq->all_personalities,
		.need_all = true,
		.log = rq->log,
	};
	int r = 0;

	for (size_t i = 0; i < all->n && !r; i++)
		r = check_one(all->item[i], &resolver, e);
	if (!r)
		r = kext_load_list(all, &list, e);
	if (!r)
		r = kc_link(&l, packed, kcid, e);
	kext_set_release(&list);
	return r;
}

int kc_build_for_tree(const struct kc_request *rq, struct buf *packed,
		      uint8_t kcid[KC_ID_LEN], struct err *e)
{
	struct kext_set all = {.owns = true};
	char **real = calloc(rq->n_bundles + 1, sizeof(char *));
	struct kc_prefix *prefix = calloc(rq->n_bundles + 1, sizeof(*prefix));
	uint8_t id[KC_ID_LEN];
	int r;

	if (real && prefix)
		r = read_bundles(rq, &all, real, prefix, e);
	else
		r = err_set(e, E_NOMEM, "out of memory");
	if (!r)
		r = link_all(rq, &all, prefix, packed, id, e);
	if (!r && kcid)
		memcpy(kcid, id, sizeof(id));
	for (size_t i = 0; real && i < rq->n_bundles; i++)
		free(real[i]);
	free(real);
	free(prefix);
	kext_set_release(&all);
	return r;
}
