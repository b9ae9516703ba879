/* SPDX-License-Identifier: MIT */
#include "sim/formats/fileset/build.h"

#include <stdlib.h>
#include <string.h>

#include "sim/formats/fileset/build_internal.h"
#include "sim/formats/plist/pl.h"

static void release(struct fb *b)
{
	for (size_t i = 0; i < b->n_units; i++) {
		struct fb_unit *u = &b->unit[i];

		kxld_exports_release(&u->exports);
		if (u->open)
			macho_release(&u->m);
		kxld_image_release(&u->img);
	}
	free(b->unit);
	free(b->exports);
	buf_release(&b->info);
	buf_release(&b->linkedit);
	buf_release(&b->file);
}

static int check_request(const struct fileset_request *rq, struct err *e)
{
	bool primary = rq->kind == FILESET_PRIMARY;

	if (primary != (rq->kernel != NULL) || primary == (rq->boot != NULL))
		return err_set(e, E_INVAL,
			       "a collection has a kernel or is linked against one");
	return kext_inputs_in_order(rq->kext, rq->n_kexts, e);
}

static int init_units(struct fb *b, struct err *e)
{
	const struct fileset_request *rq = b->rq;

	b->first_kext = rq->kernel != NULL;
	b->unit = calloc(rq->n_kexts + 1, sizeof(*b->unit));
	b->exports = calloc(rq->n_kexts + 1, sizeof(struct kxld_exports *));
	if (!b->unit || !b->exports)
		return err_set(e, E_NOMEM, "out of memory");
	b->n_units = b->first_kext + rq->n_kexts;
	if (rq->kernel)
		b->unit[0] = (struct fb_unit){.id = FILESET_KERNEL_ID, .here = true};
	for (size_t i = 0; i < rq->n_kexts; i++) {
		struct fb_unit *u = &b->unit[b->first_kext + i];

		u->k = &rq->kext[i];
		u->home = rq->home ? rq->home[i] : NULL;
		if (pl_string(u->k->info, "CFBundleIdentifier", &u->id, e))
			return err_ctx(e, "%s", u->k->bundle_path);
		u->interface =
			pl_true(plist_dict_get_item(u->k->info, "OSKernelResource")) ||
			pl_true(plist_dict_get_item(u->k->info, "OSBundleIsInterface"));
		u->here = u->k->exec && !u->interface && !u->home;
		b->exports[i] = u->k->exec ? &u->exports : NULL;
	}
	return 0;
}

static struct kxld_request link_request(const struct fb *b, const struct fb_unit *u)
{
	struct kxld_request rq = {
		.name = u->id,
		.file = u->k ? u->k->exec : b->rq->kernel,
		.len = u->k ? u->k->exec_len : b->rq->kernel_len,
		.arch = b->rq->arch,
		.kernel = !u->k,
		.keep_relocs = true,
		.collection = true,
		.load_addr = u->addr[0],
		.seg_addr = u->layout.split ? u->addr : NULL,
		.log = b->rq->log,
	};

	return rq;
}

/* The reader of a kext that is in another collection. */
static int open_elsewhere(struct fb_unit *u, struct err *e)
{
	const struct kext_entry *k = fileset_find(u->home, u->id);

	if (!k || !k->has_code)
		return err_set(e, E_NOTFOUND, "not in the other collection");
	return fileset_kext_macho(u->home, k, &u->m, e);
}

/*
 * What is known before anything is linked: how large kexts are, and who the others are.
 * Interfaces have the symbols for Intel; those of Apple silicon are taken to be the same.
 */
static int look_at(const struct fb *b, struct fb_unit *u, struct err *e)
{
	const struct kxld_request rq = link_request(b, u);
	int r;

	if (u->here)
		return kxld_measure(&rq, &u->layout, e);
	if (!u->k->exec)
		return 0;
	r = u->interface ? macho_open(u->k->exec, u->k->exec_len, &u->m, e)
			 : open_elsewhere(u, e);
	u->open = !r;
	return r;
}

static int look_at_all(struct fb *b, struct err *e)
{
	for (size_t i = 0; i < b->n_units; i++) {
		int r = look_at(b, &b->unit[i], e);

		if (r)
			return err_ctx(e, "%s", b->unit[i].id);
	}
	return 0;
}

static int link_code(struct fb *b, size_t i, struct err *e)
{
	struct fb_unit *u = &b->unit[i];
	struct kxld_request rq = link_request(b, u);
	struct kext_link_deps deps = {.reach = NULL};
	int r = 0;

	if (u->k)
		r = kext_link_deps_collect(b->rq->kext, b->exports, i - b->first_kext,
					   &deps, e);
	rq.deps = deps.direct;
	rq.n_deps = deps.n_direct;
	rq.indirect = deps.indirect;
	rq.n_indirect = deps.n_indirect;
	if (!r)
		r = kxld_link(&rq, &u->img, e);
	kext_link_deps_release(&deps);
	if (!r)
		r = macho_open_for(u->img.bytes.data, u->img.bytes.len, b->rq->arch,
				   &u->m, e);
	u->open = !r;
	return r;
}

static int link_unit(struct fb *b, size_t i, const struct kxld_exports *of_boot,
		     struct err *e)
{
	struct fb_unit *u = &b->unit[i];
	int r = u->here ? link_code(b, i, e) : 0;

	if (r || !u->open)
		return r;
	if (u->interface)
		return kxld_exports_interface(
			&u->m, of_boot ? of_boot : &b->unit[0].exports, u->id,
			FILESET_KERNEL_ID, b->rq->log, &u->exports, e);
	r = kxld_exports_image(&u->m, &u->exports, e);
	if (!r && !u->here)
		kxld_exports_chained(&u->exports, b->bases);
	return r;
}

/* Of collections that are there already, pointers are links of chains. */
static int exports_of_boot(struct fb *b, struct kxld_exports *x, struct err *e)
{
	uint64_t size;
	int r = kxld_exports_image(&b->rq->boot->kernel, x, e);

	fileset_range(b->rq->boot, &b->bases[FIXUPS_BOOT], &size);
	if (b->rq->pageable)
		fileset_range(b->rq->pageable, &b->bases[FIXUPS_PAGEABLE], &size);
	kxld_exports_chained(x, b->bases);
	return r;
}

static int link_all(struct fb *b, struct err *e)
{
	struct kxld_exports of_boot = {.syms = {.n = 0}};
	int r = b->rq->boot ? exports_of_boot(b, &of_boot, e) : 0;

	for (size_t i = 0; !r && i < b->n_units; i++) {
		r = link_unit(b, i, b->rq->boot ? &of_boot : NULL, e);
		if (r)
			err_ctx(e, "%s", b->unit[i].id);
	}
	kxld_exports_release(&of_boot);
	return r;
}

static int build(struct fb *b, struct err *e)
{
	int r = init_units(b, e);

	if (!r)
		r = look_at_all(b, e);
	if (!r)
		r = fb_assign_regions(b, e);
	if (!r)
		r = fb_assign_addresses(b, e);
	if (!r)
		r = link_all(b, e);
	return r ? r : fb_compose(b, e);
}

int fileset_build(const struct fileset_request *rq, struct buf *out, struct err *e)
{
	struct fb *b;
	int r = check_request(rq, e);

	if (r)
		return r;
	b = calloc(1, sizeof(*b));
	if (!b)
		return err_set(e, E_NOMEM, "out of memory");
	b->rq = rq;
	r = build(b, e);
	if (!r) {
		*out = b->file;
		b->file = (struct buf)BUF_INIT;
	}
	release(b);
	free(b);
	return r;
}
