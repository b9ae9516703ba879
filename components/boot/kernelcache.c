/* SPDX-License-Identifier: MIT */
#include "components/boot/kernelcache.h"

#include <stdlib.h>
#include <string.h>

#include "components/boot/kernelcache_impl.h"
#include "sim/formats/prelink/load.h"

int kernelcache_describe(struct kernelcache *k, const struct kext_facts *f, size_t n,
			 struct err *e)
{
	k->list = json_array();
	k->kext = calloc(n ? n : 1, sizeof(*k->kext));
	if (!k->kext)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		json_t *row =
			json_pack("{s:s,s:s}", "id", f[i].id, "version", f[i].version);

		json_array_append_new(k->list, row);
		k->kext[i] = (struct boot_kext){
			.id = json_string_value(json_object_get(row, "id")),
			.version = json_string_value(json_object_get(row, "version")),
			.load_addr = f[i].load_addr,
		};
	}
	k->n_kexts = (unsigned)n;
	return kernel_kexts_boot(&k->running, f, n, e);
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
			.interface = p->kext[i].is_interface,
			.image = p->kext[i].placed ? prelink_code(p, &p->kext[i]) : NULL,
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
		r = prelink_open(data, len, &k->prelink, e);
	if (r)
		return r;
	k->running.prelink = &k->prelink;
	prelink_kernel_version(k->prelink.macho.data, k->prelink.macho.len, k->version);
	return describe(k, &k->prelink, e);
}

void kernelcache_release(struct kernelcache *k)
{
	bool prelinked = k->running.prelink;

	kernel_kexts_release(&k->running);
	if (prelinked)
		prelink_release(&k->prelink);
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
