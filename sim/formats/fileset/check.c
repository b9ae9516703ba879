/* SPDX-License-Identifier: MIT */
/* The checks of a collection: entries, their segments, property lists, fixups. */
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/fileset/internal.h"
#include "sim/formats/kext/kext.h"
#include "sim/formats/macho/symdict.h"
#include "sim/formats/plist/pl.h"

struct checker {
	struct fileset *f;
	struct symdict ids;	/* of kexts: index in f->kext */
	struct symdict entries; /* of LC_FILESET_ENTRY */
	unsigned n_entries;
};

static int index_kexts(struct checker *c, struct err *e)
{
	struct fileset *f = c->f;

	for (size_t i = 0; i < f->n_kexts; i++) {
		int r;

		if (symdict_get(&c->ids, f->kext[i].id))
			return err_set(e, E_CORRUPT, "%s is there twice", f->kext[i].id);
		r = symdict_set(&c->ids, f->kext[i].id, i, 0, e);
		if (r)
			return r;
	}
	return 0;
}

/* ---- segments ---- */

/* The segment of the collection that holds the file range of @s at the same distance. */
static bool is_mapped(const struct fileset *f, const struct macho_segment *s)
{
	for (unsigned i = 0; i < f->m.nsegs; i++) {
		const struct macho_segment *kc = &f->m.segs[i];

		if (s->vmaddr >= kc->vmaddr && s->fileoff >= kc->fileoff &&
		    s->vmaddr - kc->vmaddr == s->fileoff - kc->fileoff &&
		    range_inside(s->vmaddr - kc->vmaddr, s->vmsize, kc->vmsize) &&
		    range_inside(s->fileoff - kc->fileoff, s->filesize, kc->filesize))
			return true;
	}
	return false;
}

static int check_own_segments(const struct fileset *f, struct err *e)
{
	for (unsigned i = 0; i < f->m.nsegs; i++) {
		const struct macho_segment *s = &f->m.segs[i];

		if (s->filesize > s->vmsize)
			return err_set(e, E_CORRUPT, "segment %s is larger in the file",
				       s->name);
		for (unsigned k = 0; k < i; k++) {
			const struct macho_segment *o = &f->m.segs[k];

			if (s->vmaddr < o->vmaddr + o->vmsize &&
			    o->vmaddr < s->vmaddr + s->vmsize)
				return err_set(e, E_CORRUPT, "segments %s and %s overlap",
					       o->name, s->name);
		}
	}
	return 0;
}

/* ---- entries ---- */

struct entry {
	const char *id;
	uint64_t vmaddr, fileoff;
	struct macho m;
};

static int read_entry(const struct fileset *f, size_t off, uint32_t size, struct entry *n,
		      struct err *e)
{
	const struct macho_fileset_entry_raw *raw = (const void *)(f->data + off);
	uint32_t name;
	int r;

	if (size < sizeof(*raw))
		return err_set(e, E_CORRUPT, "LC_FILESET_ENTRY of %u bytes", size);
	name = le32_get(raw->entry_id);
	if (name < sizeof(*raw) || name >= size ||
	    !memchr(f->data + off + name, '\0', size - name))
		return err_set(e, E_CORRUPT, "LC_FILESET_ENTRY: entry_id at %u", name);
	n->id = (const char *)f->data + off + name;
	n->vmaddr = le64_get(raw->vmaddr);
	n->fileoff = le64_get(raw->fileoff);
	if (n->fileoff >= f->len || n->fileoff % 8)
		return err_set(e, E_CORRUPT, "%s: fileoff 0x%llx", n->id,
			       (unsigned long long)n->fileoff);
	r = macho_open_entry(f->data, f->len, n->fileoff, f->m.arch, &n->m, e);
	return r ? err_ctx(e, "%s", n->id) : 0;
}

static int check_entry(const struct fileset *f, const struct entry *n, struct err *e)
{
	bool kernel = !strcmp(n->id, FILESET_KERNEL_ID);

	if (n->m.filetype != (kernel ? MH_EXECUTE : MH_KEXT_BUNDLE))
		return err_set(e, E_CORRUPT, "%s: Mach-O filetype 0x%x", n->id,
			       n->m.filetype);
	if (!n->m.nsegs || n->m.segs[0].vmaddr != n->vmaddr ||
	    n->m.segs[0].fileoff != n->fileoff)
		return err_set(e, E_CORRUPT, "%s: vmaddr 0x%llx is not where it begins",
			       n->id, (unsigned long long)n->vmaddr);
	for (unsigned i = 0; i < n->m.nsegs; i++)
		if (!is_mapped(f, &n->m.segs[i]))
			return err_set(e, E_CORRUPT,
				       "%s: segment %s is in none of the collection",
				       n->id, n->m.segs[i].name);
	return 0;
}

/* kmod_info lies in the kext and has its address; the name in it is the author's. */
static int check_kmod(const struct kext_entry *k, const struct macho *m, struct err *e)
{
	for (unsigned i = 0; i < m->nsegs; i++) {
		const struct macho_segment *s = &m->segs[i];
		const uint8_t *info;

		if (k->kmod_info < s->vmaddr ||
		    !range_inside(k->kmod_info - s->vmaddr, KMOD_INFO_SIZE, s->filesize))
			continue;
		info = m->data + s->fileoff + (k->kmod_info - s->vmaddr);
		if (get_le64(info + KMOD_OFF_ADDRESS) == k->load_addr)
			return 0;
		return err_set(e, E_CORRUPT, "%s: kmod_info is another kext's", k->id);
	}
	return err_set(e, E_CORRUPT, "%s: kmod_info is outside the kext", k->id);
}

static int match_kext(struct checker *c, const struct entry *n, struct err *e)
{
	const struct symdict_entry *x = symdict_get(&c->ids, n->id);
	struct kext_entry *k = x ? &c->f->kext[x->value] : NULL;

	if (!k)
		return err_set(e, E_CORRUPT, "%s has no property list", n->id);
	if (k->load_addr != n->vmaddr)
		return err_set(e, E_CORRUPT,
			       "%s: _PrelinkExecutableLoadAddr 0x%llx is not its address",
			       n->id, (unsigned long long)k->load_addr);
	k->has_code = true;
	k->head = n->fileoff;
	k->has_uuid = n->m.has_uuid;
	memcpy(k->uuid, n->m.uuid, sizeof(k->uuid));
	return check_kmod(k, &n->m, e);
}

/* The kernel keeps its reader, @n's is then empty. */
static int take_kernel(struct checker *c, struct entry *n, struct err *e)
{
	if (c->n_entries)
		return err_set(e, E_CORRUPT, "the kernel is not the first entry");
	c->f->has_kernel = true;
	c->f->kernel = n->m;
	memset(&n->m, 0, sizeof(n->m));
	return 0;
}

static int take_entry(struct checker *c, size_t off, uint32_t size, struct err *e)
{
	struct entry n = {.id = NULL};
	int r = read_entry(c->f, off, size, &n, e);

	if (r)
		return r;
	r = check_entry(c->f, &n, e);
	if (!r && symdict_get(&c->entries, n.id))
		r = err_set(e, E_CORRUPT, "two entries %s", n.id);
	if (!r)
		r = symdict_set(&c->entries, n.id, n.vmaddr, 0, e);
	if (!r)
		r = strcmp(n.id, FILESET_KERNEL_ID) ? match_kext(c, &n, e)
						    : take_kernel(c, &n, e);
	c->n_entries++;
	macho_release(&n.m);
	return r;
}

static int take_entries(struct checker *c, struct err *e)
{
	for (unsigned i = 0; i < c->f->m.ncmds; i++) {
		uint32_t cmd, size;
		size_t off;
		int r = 0;

		macho_lc_at(&c->f->m, i, &cmd, &off, &size);
		if (cmd == LC_FILESET_ENTRY)
			r = take_entry(c, off, size, e);
		if (r)
			return r;
	}
	return 0;
}

/* ---- property lists ---- */

/* A library is in this collection, or in the one that this was linked against. */
static int check_kext(const struct checker *c, const struct kext_entry *k, struct err *e)
{
	const bool intel = c->f->m.arch == macho_arch(MACHO_X86_64);
	plist_t libs = intel ? kext_info_value(k->info, "OSBundleLibraries")
			     : plist_dict_get_item(k->info, "OSBundleLibraries");
	struct pl_iter it;

	if (!k->has_code && (k->load_addr || k->size || k->kmod_info))
		return err_set(e, E_CORRUPT, "%s has addresses, but no entry", k->id);
	if (!libs || plist_get_node_type(libs) != PLIST_DICT || c->f->has_boot_kcid)
		return 0;
	for (pl_each(&it, libs); pl_next(&it);) {
		int r;

		if (symdict_get(&c->ids, it.key))
			continue;
		r = err_set(e, E_CORRUPT, "%s needs %s, which is not there", k->id,
			    it.key);
		pl_iter_release(&it);
		return r;
	}
	return 0;
}

/* ---- fixups ---- */

static int check_target(void *arg, uint64_t addr, enum fixups_level level,
			uint64_t target, bool authenticated, struct err *e)
{
	const struct fileset *f = arg;
	uint64_t base, size;

	if (authenticated && f->m.arch == macho_arch(MACHO_X86_64))
		return err_set(e, E_CORRUPT, "Unexpected authenticated fixup at 0x%llx",
			       (unsigned long long)addr);
	fileset_range(f, &base, &size);
	/* those to another collection can only be judged with it */
	if (f->has_kernel && (level != FIXUPS_BOOT || target > size))
		return err_set(e, E_CORRUPT, "pointer at 0x%llx leaves the collection",
			       (unsigned long long)addr);
	return 0;
}

static int check_fixups_of(struct fileset *f, const struct macho *m, struct err *e)
{
	uint32_t off, size;

	return fixups_find(m, &off, &size) ? fixups_walk(m, off, size, check_target, f, e)
					   : 0;
}

/* One table for the whole collection, or one for each kext. */
static int check_fixups(struct fileset *f, struct err *e)
{
	int r = check_fixups_of(f, &f->m, e);

	for (size_t i = 0; !r && i < f->n_kexts; i++) {
		struct macho m;

		if (!f->kext[i].has_code)
			continue;
		r = fileset_kext_macho(f, &f->kext[i], &m, e);
		if (r)
			return r;
		r = check_fixups_of(f, &m, e);
		if (r)
			err_ctx(e, "%s", f->kext[i].id);
		macho_release(&m);
	}
	return r;
}

static int check_all(struct checker *c, struct err *e)
{
	struct fileset *f = c->f;
	int r = check_own_segments(f, e);

	if (!r)
		r = index_kexts(c, e);
	if (!r)
		r = take_entries(c, e);
	if (!r && !f->has_kernel && !f->has_boot_kcid)
		r = err_set(e, E_CORRUPT, "neither a kernel nor a _BootKCID");
	if (!r && f->has_kernel && f->has_boot_kcid)
		r = err_set(e, E_CORRUPT, "a kernel and a _BootKCID");
	for (size_t i = 0; !r && i < f->n_kexts; i++)
		r = check_kext(c, &f->kext[i], e);
	if (!r)
		r = fileset_check_overlap(f, e);
	return r ? r : check_fixups(f, e);
}

int fileset_check(struct fileset *f, struct err *e)
{
	struct checker c = {.f = f};
	int r = check_all(&c, e);

	symdict_release(&c.ids);
	symdict_release(&c.entries);
	return r;
}
