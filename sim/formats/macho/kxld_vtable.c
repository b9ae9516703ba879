/* SPDX-License-Identifier: MIT */
/*
 * Vtables (xnu libkern/kxld/kxld_vtable.c): two header words, then pointers to functions
 * until one is NULL. In a linked image the pointers are addresses, whose symbols are
 * looked up. In a kext's file a pointer to a function of the kext itself is there, and
 * one to somebody else's is NULL and has an external relocation.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/macho/kxld_internal.h"

#define HEADER KX_VTABLE_HEADER
#define ENTRY  8

/* Of all vtables of one link; they do not overlap in life. */
#define SLOTS_MAX (1u << 22)

static int no_memory(struct err *e)
{
	return err_set(e, E_NOMEM, "out of memory");
}

void kx_vtables_release(struct kx_vtables *vt)
{
	for (size_t i = 0; i < vt->n; i++) {
		free(vt->v[i]->slot);
		free(vt->v[i]);
	}
	free(vt->v);
	symdict_release(&vt->own);
	symdict_release(&vt->patched);
	symdict_release(&vt->defined);
	kxld_cxx_release(&vt->cxx);
	free(vt->place);
	free(vt->pointer);
	free(vt->image);
}

/* An empty vtable at the end of the list. */
static int append(struct kx_vtables *vt, const char *name, struct kx_vtable **ret,
		  struct err *e)
{
	if (vt->n == vt->cap) {
		size_t cap = vt->cap ? 2 * vt->cap : 16;
		struct kx_vtable **grown =
			realloc(vt->v, cap * sizeof(struct kx_vtable *));

		if (!grown)
			return no_memory(e);
		vt->v = grown;
		vt->cap = cap;
	}
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return no_memory(e);
	(*ret)->name = name;
	vt->v[vt->n++] = *ret;
	return 0;
}

/* ---- what is looked at more than once ---- */

static int by_place(const void *a, const void *b)
{
	const struct kx_place *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->rel < y->rel ? -1 : 1;
}

static int index_relocs(struct kx *k, struct err *e)
{
	const uint32_t n = k->m.dysym.nextrel;

	k->vt.place = calloc(n + 1u, sizeof(*k->vt.place));
	k->target = calloc(n + 1u, sizeof(*k->target));
	if (!k->vt.place || !k->target)
		return no_memory(e);
	for (uint32_t i = 0; i < n; i++) {
		const struct macho_reloc r = macho_reloc(&k->m, k->m.dysym.extreloff, i);

		k->vt.place[i] = (struct kx_place){k->reloc_base + r.address, i};
		k->target[i] = r.symbolnum;
	}
	qsort(k->vt.place, n, sizeof(*k->vt.place), by_place);
	return 0;
}

uint32_t kx_reloc_at(const struct kx *k, uint64_t addr)
{
	const struct kx_place *p = k->vt.place;
	size_t lo = 0, hi = k->m.dysym.nextrel;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < k->m.dysym.nextrel && p[lo].addr == addr ? p[lo].rel : KX_NONE;
}

static int index_defined(struct kx *k, struct err *e)
{
	int r = kxld_cxx_index(&k->m, false, &k->vt.cxx, e);

	for (uint32_t i = 0; !r && i < k->m.nsyms; i++)
		if (k->sym[i].state == KX_DEFINED)
			r = symdict_set(&k->vt.defined, k->sym[i].s.name, i, 0, e);
	return r;
}

static void add_image(struct kx_vtables *vt, const struct kxld_exports *x)
{
	if (x->through)
		x = x->through;
	if (!x->image)
		return;
	for (size_t i = 0; i < vt->n_images; i++)
		if (vt->image[i] == x)
			return;
	vt->image[vt->n_images++] = x;
}

int kx_vtables_of_deps(struct kx *k, struct err *e)
{
	const struct kxld_request *rq = k->rq;
	struct kx_vtables *vt = &k->vt;

	vt->image = calloc(rq->n_deps + rq->n_indirect + 1, sizeof(*vt->image));
	if (!vt->image)
		return no_memory(e);
	for (size_t i = rq->n_deps; i--;)
		add_image(vt, rq->deps[i]);
	for (size_t i = rq->n_indirect; i--;)
		add_image(vt, rq->indirect[i]);
	return 0;
}

int kx_vtables_init(struct kx *k, struct err *e)
{
	int r = index_relocs(k, e);

	return r ? r : index_defined(k, e);
}

/* ---- of this kext ---- */

/* Slot @i at @addr of the file; false when the table ended before it. */
static bool read_slot(const struct kx *k, uint64_t addr, struct kx_slot *s)
{
	const uint8_t *p = kxld_bytes_at(&k->m, addr, ENTRY);
	struct macho_reloc r;

	*s = (struct kx_slot){.sym = KX_NONE, .rel = KX_NONE};
	if (!p)
		return false;
	if (get_le64(p)) /* a function of this kext */
		return true;
	s->rel = kx_reloc_at(k, addr);
	if (s->rel == KX_NONE)
		return false;
	r = macho_reloc(&k->m, k->m.dysym.extreloff, s->rel);
	if (r.is_extern && r.symbolnum < k->m.nsyms)
		s->sym = r.symbolnum;
	return true;
}

/* Room for @n slots. */
static int make_slots(struct kx_vtables *vt, struct kx_vtable *v, size_t n, struct err *e)
{
	if (n > SLOTS_MAX - vt->n_slots)
		return err_set(e, E_OVERFLOW, "vtables of more than %u slots", SLOTS_MAX);
	vt->n_slots += n;
	v->slot = calloc(n + 1, sizeof(*v->slot));
	return v->slot ? 0 : no_memory(e);
}

int kx_vtable_add(struct kx *k, const struct kx_symbol *s, struct err *e)
{
	struct kx_vtable *v = NULL;
	struct kx_slot slot;
	uint64_t addr;
	size_t n = 0;
	int r = append(&k->vt, s->s.name, &v, e);

	if (r)
		return r;
	k->vt.n_own = k->vt.n;
	if (ckd_add(&addr, s->s.value, (uint64_t)HEADER))
		return err_set(e, E_CORRUPT, "symbol %s: bad address", s->s.name);
	while (n <= SLOTS_MAX && read_slot(k, addr + ENTRY * n, &slot))
		n++;
	r = make_slots(&k->vt, v, n, e);
	if (r)
		return r;
	for (v->n = 0; v->n < n; v->n++)
		read_slot(k, addr + ENTRY * v->n, &v->slot[v->n]);
	return symdict_set(&k->vt.own, v->name, k->vt.n - 1, 0, e);
}

/* ---- of dependencies ---- */

/* The address that the pointer @raw of @x's image holds. */
static uint64_t pointer(const struct kxld_exports *x, uint64_t raw)
{
	if (!x->bases || !raw)
		return raw;
	return x->bases[raw >> 30 & 3] + (raw & 0x3fffffff);
}

static const struct kxld_cxx_symbol *name_at(const struct kx_vtables *vt, uint64_t addr)
{
	for (size_t i = 0; i < vt->n_images; i++) {
		const struct kxld_cxx *x = &vt->image[i]->cxx;
		const struct kxld_cxx_symbol *s;

		if (!x->n || addr < x->sym[0].addr || addr > x->sym[x->n - 1].addr)
			continue;
		s = kxld_cxx_at(x, addr);
		if (s)
			return s;
	}
	return NULL;
}

/* Pointers of the vtable at @addr. */
static size_t count_slots(const struct kxld_exports *x, uint64_t addr)
{
	const uint8_t *p;
	size_t n = 0;

	while (n <= SLOTS_MAX &&
	       (p = kxld_bytes_at(x->image, addr + HEADER + ENTRY * n, ENTRY)) &&
	       get_le64(p))
		n++;
	return n;
}

static int read_linked(struct kx_vtables *vt, const struct kxld_exports *x, uint64_t addr,
		       struct kx_vtable *v, struct err *e)
{
	size_t n = count_slots(x, addr);
	int r = make_slots(vt, v, n, e);

	if (r)
		return r;
	for (v->n = 0; v->n < n; v->n++) {
		const uint8_t *p =
			kxld_bytes_at(x->image, addr + HEADER + ENTRY * v->n, ENTRY);
		const struct kxld_cxx_symbol *s =
			p ? name_at(vt, pointer(x, get_le64(p))) : NULL;

		v->slot[v->n] = (struct kx_slot){KX_NONE, KX_NONE, s ? s->name : NULL,
						 s ? s->addr : 0};
	}
	v->patched = true;
	return 0;
}

static int look_in_images(struct kx *k, const char *name, struct kx_vtable **ret,
			  struct err *e)
{
	for (size_t i = 0; i < k->vt.n_images; i++) {
		const struct kxld_exports *x = k->vt.image[i];
		const struct symdict_entry *s = symdict_get(&x->syms, name);
		int r;

		if (!s)
			continue;
		r = append(&k->vt, s->name, ret, e);
		if (!r)
			r = read_linked(&k->vt, x, s->value, *ret, e);
		return r ? r : symdict_set(&k->vt.patched, s->name, k->vt.n - 1, 0, e);
	}
	*ret = NULL;
	return 0;
}

int kx_vtable_patched(struct kx *k, const char *name, struct kx_vtable **ret,
		      struct err *e)
{
	const struct symdict_entry *s = symdict_get(&k->vt.patched, name);

	if (!s)
		return look_in_images(k, name, ret, e);
	*ret = k->vt.v[s->value];
	return 0;
}

int kx_vtable_set_patched(struct kx *k, struct kx_vtable *v, struct err *e)
{
	const struct symdict_entry *s = symdict_get(&k->vt.own, v->name);

	v->patched = true;
	return symdict_set(&k->vt.patched, v->name, s->value, 0, e);
}
