/* SPDX-License-Identifier: MIT */
#include "components/kextcache/build.h"

#include <stdlib.h>

#include "components/kextcache/link.h"
#include "sim/base/fsio.h"
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

/* What was read for a request. */
struct tree {
	const struct kc_request *rq;
	struct kext_set all; /* owns */
	struct source {
		char *real;  /* owned: resolved path of the bundle */
		size_t end;  /* its kexts are those of @all before this one */
	} *source;	     /* of each bundle */
	struct kc_prefix *prefix;
	struct kext_set good;	/* what is to go in */
	struct kext_set needed; /* what has to */
	size_t n_omitted;
};

/* What a link in the folder of a Mac leads to elsewhere on this machine is not the Mac's. */
static void drop_outside(struct kext_set *all, size_t first, const char *folder)
{
	size_t n = first;

	for (size_t i = first; i < all->n; i++)
		if (fsio_below(all->item[i]->path, folder))
			all->item[n++] = all->item[i];
		else
			kext_free(all->item[i]);
	all->n = n;
}

/* Is a kext at @real or below it? One that was read before is not read again. */
static bool holds_kexts(const struct tree *t, const char *real)
{
	for (size_t i = 0; i < t->all.n; i++)
		if (fsio_below(t->all.item[i]->path, real))
			return true;
	return false;
}

static int read_bundle(struct tree *t, size_t i, struct err *e)
{
	const struct kc_bundle *b = &t->rq->bundle[i];
	struct source *s = &t->source[i];
	size_t before = t->all.n;
	int r = kext_set_scan(&t->all, b->folder, t->rq->log, e);

	if (r)
		return r;
	s->real = realpath(b->folder, NULL);
	if (s->real && b->as_demanded)
		drop_outside(&t->all, before, s->real);
	s->end = t->all.n;
	if (!s->real || !holds_kexts(t, s->real))
		return err_set(e, E_NOTFOUND, "%s is not a kernel extension", b->folder);
	t->prefix[i] = (struct kc_prefix){.from = s->real, .to = b->path};
	return 0;
}

static int read_bundles(struct tree *t, struct err *e)
{
	size_t n = t->rq->n_bundles;
	int r = 0;

	t->source = calloc(n + 1, sizeof(*t->source));
	t->prefix = calloc(n + 1, sizeof(*t->prefix));
	if (!t->source || !t->prefix)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < n && !r; i++)
		r = read_bundle(t, i, e);
	return r;
}

/* Take @k if it is of use; if not it is counted, or ends it. */
static int choose_one(struct tree *t, struct kext *k, const struct kc_bundle *b,
		      struct err *e)
{
	const struct kext_resolver resolver = {.all = &t->all, .log = t->rq->log};
	bool may_lack = t->rq->omit_bad || b->as_demanded;
	struct err why = ERR_INIT;
	int r;

	if (b->as_demanded && !kext_is_required(k, KC_DEMANDED_LOCAL))
		return 0;
	r = check_one(k, &resolver, &why);
	if (r && may_lack && r != -E_NOMEM) {
		clog_say(t->rq->log, CLOG_WARNING, "%s", why.msg);
		t->n_omitted++;
		return 0;
	}
	if (r) {
		*e = why;
		return r;
	}
	/* of one identifier the newest: a prelinked kernel has room for one */
	if (!may_lack)
		r = kext_set_add_newest(&t->needed, k, t->rq->log, e);
	return r ? r : kext_set_add_newest(&t->good, k, t->rq->log, e);
}

static int choose_from(struct tree *t, bool as_demanded, struct err *e)
{
	size_t k = 0;
	int r = 0;

	for (size_t i = 0; i < t->rq->n_bundles; i++)
		for (; k < t->source[i].end && !r; k++)
			if (t->rq->bundle[i].as_demanded == as_demanded)
				r = choose_one(t, t->all.item[k], &t->rq->bundle[i], e);
	return r;
}

/* What was asked for first: among equals the first stays. */
static int choose(struct tree *t, struct err *e)
{
	int r = choose_from(t, false, e);

	return r ? r : choose_from(t, true, e);
}

static void tree_release(struct tree *t)
{
	for (size_t i = 0; t->source && i < t->rq->n_bundles; i++)
		free(t->source[i].real);
	free(t->source);
	free(t->prefix);
	kext_set_release(&t->good);
	kext_set_release(&t->needed);
	kext_set_release(&t->all);
}

/* Only of what a Mac brings may a kext be left out; else the first that fails ends it. */
static bool needs_all(const struct kc_request *rq)
{
	for (size_t i = 0; i < rq->n_bundles; i++)
		if (rq->bundle[i].as_demanded)
			return false;
	return !rq->omit_bad;
}

static int link_all(struct tree *t, struct buf *packed, struct kc_built *ret,
		    struct err *e)
{
	const struct kc_request *rq = t->rq;
	struct kext_set list = {0};
	const struct kc_link l = {
		.kernel = rq->kernel,
		.kernel_len = rq->kernel_len,
		.list = &list,
		.prefix = t->prefix,
		.n_prefixes = rq->n_bundles,
		.compression = rq->compression,
		.all_personalities = rq->all_personalities,
		.need_all = needs_all(rq),
		.needed = &t->needed,
		.log = rq->log,
	};
	int r = choose(t, e);

	if (!r)
		r = kext_load_list(&t->good, &list, e);
	if (!r)
		r = kc_link(&l, packed, ret, e);
	ret->n_omitted += t->n_omitted;
	kext_set_release(&list);
	return r;
}

int kc_build_for_tree(const struct kc_request *rq, struct buf *packed,
		      struct kc_built *ret, struct err *e)
{
	struct tree t = {.rq = rq, .all = {.owns = true}};
	int r;

	*ret = (struct kc_built){.n_kexts = 0};
	r = read_bundles(&t, e);
	if (!r)
		r = link_all(&t, packed, ret, e);
	tree_release(&t);
	return r;
}
