/* SPDX-License-Identifier: MIT */
/* kxld in the kernel: OSKext::loadExecutable, kern_allocate. */
#include <stdlib.h>
#include <string.h>

#include "components/boot/kexts_impl.h"
#include "sim/base/ckd.h"
#include "sim/formats/prelink/kcid.h"

/* ---- symbols ---- */

static int open_kernel(struct kernel_kexts *k, struct err *e)
{
	int r;

	if (k->kernel_opened)
		return 0;
	r = kxld_exports_image(&k->prelink->m, &k->kernel_exports, e);
	if (r) {
		kxld_exports_release(&k->kernel_exports);
		return err_ctx(e, "kernel");
	}
	k->kernel_opened = true;
	return 0;
}

static int open_exports(struct kernel_kexts *k, struct kernel_kext *x,
			const struct component_log *log, struct err *e);

/* The kernel's, or that of the kext which it depends on. */
static int open_interface(struct kernel_kexts *k, struct kernel_kext *x,
			  const struct component_log *log, struct err *e)
{
	struct kernel_kext *of =
		!x->component && x->n_deps ? kernel_kexts_by_tag(k, x->dep[0]) : NULL;
	int r = 0;

	if (of && of->interface && !of->component)
		return err_set(e, E_CORRUPT, "an interface of the interface %s", of->id);
	if (of)
		r = open_exports(k, of, log, e);
	return r ? r
		 : kxld_exports_interface(&x->m, of ? &of->exports : &k->kernel_exports, x->id,
					  of ? of->id : "__kernel__", log, &x->exports, e);
}

static int open_exports(struct kernel_kexts *k, struct kernel_kext *x,
			const struct component_log *log, struct err *e)
{
	int r;

	if (x->opened)
		return 0;
	if (!x->image)
		return err_set(e, E_NOTFOUND, "%s has no executable to link against", x->id);
	r = macho_open(x->image, x->image_len, &x->m, e);
	if (r)
		return err_ctx(e, "%s", x->id);
	r = x->interface ? open_interface(k, x, log, e)
			 : kxld_exports_image(&x->m, &x->exports, e);
	if (r) {
		kxld_exports_release(&x->exports);
		macho_release(&x->m);
		return err_ctx(e, "%s", x->id);
	}
	x->opened = true;
	return 0;
}

/* What a kext is linked against. */
struct links {
	struct kernel_kext **kext; /* direct dependencies, then what those need */
	const struct kxld_exports **exports;
	size_t n, n_direct;
};

static void links_release(struct links *l)
{
	free(l->kext);
	free(l->exports);
}

static bool has(const struct links *l, const struct kernel_kext *x)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->kext[i] == x)
			return true;
	return false;
}

/* One without an executable stands for what it depends on. */
static void add_dependencies(const struct kernel_kexts *k, struct links *l,
			     const struct kernel_kext *x)
{
	for (size_t i = 0; i < x->n_deps; i++) {
		struct kernel_kext *d = kernel_kexts_by_tag(k, x->dep[i]);

		if (!d || has(l, d))
			continue;
		l->kext[l->n++] = d;
		if (!d->addr && !d->interface)
			add_dependencies(k, l, d);
	}
}

static int links_collect(struct kernel_kexts *k, const struct kernel_kext *x,
			 const struct component_log *log, struct links *l, struct err *e)
{
	size_t out = 0;
	int r = 0;

	*l = (struct links){
		.kext = calloc(k->n + 1, sizeof(struct kernel_kext *)),
		.exports = calloc(k->n + 1, sizeof(struct kxld_exports *)),
	};
	if (!l->kext || !l->exports)
		return err_set(e, E_NOMEM, "out of memory");
	add_dependencies(k, l, x);
	l->n_direct = l->n;
	for (size_t i = 0; i < l->n; i++) /* grows on the way */
		add_dependencies(k, l, l->kext[i]);
	for (size_t i = 0, direct = l->n_direct; i < l->n && !r; i++) {
		if (!l->kext[i]->addr && !l->kext[i]->interface) {
			l->n_direct -= i < direct;
			continue;
		}
		r = open_exports(k, l->kext[i], log, e);
		l->exports[out++] = &l->kext[i]->exports;
	}
	l->n = out;
	return r;
}

/* ---- memory ---- */

/* The loaded kext that lies in the way of [@addr, @addr + @size); NULL: none does. */
static const struct kernel_kext *in_the_way(const struct kernel_kexts *k, uint64_t addr,
					    uint64_t size)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->kext[i]->addr && addr < k->kext[i]->addr + k->kext[i]->size &&
		    k->kext[i]->addr < addr + size)
			return k->kext[i];
	return NULL;
}

/* As vm_map does it: the first gap of the 2 GiB below the end of the kernel's text. */
static int find_room(const struct kernel_kexts *k, uint64_t size, uint64_t *ret,
		     struct err *e)
{
	const struct macho_segment *text = macho_segment(&k->prelink->m, "__TEXT");
	const struct kernel_kext *other;
	int r = prelink_load_base(&k->prelink->m, ret, e);

	while (!r && (other = in_the_way(k, *ret, size)))
		if (ckd_round_up(ret, other->addr + other->size, MACHO_PAGE) ||
		    *ret + size > text->vmaddr)
			r = err_set(e, E_NOSPC, "no room for a kext of %llu bytes",
				    (unsigned long long)size);
	return r;
}

/* ---- the link ---- */

static void say_errors(const struct kernel_kext *x, struct buf *errors,
		       const struct component_log *log)
{
	char *save = NULL;

	for (char *line = errors->len ? strtok_r((char *)errors->data, "\n", &save) : NULL;
	     line; line = strtok_r(NULL, "\n", &save))
		clog_say(log, CLOG_ERROR, "kxld[%s]: %s", x->id, line);
}

/* Its size is known when it has been linked, its place has to be known before: so it is
 * linked for the first gap, and once more when it turns out not to fit there. */
static int link_somewhere(struct kernel_kexts *k, struct kxld_request *rq,
			  struct kxld_image *img, struct err *e)
{
	uint64_t addr;
	int r = find_room(k, 1, &rq->load_addr, e);

	if (!r)
		r = kxld_link(rq, img, e);
	if (!r)
		r = find_room(k, img->bytes.len, &addr, e);
	if (r || addr == rq->load_addr)
		return r;
	kxld_image_release(img);
	rq->load_addr = addr;
	return kxld_link(rq, img, e);
}

static void keep(struct kernel_kext *x, uint64_t addr, struct kxld_image *img)
{
	x->bytes = img->bytes;
	img->bytes = (struct buf)BUF_INIT;
	x->image = x->bytes.data;
	x->image_len = x->size = x->bytes.len;
	x->addr = addr;
	x->has_uuid = img->has_uuid;
	memcpy(x->uuid, img->uuid, UUID_LEN);
}

int kernel_kexts_link(struct kernel_kexts *k, struct kernel_kext *x, const void *exec,
		      size_t len, const struct component_log *log, struct err *e)
{
	struct kxld_image img = {.kmod_info = 0};
	struct buf errors = BUF_INIT;
	struct links l = {.n = 0};
	struct kxld_request rq = {
		.name = x->id,
		.file = exec,
		.len = len,
		.log = log,
		.errors = &errors,
	};
	int r = open_kernel(k, e);

	if (!r)
		r = links_collect(k, x, log, &l, e);
	if (!r) {
		rq.deps = l.exports;
		rq.n_deps = l.n_direct;
		rq.indirect = l.exports + l.n_direct;
		rq.n_indirect = l.n - l.n_direct;
		r = link_somewhere(k, &rq, &img, e);
	}
	if (!r)
		keep(x, rq.load_addr, &img);
	else if (errors.len)
		say_errors(x, &errors, log);
	else
		clog_say(log, CLOG_ERROR, "kxld[%s]: %s", x->id, e->msg);
	kxld_image_release(&img);
	buf_release(&errors);
	links_release(&l);
	return r;
}
