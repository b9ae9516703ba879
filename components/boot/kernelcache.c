/* SPDX-License-Identifier: MIT */
#include "components/boot/kernelcache.h"

#include <stdio.h>
#include <string.h>

#include "sim/formats/plist/pl.h"

/* Load tags are given in the order of the list, from 1, as the kernel adds the kexts. */
static plist_t tags_of_libraries(const struct prelink *p,
				 const struct prelink_entry *kext)
{
	plist_t tags = plist_new_array(), libraries = NULL;
	struct pl_iter it;
	struct err e = ERR_INIT;

	if (pl_opt_dict(kext->info, "OSBundleLibraries", &libraries, &e) || !libraries)
		return tags;
	for (pl_each(&it, libraries); pl_next(&it);) {
		const struct prelink_entry *dep = prelink_find(p, it.key);

		if (dep)
			plist_array_append_item(
				tags, plist_new_uint((uint64_t)(dep - p->kext) + 1));
	}
	return tags;
}

static unsigned references_to(const struct prelink *p, const char *id)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->n_kexts; i++) {
		plist_t libraries = NULL;
		struct err e = ERR_INIT;

		if (!pl_opt_dict(p->kext[i].info, "OSBundleLibraries", &libraries, &e) &&
		    libraries && plist_dict_get_item(libraries, id))
			n++;
	}
	return n;
}

static plist_t loaded_dict(const struct prelink *p, size_t i)
{
	const struct prelink_entry *k = &p->kext[i];
	plist_t d = plist_new_dict();

	plist_dict_set_item(d, "CFBundleIdentifier", plist_new_string(k->id));
	plist_dict_set_item(d, "CFBundleVersion", plist_new_string(k->version));
	plist_dict_set_item(d, "OSBundlePath", plist_new_string(k->bundle_path));
	plist_dict_set_item(d, "OSBundleLoadAddress", plist_new_uint(k->load_addr));
	plist_dict_set_item(d, "OSBundleLoadSize", plist_new_uint(k->size));
	plist_dict_set_item(d, "OSBundleWiredSize", plist_new_uint(k->size));
	plist_dict_set_item(d, "OSBundleLoadTag", plist_new_uint(i + 1));
	plist_dict_set_item(d, "OSBundleRetainCount",
			    plist_new_uint(references_to(p, k->id)));
	plist_dict_set_item(d, "OSBundleDependencies", tags_of_libraries(p, k));
	if (k->has_uuid)
		plist_dict_set_item(
		    d, "OSBundleUUID",
		    plist_new_data((const char *)k->uuid, sizeof(k->uuid)));
	return d;
}

static int describe(struct kernelcache *k, const struct prelink *p, struct err *e)
{
	plist_t array = plist_new_array();
	int r;

	k->list = json_array();
	for (size_t i = 0; i < p->n_kexts; i++) {
		plist_array_append_item(array, loaded_dict(p, i));
		json_array_append_new(k->list, json_pack("{s:s,s:s}", "id", p->kext[i].id,
							 "version", p->kext[i].version));
	}
	k->n_kexts = (unsigned)p->n_kexts;
	memcpy(k->kcid_bytes, p->kcid, sizeof(k->kcid_bytes));
	hex_text(p->kcid, sizeof(p->kcid), k->kcid);
	r = pl_to_xml(array, &k->loaded, e);
	plist_free(array);
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
	prelink_kernel_version(&p, k->version);
	r = describe(k, &p, e);
	prelink_release(&p);
	return r;
}

void kernelcache_release(struct kernelcache *k)
{
	buf_release(&k->loaded);
	json_decref(k->list);
	k->list = NULL;
}
