/* SPDX-License-Identifier: MIT */
#include "sim/formats/fileset/from_kexts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/kext/resolve.h"

/* What the builder borrows, one for each kext of the list. */
struct inputs {
	struct fileset_input *input;
	char **rel;    /* paths of executables */
	size_t **deps; /* indexes */
	size_t n;
};

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

static int not_usable(const struct kext *k, const char *what, struct err *e)
{
	struct buf b = BUF_INIT;
	int r;

	(void)!kext_diag_print(&k->diags, &b, NULL);
	r = err_set(e, E_CORRUPT, "%s %s:\n%s", k->path, what, buf_str(&b));
	buf_release(&b);
	return r;
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
			r = not_usable(k, "is not valid", e);
		else if (!kext_resolve(k, &resolver))
			r = not_usable(k, "is missing dependencies", e);
		if (!r)
			r = kext_set_add(wanted, k, e);
		if (r)
			return r;
	}
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

static int set_deps(const struct kext_set *list, const struct kext *k, size_t **ret,
		    struct fileset_input *in, struct err *e)
{
	int r = 0;

	*ret = calloc(k->n_deps + 1, sizeof(size_t));
	if (!*ret)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < k->n_deps && !r; i++)
		r = index_of(list, k->deps[i], &(*ret)[i], e);
	in->deps = *ret;
	in->n_deps = k->n_deps;
	return r;
}

static int set_executable(struct kext *k, char **ret, struct fileset_input *in,
			  struct err *e)
{
	char rel[PATH_MAX];
	int r;

	if (!k->executable)
		return 0;
	r = kext_executable_path(k, rel, sizeof(rel), e);
	if (!r)
		r = kext_load_executable(k, e);
	if (r)
		return r;
	*ret = strdup(rel);
	if (!*ret)
		return err_set(e, E_NOMEM, "out of memory");
	in->exec = k->exe.data;
	in->exec_len = k->exe.len;
	in->exec_rel_path = *ret;
	return 0;
}

static int fill(const struct fileset_kexts *rq, const struct kext_set *list,
		struct inputs *p, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		struct kext *k = list->item[i];
		struct fileset_input *in = &p->input[i];
		int r = set_executable(k, &p->rel[i], in, e);

		if (!r)
			r = set_deps(list, k, &p->deps[i], in, e);
		if (r)
			return r;
		in->info = k->info;
		in->bundle_path = rq->mac_path(rq->arg, k);
		if (!in->bundle_path)
			return err_set(e, E_NOMEM, "out of memory");
		in->in = home_of(rq, k);
	}
	return 0;
}

static void inputs_release(struct inputs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->rel[i]);
		free(p->deps[i]);
	}
	free(p->input);
	free(p->rel);
	free(p->deps);
}

static int inputs_init(struct inputs *p, size_t n, struct err *e)
{
	*p = (struct inputs){
		.input = calloc(n + 1, sizeof(*p->input)),
		.rel = calloc(n + 1, sizeof(char *)),
		.deps = calloc(n + 1, sizeof(size_t *)),
	};
	if (p->input && p->rel && p->deps) {
		p->n = n;
		return 0;
	}
	inputs_release(p);
	return err_set(e, E_NOMEM, "out of memory");
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
	struct inputs p;
	int r = inputs_init(&p, list->n, e);

	if (r)
		return r;
	r = fill(rq, list, &p, e);
	build.kext = p.input;
	build.n_kexts = p.n;
	if (!r)
		r = fileset_build(&build, out, e);
	inputs_release(&p);
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
