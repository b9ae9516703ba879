/* SPDX-License-Identifier: MIT */
#include "sim/formats/kext/input.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct kext_input_texts {
	char *path, *rel;
	size_t *deps;
};

void kext_inputs_release(struct kext_inputs *p)
{
	for (size_t i = 0; p->texts && i < p->n; i++) {
		free(p->texts[i].path);
		free(p->texts[i].rel);
		free(p->texts[i].deps);
	}
	free(p->texts);
	free(p->v);
	*p = (struct kext_inputs){.n = 0};
}

static int set_path(const struct kext *k, kext_path_fn *path, const void *arg, char **ret,
		    struct err *e)
{
	struct buf b = BUF_INIT;
	size_t len;
	int r = path(arg, k, &b, e);

	if (!r)
		r = buf_append(&b, "", 1, e);
	if (!r)
		*ret = (char *)buf_steal(&b, &len);
	buf_release(&b);
	return r;
}

static int set_executable(struct kext *k, struct kext_input *in, char **rel,
			  struct err *e)
{
	char path[PATH_MAX];
	int r;

	if (!k->executable || k->dext)
		return 0;
	r = kext_executable_path(k, path, sizeof(path), e);
	if (!r)
		r = kext_load_executable(k, e);
	if (r)
		return r;
	*rel = strdup(path);
	if (!*rel)
		return err_set(e, E_NOMEM, "out of memory");
	in->exec = k->exe.data;
	in->exec_len = k->exe.len;
	in->exec_rel_path = *rel;
	return 0;
}

static int index_of(const struct kext_set *list, const struct kext *k, size_t *ret,
		    struct err *e)
{
	for (*ret = 0; *ret < list->n; ++*ret)
		if (list->item[*ret] == k)
			return 0;
	return err_set(e, E_INVAL, "%s is not in the load list", k->path);
}

static int set_deps(const struct kext_set *list, const struct kext *k,
		    struct kext_input *in, size_t **deps, struct err *e)
{
	int r = 0;

	*deps = calloc(k->n_deps + 1, sizeof(size_t));
	if (!*deps)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < k->n_deps && !r; i++)
		r = index_of(list, k->deps[i], &(*deps)[i], e);
	in->deps = *deps;
	in->n_deps = k->n_deps;
	return r;
}

int kext_inputs_init(struct kext_inputs *ret, const struct kext_set *list,
		     kext_path_fn *path, const void *arg, struct err *e)
{
	int r = 0;

	*ret = (struct kext_inputs){
		.v = calloc(list->n + 1, sizeof(*ret->v)),
		.texts = calloc(list->n + 1, sizeof(*ret->texts)),
		.n = list->n,
	};
	if (!ret->v || !ret->texts)
		r = err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < list->n && !r; i++) {
		struct kext_input *in = &ret->v[i];
		struct kext_input_texts *t = &ret->texts[i];

		in->info = list->item[i]->info;
		r = set_path(list->item[i], path, arg, &t->path, e);
		in->bundle_path = t->path;
		if (!r)
			r = set_executable(list->item[i], in, &t->rel, e);
		if (!r)
			r = set_deps(list, list->item[i], in, &t->deps, e);
	}
	if (r)
		kext_inputs_release(ret);
	return r;
}

int kext_inputs_in_order(const struct kext_input *v, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		for (size_t d = 0; d < v[i].n_deps; d++)
			if (v[i].deps[d] >= i)
				return err_set(e, E_INVAL,
					       "%s comes before what it depends on",
					       v[i].bundle_path);
	return 0;
}

static void reach_deps(const struct kext_input *k, enum kext_reach as,
		       enum kext_reach *reach)
{
	for (size_t d = 0; d < k->n_deps; d++)
		if (reach[k->deps[d]] < as)
			reach[k->deps[d]] = as;
}

/* Everything that is reached lies before v[i], so one walk down is enough. */
void kext_input_reach(const struct kext_input *v, size_t i, enum kext_reach *reach)
{
	memset(reach, 0, i * sizeof(*reach));
	reach_deps(&v[i], KEXT_DIRECT, reach);
	for (size_t j = i; j--;) {
		if (reach[j] == KEXT_DIRECT && !v[j].exec)
			reach_deps(&v[j], KEXT_DIRECT, reach);
		else if (reach[j] != KEXT_UNRELATED)
			reach_deps(&v[j], KEXT_INDIRECT, reach);
	}
}
