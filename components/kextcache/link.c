/* SPDX-License-Identifier: MIT */
#include "components/kextcache/link.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/formats/prelink/build.h"

/* What the linker borrows, one for each kext of the list. */
struct parts {
	struct prelink_kext *kext;
	char **path;     /* recorded paths */
	char **exe_path; /* of the executables, NULL without */
	size_t **deps;
	size_t n;
};

static void parts_release(struct parts *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->path[i]);
		free(p->exe_path[i]);
		free(p->deps[i]);
	}
	free(p->kext);
	free(p->path);
	free(p->exe_path);
	free(p->deps);
}

static int parts_init(struct parts *p, size_t n, struct err *e)
{
	*p = (struct parts){
		.kext = calloc(n + 1, sizeof(*p->kext)),
		.path = calloc(n + 1, sizeof(char *)),
		.exe_path = calloc(n + 1, sizeof(char *)),
		.deps = calloc(n + 1, sizeof(size_t *)),
	};
	if (p->kext && p->path && p->exe_path && p->deps) {
		p->n = n;
		return 0;
	}
	parts_release(p);
	return err_set(e, E_NOMEM, "out of memory");
}

static int recorded_path(const struct kc_link *l, const char *path, char **ret,
			 struct err *e)
{
	struct buf b = BUF_INIT;
	const char *to = "";
	size_t len = 0, strip = 0;
	int r;

	for (size_t i = 0; i < l->n_prefixes; i++) {
		len = fsio_below(path, l->prefix[i].from);
		if (!len || len < strip)
			continue;
		strip = len;
		to = l->prefix[i].to;
	}
	r = buf_printf(&b, e, "%s%s", to, path + strip);
	if (r) {
		buf_release(&b);
		return r;
	}
	*ret = (char *)buf_steal(&b, &len);
	return 0;
}

static int index_of(const struct kext_set *list, const struct kext *k, size_t *ret,
		    struct err *e)
{
	for (*ret = 0; *ret < list->n; (*ret)++)
		if (list->item[*ret] == k)
			return 0;
	return err_set(e, E_INVAL, "%s is not in the load list", k->path);
}

static int set_deps(const struct kext_set *list, const struct kext *k, size_t **ret,
		    struct prelink_kext *pk, struct err *e)
{
	size_t *deps = calloc(k->n_deps + 1, sizeof(size_t));
	int r = 0;

	if (!deps)
		return err_set(e, E_NOMEM, "out of memory");
	*ret = deps;
	for (size_t i = 0; i < k->n_deps && !r; i++)
		r = index_of(list, k->deps[i], &deps[i], e);
	pk->deps = deps;
	pk->n_deps = k->n_deps;
	return r;
}

static int set_executable(struct kext *k, char **ret, struct prelink_kext *pk,
			  struct err *e)
{
	char rel[PATH_MAX];
	int r;

	/* A driver extension's executable is a program, not for the kernel. */
	if (!k->executable || k->dext)
		return 0;
	r = kext_executable_path(k, rel, sizeof(rel), e);
	if (!r)
		r = kext_load_executable(k, e);
	if (r)
		return r;
	*ret = strdup(rel);
	if (!*ret)
		return err_set(e, E_NOMEM, "out of memory");
	pk->exec = k->exe.data;
	pk->exec_len = k->exe.len;
	pk->exec_rel_path = *ret;
	return 0;
}

static int fill(const struct kc_link *l, struct parts *p, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		struct kext *k = l->list->item[i];
		int r = recorded_path(l, k->path, &p->path[i], e);

		if (!r)
			r = set_executable(k, &p->exe_path[i], &p->kext[i], e);
		if (!r)
			r = set_deps(l->list, k, &p->deps[i], &p->kext[i], e);
		if (r)
			return r;
		p->kext[i].info = k->info;
		p->kext[i].bundle_path = p->path[i];
	}
	return 0;
}

static int build(const struct kc_link *l, const struct parts *p, struct buf *packed,
		 uint8_t kcid[KC_ID_LEN], struct err *e)
{
	const struct prelink_request rq = {
		.kernel = l->kernel,
		.kernel_len = l->kernel_len,
		.kext = p->kext,
		.n_kexts = p->n,
		.all_personalities = l->all_personalities,
		.need_all = l->need_all,
		.log = l->log,
	};
	struct prelink_result res = {.kaslr = false};
	int r = prelink_build(&rq, &res, e);

	if (!r)
		r = prelink_pack(res.macho.data, res.macho.len, l->compression, res.kaslr,
				 packed, e);
	if (!r)
		memcpy(kcid, res.kcid, KC_ID_LEN);
	prelink_result_release(&res);
	return r;
}

int kc_link(const struct kc_link *l, struct buf *packed, uint8_t kcid[KC_ID_LEN],
	    struct err *e)
{
	struct parts p;
	int r = parts_init(&p, l->list->n, e);

	if (r)
		return r;
	r = fill(l, &p, e);
	if (!r)
		r = build(l, &p, packed, kcid, e);
	parts_release(&p);
	return r;
}
