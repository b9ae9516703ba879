/* SPDX-License-Identifier: MIT */
#include "components/kextutil/examine.h"

#include "sim/formats/kext/resolve.h"
#include "sim/formats/kext/targets.h"
#include "sim/formats/prelink/build.h"

void examination_release(struct examination *x)
{
	kext_set_release(&x->list);
}

bool examination_good(const struct examination *x)
{
	return x->valid && x->arch != KEXT_ARCH_NO && x->arch != KEXT_ARCH_BAD &&
	       x->authentic && x->resolved && x->deps_valid && x->deps_authentic &&
	       (!x->link_tried || x->linked);
}

static int append_path(const void *arg, const struct kext *k, struct buf *out, struct err *e)
{
	(void)arg;
	return buf_printf(out, e, "%s", k->path);
}

/* A prelinked kernel of the kext and what it needs, which nobody keeps. */
static int try_link(const struct examine_request *rq, struct examination *x, struct err *e)
{
	struct prelink_request link = {
		.kernel = rq->kernel,
		.kernel_len = rq->kernel_len,
		.n_kexts = x->list.n,
		.log = rq->log,
	};
	struct prelink_result res = {.kaslr = false};
	struct kext_inputs inputs;
	int r = kext_inputs_init(&inputs, &x->list, append_path, NULL, e);

	if (r)
		return r;
	link.kext = inputs.v;
	x->link_tried = true;
	/* What did not link was told to the log; so was an end of the whole link. */
	if (!prelink_build(&link, &res, e))
		x->linked = res.outcome[x->list.n - 1] != PRELINK_OMITTED;
	else if (e->code == E_NOMEM)
		r = -E_NOMEM;
	else
		err_clear(e);
	prelink_result_release(&res);
	kext_inputs_release(&inputs);
	return r;
}

static int examine_dependencies(struct kext *k, const struct examine_request *rq,
				struct examination *x, struct err *e)
{
	const struct kext_resolver resolver = {
		.all = rq->all, .auth = rq->auth, .log = rq->log};
	struct kext_set one = {.item = &k, .n = 1};
	int r;

	x->resolved = kext_resolve(k, &resolver);
	kext_check_targets(k, &resolver);
	x->deps_valid = x->deps_authentic = true;
	if (!x->resolved)
		return 0;
	r = kext_load_list(&one, &x->list, e);
	for (size_t i = 0; i + 1 < x->list.n && !r; i++) {
		struct kext *dep = x->list.item[i];

		if (!kext_validate(dep)) {
			kext_diag_add(&k->diags, KEXT_F_DEP_INVALID, dep->id);
			x->deps_valid = false;
		}
		if (rq->auth && !kext_authenticate(dep, rq->auth)) {
			kext_diag_add(&k->diags, KEXT_F_DEP_INAUTHENTIC, dep->id);
			x->deps_authentic = false;
		}
	}
	return r;
}

int examine_kext(struct kext *k, const struct examine_request *rq, struct examination *ret,
		 struct err *e)
{
	int r = 0;

	*ret = (struct examination){.authentic = true};
	ret->valid = kext_validate(k);
	ret->arch = kext_arch(k);
	if (rq->auth)
		ret->authentic = kext_authenticate(k, rq->auth);
	if (rq->skip_dependencies)
		ret->resolved = ret->deps_valid = ret->deps_authentic = true;
	else
		r = examine_dependencies(k, rq, ret, e);
	if (!r && rq->kernel && !rq->skip_dependencies && examination_good(ret))
		r = try_link(rq, ret, e);
	return r;
}
