/* SPDX-License-Identifier: MIT */
#include "components/boot/kexts_impl.h"

#include <stdlib.h>
#include <string.h>

#include "sim/formats/kext/kext.h"
#include "sim/formats/kext/version.h"
#include "sim/formats/macho/raw.h"
#include "sim/formats/plist/pl.h"

/* ---- one kext ---- */

static int set_texts(struct kernel_kext *x, const struct kext_facts *f, struct err *e)
{
	x->id = strdup(f->id);
	x->version = strdup(f->version);
	x->path = strdup(f->bundle_path);
	return x->id && x->version && x->path ? 0
					      : err_set(e, E_NOMEM, "out of memory");
}

int kernel_kext_new(const struct kext_facts *f, struct kernel_kext **ret, struct err *e)
{
	struct kernel_kext *x = calloc(1, sizeof(*x));
	const char *compatible = pl_str(kext_info_value(f->info, "OSBundleCompatibleVersion"));

	*ret = x;
	if (!x)
		return err_set(e, E_NOMEM, "out of memory");
	x->version_number = kext_version_parse(f->version);
	x->compatible = compatible ? kext_version_parse(compatible) : 0;
	x->component = pl_true(kext_info_value(f->info, "OSKernelResource"));
	x->interface = f->interface;
	x->addr = f->load_addr;
	x->size = f->size;
	x->image = f->image;
	x->image_len = f->image ? f->size : 0;
	if (f->uuid) {
		x->has_uuid = true;
		memcpy(x->uuid, f->uuid, UUID_LEN);
	}
	return set_texts(x, f, e);
}

void kernel_kext_free(struct kernel_kext *x)
{
	if (!x)
		return;
	if (x->opened) {
		kxld_exports_release(&x->exports);
		macho_release(&x->m);
	}
	buf_release(&x->bytes);
	free(x->dep);
	free(x->id);
	free(x->version);
	free(x->path);
	free(x);
}

/* ---- the list ---- */

int kernel_kexts_reserve(struct kernel_kexts *k, struct err *e)
{
	size_t cap = k->cap ? 2 * k->cap : 64;
	struct kernel_kext **more;

	if (k->n < k->cap)
		return 0;
	more = reallocarray(k->kext, cap, sizeof(struct kernel_kext *));
	if (!more)
		return err_set(e, E_NOMEM, "out of memory");
	k->kext = more;
	k->cap = cap;
	return 0;
}

void kernel_kexts_take(struct kernel_kexts *k, struct kernel_kext *x)
{
	x->tag = ++k->next_tag;
	k->kext[k->n++] = x;
}

struct kernel_kext *kernel_kexts_find(const struct kernel_kexts *k, const char *id)
{
	for (size_t i = 0; i < k->n; i++)
		if (!strcmp(k->kext[i]->id, id))
			return k->kext[i];
	return NULL;
}

struct kernel_kext *kernel_kexts_by_tag(const struct kernel_kexts *k, uint64_t tag)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->kext[i]->tag == tag)
			return k->kext[i];
	return NULL;
}

static bool depends_on(const struct kernel_kext *x, uint64_t tag)
{
	for (size_t i = 0; i < x->n_deps; i++)
		if (x->dep[i] == tag)
			return true;
	return false;
}

unsigned kernel_kexts_references(const struct kernel_kexts *k, const struct kernel_kext *x)
{
	unsigned count = 0;

	for (size_t i = 0; i < k->n; i++)
		count += depends_on(k->kext[i], x->tag);
	return count;
}

/* ---- at the start ---- */

static plist_t libraries_of(plist_t info)
{
	plist_t libraries = kext_info_value(info, "OSBundleLibraries");

	return libraries && plist_get_node_type(libraries) == PLIST_DICT ? libraries : NULL;
}

/* Whoever built the kernel's file saw to it that they fit; here they are only found. */
static int find_dependencies(struct kernel_kexts *k, struct kernel_kext *x, plist_t info,
			     struct err *e)
{
	plist_t libraries = libraries_of(info);
	struct pl_iter it;

	if (!libraries)
		return 0;
	x->dep = calloc(plist_dict_get_size(libraries) + 1, sizeof(*x->dep));
	if (!x->dep)
		return err_set(e, E_NOMEM, "out of memory");
	for (pl_each(&it, libraries); pl_next(&it);) {
		const struct kernel_kext *library = kernel_kexts_find(k, it.key);

		if (library)
			x->dep[x->n_deps++] = library->tag;
	}
	return 0;
}

int kernel_kexts_boot(struct kernel_kexts *k, const struct kext_facts *f, size_t n,
		      struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		struct kernel_kext *x = NULL;

		r = kernel_kext_new(&f[i], &x, e);
		if (!r)
			r = kernel_kexts_reserve(k, e);
		if (r)
			kernel_kext_free(x);
		else
			kernel_kexts_take(k, x);
	}
	for (size_t i = 0; i < n && !r; i++)
		r = find_dependencies(k, k->kext[i], f[i].info, e);
	return r;
}

void kernel_kexts_release(struct kernel_kexts *k)
{
	/* A client's vtables point to those of its library, which came before it. */
	for (size_t i = k->n; i > 0; i--)
		kernel_kext_free(k->kext[i - 1]);
	free(k->kext);
	kxld_exports_release(&k->kernel_exports);
	*k = (struct kernel_kexts){.n = 0};
}

/* ---- what the kernel says (copyInfo) ---- */

static void set_uint(plist_t d, const char *key, uint64_t v)
{
	plist_dict_set_item(d, key, plist_new_uint(v));
}

static plist_t describe(const struct kernel_kexts *k, const struct kernel_kext *x)
{
	plist_t d = plist_new_dict(), tags = plist_new_array();

	for (size_t i = 0; i < x->n_deps; i++)
		plist_array_append_item(tags, plist_new_uint(x->dep[i]));
	plist_dict_set_item(d, "CFBundleIdentifier", plist_new_string(x->id));
	plist_dict_set_item(d, "CFBundleVersion", plist_new_string(x->version));
	plist_dict_set_item(d, "OSBundlePath", plist_new_string(x->path));
	plist_dict_set_item(d, "OSKernelResource", plist_new_bool(x->component));
	if (x->addr) {
		set_uint(d, "OSBundleCPUType", CPU_TYPE_X86_64);
		set_uint(d, "OSBundleCPUSubtype", 3);
	}
	set_uint(d, "OSBundleLoadAddress", x->addr);
	set_uint(d, "OSBundleLoadSize", x->size);
	set_uint(d, "OSBundleWiredSize", x->size);
	set_uint(d, "OSBundleLoadTag", x->tag);
	set_uint(d, "OSBundleRetainCount", kernel_kexts_references(k, x));
	plist_dict_set_item(d, "OSBundleDependencies", tags);
	if (x->has_uuid)
		plist_dict_set_item(d, "OSBundleUUID",
				    plist_new_data((const char *)x->uuid, UUID_LEN));
	return d;
}

int kernel_kexts_plist(const struct kernel_kexts *k, struct buf *out, struct err *e)
{
	plist_t array = plist_new_array();
	int r;

	for (size_t i = 0; i < k->n; i++)
		plist_array_append_item(array, describe(k, k->kext[i]));
	r = pl_to_xml(array, out, e);
	plist_free(array);
	return r;
}
