/* SPDX-License-Identifier: MIT */
#include "sim/formats/fileset/fileset.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/fileset/internal.h"
#include "sim/formats/plist/pl.h"

/* ---- the file itself ---- */

static int open_macho(struct fileset *f, const struct macho_arch *arch, struct err *e)
{
	int r;

	if (f->len > FILESET_MAX)
		return err_set(e, E_OVERFLOW, "kernel collection of %zu bytes", f->len);
	r = macho_open_entry(f->data, f->len, 0, arch, &f->m, e);
	if (r)
		return err_ctx(e, "kernel collection");
	if (f->m.filetype != MH_FILESET)
		return err_set(e, E_UNSUPPORTED,
			       "not a kernel collection (Mach-O filetype 0x%x)",
			       f->m.filetype);
	if (!f->m.has_uuid)
		return err_set(e, E_CORRUPT, "kernel collection without LC_UUID");
	memcpy(f->kcid, f->m.uuid, sizeof(f->kcid));
	return 0;
}

/* *has is set when @key is there. */
static int read_uuid(plist_t info, const char *key, bool *has, uint8_t out[UUID_LEN],
		     struct err *e)
{
	const uint8_t *p = NULL;
	size_t len = 0;
	int r;

	if (!plist_dict_get_item(info, key))
		return 0;
	r = pl_data(info, key, &p, &len, e);
	if (!r && len != UUID_LEN)
		r = err_set(e, E_CORRUPT, "%s of %zu bytes", key, len);
	if (r)
		return r;
	*has = true;
	memcpy(out, p, UUID_LEN);
	return 0;
}

static int read_info(struct fileset *f, struct err *e)
{
	const struct macho_section *s = macho_section(&f->m, "__PRELINK_INFO", "__info");
	uint8_t own[UUID_LEN];
	bool has_own = false;
	size_t len;
	int r;

	if (!s || !s->size || macho_is_zerofill(s))
		return err_set(e, E_CORRUPT, "no section __PRELINK_INFO,__info");
	len = strnlen((const char *)f->data + s->offset, s->size);
	r = pl_parse(f->data + s->offset, len, "__PRELINK_INFO,__info", &f->info, e);
	if (!r && plist_get_node_type(f->info) != PLIST_DICT)
		r = err_set(e, E_CORRUPT, "__PRELINK_INFO,__info is no dictionary");
	if (!r)
		r = read_uuid(f->info, "_PrelinkKCID", &has_own, own, e);
	if (!r && (!has_own || memcmp(own, f->kcid, UUID_LEN) != 0))
		r = err_set(e, E_CORRUPT, "_PrelinkKCID is not the collection's UUID");
	if (!r)
		r = read_uuid(f->info, "_BootKCID", &f->has_boot_kcid, f->boot_kcid, e);
	return r ? r
		 : read_uuid(f->info, "_PageableKCID", &f->has_pageable_kcid,
			     f->pageable_kcid, e);
}

/* ---- the kexts ---- */

static const char *string_of(plist_t d, const char *key)
{
	const char *s = pl_str(plist_dict_get_item(d, key));

	return s ? s : "";
}

static bool is_true(plist_t d, const char *key)
{
	return pl_true(plist_dict_get_item(d, key));
}

static void number_of(plist_t d, const char *key, uint64_t *ret)
{
	plist_t v = plist_dict_get_item(d, key);

	if (v && plist_get_node_type(v) == PLIST_UINT)
		plist_get_uint_val(v, ret);
}

static int read_kext(struct kext_entry *k, plist_t d, uint32_t i, struct err *e)
{
	const uint8_t *uuid = NULL;
	size_t len = 0;

	if (plist_get_node_type(d) != PLIST_DICT)
		return err_set(e, E_CORRUPT, "kext #%u is no dictionary", i);
	k->info = d;
	k->id = string_of(d, "CFBundleIdentifier");
	k->version = string_of(d, "CFBundleVersion");
	k->bundle_path = string_of(d, "_PrelinkBundlePath");
	k->exec_rel_path = string_of(d, "_PrelinkExecutableRelativePath");
	k->is_interface =
		is_true(d, "OSKernelResource") || is_true(d, "OSBundleIsInterface");
	if (!*k->id)
		return err_set(e, E_CORRUPT, "kext #%u has no identifier", i);
	number_of(d, "_PrelinkExecutableLoadAddr", &k->load_addr);
	number_of(d, "_PrelinkExecutableSize", &k->size);
	number_of(d, "_PrelinkKmodInfo", &k->kmod_info);
	if (!pl_data(d, "_PrelinkInterfaceUUID", &uuid, &len, NULL) && len == UUID_LEN) {
		k->has_uuid = true;
		memcpy(k->uuid, uuid, UUID_LEN);
	}
	return 0;
}

/*
 * The order in which the kernel has them: first what is part of itself, the KPIs by name
 * and then the others, for it knows these before any kext is loaded.
 */
static unsigned rank(const struct kext_entry *k)
{
	static const char kpi[] = "com.apple.kpi.";

	if (!k->is_interface)
		return 2;
	return strncmp(k->id, kpi, strlen(kpi)) ? 1 : 0;
}

static int by_id(const void *a, const void *b)
{
	const struct kext_entry *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static void put_in_order(struct fileset *f, const struct kext_entry *all)
{
	size_t n = 0;

	for (unsigned r = 0; r <= 2; r++) {
		for (size_t i = 0; i < f->n_kexts; i++)
			if (rank(&all[i]) == r)
				f->kext[n++] = all[i];
		if (r == 0)
			qsort(f->kext, n, sizeof(*f->kext), by_id);
	}
}

static int read_kexts(struct fileset *f, struct err *e)
{
	plist_t list = plist_dict_get_item(f->info, "_PrelinkInfoDictionary");
	struct kext_entry *all;
	uint32_t n;
	int r = 0;

	if (!list || plist_get_node_type(list) != PLIST_ARRAY)
		return err_set(e, E_CORRUPT, "no _PrelinkInfoDictionary");
	n = plist_array_get_size(list);
	if (n > FILESET_KEXTS_MAX)
		return err_set(e, E_OVERFLOW, "collection of %u kexts", n);
	all = calloc(n + 1, sizeof(*all));
	f->kext = calloc(n + 1, sizeof(*f->kext));
	if (!all || !f->kext)
		r = err_set(e, E_NOMEM, "out of memory");
	for (uint32_t i = 0; !r && i < n; i++)
		r = read_kext(&all[i], plist_array_get_item(list, i), i, e);
	if (!r) {
		f->n_kexts = n;
		put_in_order(f, all);
	}
	free(all);
	return r;
}

/* ---- all of it ---- */

/* The kernel's version[], by its symbol; left empty when it has none. */
static void read_kernel_version(struct fileset *f)
{
	const struct macho_section *s;
	struct macho_symbol sym;
	const char *text;
	size_t len;

	if (macho_find_defined(&f->kernel, "_version", &sym, NULL))
		return;
	s = macho_section_at(&f->kernel, sym.value);
	if (!s || macho_is_zerofill(s))
		return;
	text = (const char *)f->data + s->offset + (sym.value - s->addr);
	len = strnlen(text, s->size - (sym.value - s->addr));
	if (len > FILESET_VERSION_MAX - 1)
		len = FILESET_VERSION_MAX - 1;
	memcpy(f->kernel_version, text, len);
}

int fileset_open(const void *data, size_t len, const struct macho_arch *arch,
		 struct fileset *f, struct err *e)
{
	int r;

	*f = (struct fileset){.data = data, .len = len};
	r = open_macho(f, arch, e);
	if (!r)
		r = read_info(f, e);
	if (!r)
		r = read_kexts(f, e);
	if (!r)
		r = fileset_check(f, e);
	if (r)
		fileset_release(f);
	else if (f->has_kernel)
		read_kernel_version(f);
	return r;
}

void fileset_release(struct fileset *f)
{
	macho_release(&f->kernel);
	macho_release(&f->m);
	plist_free(f->info);
	free(f->kext);
	memset(f, 0, sizeof(*f));
}

const struct kext_entry *fileset_find(const struct fileset *f, const char *id)
{
	for (size_t i = 0; i < f->n_kexts; i++)
		if (!strcmp(f->kext[i].id, id))
			return &f->kext[i];
	return NULL;
}

int fileset_kext_macho(const struct fileset *f, const struct kext_entry *k,
		       struct macho *m, struct err *e)
{
	int r = macho_open_entry(f->data, f->len, k->head, f->m.arch, m, e);

	return r ? err_ctx(e, "%s", k->id) : 0;
}

void fileset_range(const struct fileset *f, uint64_t *base, uint64_t *size)
{
	uint64_t end = 0;

	*base = UINT64_MAX;
	for (unsigned i = 0; i < f->m.nsegs; i++) {
		const struct macho_segment *s = &f->m.segs[i];

		if (s->vmaddr < *base)
			*base = s->vmaddr;
		if (s->vmaddr + s->vmsize > end)
			end = s->vmaddr + s->vmsize;
	}
	*size = end > *base ? end - *base : 0;
}
