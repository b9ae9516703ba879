/* SPDX-License-Identifier: MIT */
/* The checks of each kext, after prelink_load has made those of the file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/kext/kext.h"
#include "sim/formats/macho/symdict.h"
#include "sim/formats/plist/pl.h"
#include "sim/formats/prelink/kcid.h"
#include "sim/formats/prelink/load.h"

const char *prelink_check_name(enum prelink_check c)
{
	static const char *const names[PRELINK_CHECK_MAX] = {
		[PRELINK_OK] = "ok",
		[PRELINK_BAD_FAT] = "bad-fat",
		[PRELINK_BAD_SIGNATURE] = "bad-signature",
		[PRELINK_BAD_TYPE] = "bad-compression-type",
		[PRELINK_BAD_SIZE] = "bad-size",
		[PRELINK_BAD_CHECKSUM] = "bad-checksum",
		[PRELINK_BAD_MACHO] = "bad-macho",
		[PRELINK_NO_TEXT] = "no-prelink-text",
		[PRELINK_NO_INFO] = "no-prelink-info",
		[PRELINK_BAD_RANGE] = "bad-prelink-range",
		[PRELINK_BAD_XML] = "bad-xml",
		[PRELINK_NO_KEXTS] = "no-kexts",
		[PRELINK_BAD_KCID] = "bad-kcid",
		[PRELINK_BAD_ENTRY] = "bad-entry",
		[PRELINK_BAD_SOURCE] = "bad-source-address",
		[PRELINK_BAD_LOAD] = "bad-load-address",
		[PRELINK_OVERLAP] = "overlap",
		[PRELINK_BAD_KEXT] = "bad-kext",
		[PRELINK_BAD_KMOD] = "bad-kmod-info",
		[PRELINK_BAD_KMOD_ADDRESS] = "bad-kmod-address",
		[PRELINK_EXTERNAL_RELOCS] = "external-relocations",
		[PRELINK_MISSING_DEP] = "missing-dependency",
	};

	return (unsigned)c < PRELINK_CHECK_MAX ? names[c] : "unknown";
}

struct verifier {
	const struct prelink *p;
	struct prelink_report *rep;
	struct symdict ids;
	uint64_t load_base, source_base;
};

static int fault(struct verifier *v, const struct kext_entry *k, enum prelink_check why,
		 const char *text, struct err *e)
{
	v->rep->failed = why;
	snprintf(v->rep->kext, sizeof(v->rep->kext), "%s", k->id);
	return err_set(e, E_CORRUPT, "kext %s: %s", k->id, text);
}

static int check_addresses(struct verifier *v, const struct kext_entry *k, struct err *e)
{
	if (!k->size || k->source_addr % MACHO_PAGE || !prelink_code(v->p, k))
		return fault(v, k, PRELINK_BAD_SOURCE,
			     "source address is outside __PRELINK_TEXT", e);
	if (k->load_addr != v->load_base + (k->source_addr - v->source_base))
		return fault(v, k, PRELINK_BAD_LOAD,
			     "load address does not fit its place", e);
	return 0;
}

static int by_source(const void *a, const void *b)
{
	const struct kext_entry *const *x = a, *const *y = b;

	if ((*x)->source_addr == (*y)->source_addr)
		return 0;
	return (*x)->source_addr < (*y)->source_addr ? -1 : 1;
}

/* All source ranges are inside __PRELINK_TEXT by now, so no sum overflows. */
static int check_overlap(struct verifier *v, struct err *e)
{
	const struct kext_entry **sorted =
		calloc(v->p->n_kexts, sizeof(struct kext_entry *));
	size_t n = 0;
	int r = 0;

	if (!sorted)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < v->p->n_kexts; i++)
		if (v->p->kext[i].placed)
			sorted[n++] = &v->p->kext[i];
	qsort(sorted, n, sizeof(struct kext_entry *), by_source);
	for (size_t i = 1; !r && i < n; i++) {
		uint64_t pages = (sorted[i - 1]->size + MACHO_PAGE - 1) / MACHO_PAGE;

		if (sorted[i - 1]->source_addr + pages * MACHO_PAGE >
		    sorted[i]->source_addr)
			r = fault(v, sorted[i], PRELINK_OVERLAP,
				  "shares pages with another", e);
	}
	free(sorted);
	return r;
}

static bool is_placed(const struct macho *m, const struct kext_entry *k)
{
	if (m->filetype != MH_KEXT_BUNDLE || !m->nsegs ||
	    m->segs[0].vmaddr != k->load_addr)
		return false;
	for (unsigned i = 0; i < m->nsegs; i++)
		if (m->segs[i].vmaddr < k->load_addr ||
		    !range_inside(m->segs[i].vmaddr - k->load_addr, m->segs[i].vmsize,
				  k->size))
			return false;
	return true;
}

static int check_kmod(struct verifier *v, const struct kext_entry *k, const uint8_t *code,
		      struct err *e)
{
	const uint8_t *info;

	if (k->kmod_info < k->load_addr ||
	    !range_inside(k->kmod_info - k->load_addr, KMOD_INFO_SIZE, k->size))
		return fault(v, k, PRELINK_BAD_KMOD, "kmod_info is outside the kext", e);
	info = code + (k->kmod_info - k->load_addr);
	if (get_le64(info + KMOD_OFF_ADDRESS) != k->load_addr)
		return fault(v, k, PRELINK_BAD_KMOD_ADDRESS,
			     "kmod_info is another kext's", e);
	return 0;
}

static int check_code(struct verifier *v, const struct kext_entry *k, struct err *e)
{
	const uint8_t *code = prelink_code(v->p, k);
	struct macho m;
	int r = macho_open(code, k->size, &m, e);

	if (r == -E_NOMEM)
		return r;
	if (r)
		return fault(v, k, PRELINK_BAD_KEXT, "not a Mach-O file", e);
	if (!is_placed(&m, k))
		r = fault(v, k, PRELINK_BAD_KEXT,
			  "not a kext linked for its load address", e);
	if (!r)
		r = check_kmod(v, k, code, e);
	if (!r && m.dysym.nextrel)
		r = fault(v, k, PRELINK_EXTERNAL_RELOCS, "external relocations are left",
			  e);
	macho_release(&m);
	return r;
}

static int check_libraries(struct verifier *v, const struct kext_entry *k, struct err *e)
{
	plist_t libs = kext_info_value(k->info, "OSBundleLibraries");
	struct pl_iter it;

	if (!libs || plist_get_node_type(libs) != PLIST_DICT)
		return 0;
	for (pl_each(&it, libs); pl_next(&it);) {
		char text[256];

		if (symdict_get(&v->ids, it.key))
			continue;
		snprintf(text, sizeof(text), "%s, which it needs, is not there", it.key);
		pl_iter_release(&it);
		return fault(v, k, PRELINK_MISSING_DEP, text, e);
	}
	return 0;
}

static int index_ids(struct verifier *v, struct err *e)
{
	for (size_t i = 0; i < v->p->n_kexts; i++) {
		const struct kext_entry *k = &v->p->kext[i];
		int r;

		if (symdict_get(&v->ids, k->id))
			return fault(v, k, PRELINK_BAD_ENTRY, "is there twice", e);
		r = symdict_set(&v->ids, k->id, i, 0, e);
		if (r)
			return r;
	}
	return 0;
}

/* Made last, so that a wrong address is reported as that. */
static int check_kcid(struct verifier *v, struct err *e)
{
	const struct prelink *p = v->p;
	struct kcid_item *item = calloc(p->n_kexts, sizeof(*item));
	uint8_t kcid[PRELINK_KCID_LEN];
	int r;

	if (!item)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < p->n_kexts; i++) {
		item[i].has_addr = p->kext[i].placed;
		item[i].addr = p->kext[i].load_addr;
		item[i].has_uuid = p->kext[i].has_uuid;
		memcpy(item[i].uuid, p->kext[i].uuid, sizeof(item[i].uuid));
	}
	r = prelink_kcid(&p->m, item, p->n_kexts, kcid, e);
	free(item);
	if (r || !memcmp(kcid, p->kcid, sizeof(kcid)))
		return r;
	v->rep->failed = PRELINK_BAD_KCID;
	return err_set(e, E_CORRUPT, "_PrelinkKCID does not fit kernel and kexts");
}

static int check_kexts(struct verifier *v, struct err *e)
{
	const struct prelink *p = v->p;
	int r = prelink_load_base(&p->m, &v->load_base, e);

	if (r) {
		v->rep->failed = PRELINK_BAD_MACHO;
		return r;
	}
	v->source_base = macho_segment(&p->m, "__PRELINK_TEXT")->vmaddr;
	r = index_ids(v, e);
	for (size_t i = 0; !r && i < p->n_kexts; i++)
		r = p->kext[i].placed ? check_addresses(v, &p->kext[i], e) : 0;
	if (!r)
		r = check_overlap(v, e);
	for (size_t i = 0; !r && i < p->n_kexts; i++)
		r = p->kext[i].has_code ? check_code(v, &p->kext[i], e) : 0;
	for (size_t i = 0; !r && i < p->n_kexts; i++)
		r = check_libraries(v, &p->kext[i], e);
	return r ? r : check_kcid(v, e);
}

int prelink_verify(const void *data, size_t len, struct prelink_report *rep,
		   struct err *e)
{
	struct prelink p;
	struct verifier v = {.p = &p, .rep = rep};
	int r;

	memset(rep, 0, sizeof(*rep));
	r = prelink_load(data, len, true, &p, &rep->failed, e);
	if (r)
		return r;
	rep->n_kexts = (unsigned)p.n_kexts;
	memcpy(rep->kcid, p.kcid, sizeof(rep->kcid));
	r = check_kexts(&v, e);
	symdict_release(&v.ids);
	prelink_release(&p);
	return r;
}
