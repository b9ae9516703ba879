/* SPDX-License-Identifier: MIT */
#include "components/boot/kernelcache.h"

#include <stdlib.h>
#include <string.h>

#include "components/boot/kernelcache_impl.h"
#include "sim/formats/kext/kext.h"
#include "sim/formats/plist/pl.h"

/* ---- loaded_kexts.plist ---- */

static const struct kext_facts *find(const struct kext_facts *f, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(f[i].id, id))
			return &f[i];
	return NULL;
}

static plist_t libraries_of(const struct kext_facts *f)
{
	plist_t libraries = kext_info_value(f->info, "OSBundleLibraries");

	return libraries && plist_get_node_type(libraries) == PLIST_DICT ? libraries
									 : NULL;
}

/* Load tags are given in the order of the list, from 1, as the kernel adds the kexts. */
static plist_t tags_of_libraries(const struct kext_facts *all, size_t n,
				 const struct kext_facts *f)
{
	plist_t tags = plist_new_array(), libraries = libraries_of(f);
	struct pl_iter it;

	if (!libraries)
		return tags;
	for (pl_each(&it, libraries); pl_next(&it);) {
		const struct kext_facts *dep = find(all, n, it.key);

		if (dep)
			plist_array_append_item(
				tags, plist_new_uint((uint64_t)(dep - all) + 1));
	}
	return tags;
}

static unsigned references_to(const struct kext_facts *all, size_t n, const char *id)
{
	unsigned count = 0;

	for (size_t i = 0; i < n; i++) {
		plist_t libraries = libraries_of(&all[i]);

		if (libraries && plist_dict_get_item(libraries, id))
			count++;
	}
	return count;
}

static plist_t loaded_dict(const struct kext_facts *all, size_t n, size_t i)
{
	const struct kext_facts *f = &all[i];
	plist_t d = plist_new_dict();

	plist_dict_set_item(d, "CFBundleIdentifier", plist_new_string(f->id));
	plist_dict_set_item(d, "CFBundleVersion", plist_new_string(f->version));
	plist_dict_set_item(d, "OSBundlePath", plist_new_string(f->bundle_path));
	plist_dict_set_item(d, "OSBundleLoadAddress", plist_new_uint(f->load_addr));
	plist_dict_set_item(d, "OSBundleLoadSize", plist_new_uint(f->size));
	plist_dict_set_item(d, "OSBundleWiredSize", plist_new_uint(f->size));
	plist_dict_set_item(d, "OSBundleLoadTag", plist_new_uint(i + 1));
	plist_dict_set_item(d, "OSBundleRetainCount",
			    plist_new_uint(references_to(all, n, f->id)));
	plist_dict_set_item(d, "OSBundleDependencies", tags_of_libraries(all, n, f));
	if (f->uuid)
		plist_dict_set_item(d, "OSBundleUUID",
				    plist_new_data((const char *)f->uuid, UUID_LEN));
	return d;
}

int kernelcache_describe(struct kernelcache *k, const struct kext_facts *f, size_t n,
			 struct err *e)
{
	plist_t array = plist_new_array();
	int r;

	k->list = json_array();
	k->kext = calloc(n ? n : 1, sizeof(*k->kext));
	if (!k->kext) {
		plist_free(array);
		return err_set(e, E_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < n; i++) {
		json_t *row =
			json_pack("{s:s,s:s}", "id", f[i].id, "version", f[i].version);

		plist_array_append_item(array, loaded_dict(f, n, i));
		json_array_append_new(k->list, row);
		k->kext[i] = (struct boot_kext){
			.id = json_string_value(json_object_get(row, "id")),
			.version = json_string_value(json_object_get(row, "version")),
			.load_addr = f[i].load_addr,
		};
	}
	k->n_kexts = (unsigned)n;
	r = pl_to_xml(array, &k->loaded, e);
	plist_free(array);
	return r;
}

/* ---- a prelinked kernel ---- */

static int describe(struct kernelcache *k, const struct prelink *p, struct err *e)
{
	struct kext_facts *f = calloc(p->n_kexts ? p->n_kexts : 1, sizeof(*f));
	int r;

	if (!f)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < p->n_kexts; i++)
		f[i] = (struct kext_facts){
			.id = p->kext[i].id,
			.version = p->kext[i].version,
			.bundle_path = p->kext[i].bundle_path,
			.info = p->kext[i].info,
			.load_addr = p->kext[i].load_addr,
			.size = p->kext[i].size,
			.uuid = p->kext[i].has_uuid ? p->kext[i].uuid : NULL,
		};
	memcpy(k->kcid_bytes, p->kcid, sizeof(k->kcid_bytes));
	hex_text(p->kcid, sizeof(p->kcid), k->kcid);
	r = kernelcache_describe(k, f, p->n_kexts, e);
	free(f);
	return r;
}

int kernelcache_open(struct kernelcache *k, const char *path, const void *data,
		     size_t len, struct err *e)
{
	struct prelink_report rep = {.failed = PRELINK_OK};
	struct prelink p;
	int r;

	*k = (struct kernelcache){.path = path};
	r = sha256_text(data, len, k->sha256, e);
	if (!r)
		r = prelink_verify(data, len, &rep, e);
	if (r && rep.failed != PRELINK_OK) {
		err_ctx(e, "%s", prelink_check_name(rep.failed));
		e->code = E_CORRUPT;
		return -(int)E_CORRUPT;
	}
	if (!r)
		r = prelink_open(data, len, &p, e);
	if (r)
		return r;
	prelink_kernel_version(p.macho.data, p.macho.len, k->version);
	r = describe(k, &p, e);
	prelink_release(&p);
	return r;
}

void kernelcache_release(struct kernelcache *k)
{
	buf_release(&k->loaded);
	json_decref(k->list);
	free(k->kext);
	*k = (struct kernelcache){.list = NULL};
}

const struct boot_kext *kernelcache_kext(const struct kernelcache *k, const char *id)
{
	for (unsigned i = 0; i < k->n_kexts; i++)
		if (!strcmp(k->kext[i].id, id))
			return &k->kext[i];
	return NULL;
}
