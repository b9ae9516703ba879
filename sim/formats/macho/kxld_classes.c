/* SPDX-License-Identifier: MIT */
/*
 * The classes of a kext (xnu libkern/kxld/kxld_kext.c: create_vtables, patch_vtables).
 * Each class of libkern has a static member superClass, a pointer to the metaclass of its
 * parent. Its relocation leads to the parent's name, and so to the parent's vtable. A
 * vtable can be patched when that of its parent is done; so rounds are made, until one
 * brings nothing new. Metaclasses all derive from OSMetaClass.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/formats/macho/kxld_internal.h"

static bool is_class(const struct kx_symbol *s)
{
	return s->s.name && !macho_sym_is_stab(&s->s) && kxn_is_super_pointer(s->s.name);
}

static int too_long(const struct kx_symbol *s, struct err *e)
{
	return err_set(e, E_CORRUPT, "the name made from %s is longer than %d", s->s.name,
		       KXN_MAX - 1);
}

/* ---- the kext's own vtables ---- */

static int missing(struct kx *k, const char *vtable, const char *class_name)
{
	return kx_error(
		k, E_NOTFOUND,
		"Cannot find the vtable '%s' for class '%s'. This vtable symbol is "
		"required for binary compatibility, and it may have been stripped.",
		vtable, class_name);
}

static int add_vtable(struct kx *k, const char *vtable, const char *class_name,
		      struct err *e)
{
	const struct symdict_entry *s = symdict_get(&k->vt.defined, vtable);

	if (!s)
		return missing(k, vtable, class_name);
	if (symdict_get(&k->vt.own, vtable))
		return 0; /* two symbols of one name */
	return kx_vtable_add(k, &k->sym[s->value], e);
}

static int add_class(struct kx *k, const struct kx_symbol *s, struct err *e)
{
	char name[KXN_MAX], vtable[KXN_MAX], meta[KXN_MAX];
	int r;

	if (!kxn_class_of_super_pointer(s->s.name, name) || !kxn_vtable(name, vtable) ||
	    !kxn_meta_vtable(name, meta))
		return too_long(s, e);
	r = add_vtable(k, vtable, name, e);
	return r ? r : add_vtable(k, meta, name, e);
}

static int find_pointers(struct kx *k, struct err *e)
{
	k->vt.pointer = calloc(k->m.nsyms + 1u, sizeof(*k->vt.pointer));
	if (!k->vt.pointer)
		return err_set(e, E_NOMEM, "out of memory");
	for (uint32_t i = 0; i < k->m.nsyms; i++)
		if (is_class(&k->sym[i]))
			k->vt.pointer[k->vt.n_classes++] = i;
	return 0;
}

int kx_find_classes(struct kx *k, struct err *e)
{
	int r;

	if (k->rq->kernel) /* its vtables are whole */
		return 0;
	r = kx_vtables_of_deps(k, e);
	if (!r)
		r = find_pointers(k, e);
	if (!r && k->vt.n_classes)
		r = kx_vtables_init(k, e);
	for (size_t i = 0; !r && i < k->vt.n_classes; i++)
		r = add_class(k, &k->sym[k->vt.pointer[i]], e);
	return r;
}

/* ---- who is whose parent ---- */

/* The symbol that the pointer @s will hold: of another image, or of this one. */
static const char *pointed_to(const struct kx *k, const struct kx_symbol *s)
{
	uint32_t rel = s->state == KX_DEFINED ? kx_reloc_at(k, s->s.value) : KX_NONE;
	const struct kxld_cxx_symbol *own;
	const uint8_t *p;

	if (rel != KX_NONE) {
		const struct macho_reloc r =
			macho_reloc(&k->m, k->m.dysym.extreloff, rel);

		return r.is_extern && r.symbolnum < k->m.nsyms
			       ? k->sym[r.symbolnum].s.name
			       : NULL;
	}
	p = s->state == KX_DEFINED ? kxld_bytes_at(&k->m, s->s.value, 8) : NULL;
	own = p ? kxld_cxx_at(&k->vt.cxx, get_le64(p)) : NULL;
	return own ? own->name : NULL;
}

static int super_of(struct kx *k, const struct kx_symbol *s, char super[KXN_MAX])
{
	const char *metaclass = pointed_to(k, s);

	if (!metaclass) /* kxld's words, its function's name included */
		return kx_error(
			k, E_CORRUPT, "metaclass == NULL kxld_sym %s <%s>", s->s.name,
			"get_metaclass_symbol_from_super_meta_class_pointer_symbol");
	if (!kxn_class_of_metaclass(metaclass, super))
		return kx_error(k, E_CORRUPT, "%s is no pointer to a metaclass (%s)",
				s->s.name, metaclass);
	return 0;
}

/* ---- rounds ---- */

/* A class at work. */
struct class
{
	const struct kx_symbol *pointer;
	char name[KXN_MAX], super[KXN_MAX], super_vtable[KXN_MAX];
	struct kx_vtable *vtable;
};

struct round {
	size_t patched, progress;
	bool last; /* the one before brought nothing: say why */
};

static bool is_final(const struct kx *k, const char *class_name)
{
	char mark[KXN_MAX];

	return kxn_final_mark(class_name, mark) &&
	       (kx_find(k, mark) || symdict_get(&k->vt.defined, mark));
}

/* -E_UNSUPPORTED: not this class, which has been said; go on with others. */
static int patch_class(struct kx *k, const struct class *c, const struct kx_vtable *super,
		       struct err *e)
{
	struct kx_vtable *meta_super = NULL;
	const struct symdict_entry *s;
	char meta[KXN_MAX] = "";
	int r;

	if (is_final(k, c->super)) {
		char *a = NULL, *b = NULL;

		r = kx_error(k, E_UNSUPPORTED,
			     "Class '%s' is a subclass of final class '%s'.",
			     kxn_demangle(c->name, &a), kxn_demangle(c->super, &b));
		free(a);
		free(b);
		return r;
	}
	r = kx_vtable_patch(k, c->vtable, super, e);
	if (r)
		return r;
	s = kxn_meta_vtable(c->name, meta) ? symdict_get(&k->vt.own, meta) : NULL;
	if (!s)
		return missing(k, meta, c->name);
	r = kx_vtable_patched(k, KXN_OSMETACLASS, &meta_super, e);
	if (r)
		return r;
	if (!meta_super)
		return err_set(e, E_NOTFOUND, "no vtable %s", KXN_OSMETACLASS);
	r = kx_vtable_patch(k, k->vt.v[s->value], meta_super, e);
	return r == -E_UNSUPPORTED ? -E_CORRUPT : r; /* of a metaclass it is the end */
}

static int not_patched(struct kx *k, const struct class *c)
{
	const bool here = symdict_get(&k->vt.own, c->super_vtable);
	char *a = NULL, *b = NULL;
	int r = kx_error(k, E_UNSUPPORTED,
			 "The %s was not patched because its parent, the %s, was not %s.",
			 kxn_demangle(c->vtable->name, &a),
			 kxn_demangle(c->super_vtable, &b), here ? "patchable" : "found");

	free(a);
	free(b);
	return r;
}

static int try_class(struct kx *k, struct class *c, struct round *round, struct err *e)
{
	struct kx_vtable *super = NULL;
	int r = super_of(k, c->pointer, c->super);

	if (!r && !kxn_vtable(c->super, c->super_vtable))
		r = too_long(c->pointer, e);
	if (!r)
		r = kx_vtable_patched(k, c->super_vtable, &super, e);
	if (r)
		return r;
	if (round->last)
		return super ? 0 : not_patched(k, c);
	if (!super)
		return 0;
	r = patch_class(k, c, super, e);
	if (r)
		return r;
	round->progress++;
	round->patched++;
	return 0;
}

static int visit(struct kx *k, const struct kx_symbol *s, struct round *round,
		 struct err *e)
{
	struct class c = {.pointer = s};
	const struct symdict_entry *v;
	char vtable[KXN_MAX];
	int r;

	if (!kxn_class_of_super_pointer(s->s.name, c.name) || !kxn_vtable(c.name, vtable))
		return too_long(s, e);
	v = symdict_get(&k->vt.own, vtable);
	if (!v)
		return missing(k, vtable, c.name);
	c.vtable = k->vt.v[v->value];
	if (c.vtable->patched) {
		round->patched++;
		return 0;
	}
	r = try_class(k, &c, round, e);
	return r == -E_UNSUPPORTED ? 0 : r;
}

static int make_round(struct kx *k, struct round *round, struct err *e)
{
	int r = 0;

	round->patched = round->progress = 0;
	for (size_t i = 0; !r && i < k->vt.n_classes; i++)
		r = visit(k, &k->sym[k->vt.pointer[i]], round, e);
	return r;
}

int kx_patch_classes(struct kx *k, struct err *e)
{
	struct round round = {.patched = 0};

	while (round.patched < k->vt.n_classes) {
		int r = make_round(k, &round, e);

		if (r)
			return r;
		if (round.last)
			return err_set(e, E_UNSUPPORTED,
				       "%zu of %zu classes were not patched",
				       k->vt.n_classes - round.patched, k->vt.n_classes);
		round.last = !round.progress;
	}
	return 0;
}
