/* SPDX-License-Identifier: MIT */
#include "components/kextcache/link.h"

#include <string.h>

#include "sim/base/fsio.h"
#include "sim/formats/prelink/build.h"

/* Of prefixes that fit, the longest is the one that is meant. */
static int recorded_path(const void *arg, const struct kext *k, struct buf *out,
			 struct err *e)
{
	const struct kc_link *l = arg;
	const char *to = "";
	size_t strip = 0;

	for (size_t i = 0; i < l->n_prefixes; i++) {
		size_t len = fsio_below(k->path, l->prefix[i].from);

		if (!len || len < strip)
			continue;
		strip = len;
		to = l->prefix[i].to;
	}
	return buf_printf(out, e, "%s%s", to, k->path + strip);
}

static void take_result(const struct prelink_result *res, size_t n, struct kc_built *ret)
{
	*ret = (struct kc_built){.n_kexts = n};
	memcpy(ret->kcid, res->kcid, KC_ID_LEN);
	for (size_t i = 0; i < n; i++)
		ret->n_omitted += res->outcome[i] == PRELINK_OMITTED;
	ret->n_kexts -= ret->n_omitted;
}

/* Is all in that has to be? Why not, the log says. */
static int check_needed(const struct kc_link *l, const struct prelink_result *res,
			struct err *e)
{
	for (size_t i = 0; l->needed && i < l->list->n; i++)
		if (res->outcome[i] == PRELINK_OMITTED &&
		    kext_set_has(l->needed, l->list->item[i]))
			return err_set(e, E_CORRUPT, "%s does not link",
				       l->list->item[i]->path);
	return 0;
}

static int build(const struct kc_link *l, const struct kext_inputs *in,
		 struct buf *packed, struct kc_built *ret, struct err *e)
{
	const struct prelink_request rq = {
		.kernel = l->kernel,
		.kernel_len = l->kernel_len,
		.kext = in->v,
		.n_kexts = in->n,
		.all_personalities = l->all_personalities,
		.need_all = l->need_all,
		.log = l->log,
	};
	struct prelink_result res = {.kaslr = false};
	int r = prelink_build(&rq, &res, e);

	if (!r)
		r = check_needed(l, &res, e);
	if (!r)
		r = prelink_pack(res.macho.data, res.macho.len, l->compression, res.kaslr,
				 packed, e);
	*ret = (struct kc_built){.aborted = res.aborted};
	if (!r)
		take_result(&res, in->n, ret);
	prelink_result_release(&res);
	return r;
}

int kc_link(const struct kc_link *l, struct buf *packed, struct kc_built *ret,
	    struct err *e)
{
	struct kext_inputs in;
	int r;

	*ret = (struct kc_built){.n_kexts = 0};
	r = kext_inputs_init(&in, l->list, recorded_path, l, e);

	if (r)
		return r;
	r = build(l, &in, packed, ret, e);
	kext_inputs_release(&in);
	return r;
}
