/* SPDX-License-Identifier: MIT */
/* Symbols of the inputs become the symbol table of the kext. */
#include <stdlib.h>
#include <string.h>

#include "sim/formats/macho/objlink_internal.h"

static int add_global(struct ol *l, const struct macho_symbol *s, uint32_t *ret,
		      struct err *e)
{
	const struct symdict_entry *known = symdict_get(&l->names, s->name);

	if (known) {
		*ret = (uint32_t)known->value;
		return 0;
	}
	if (l->n_globals == l->cap_globals) {
		size_t cap = l->cap_globals ? 2 * l->cap_globals : 64;
		struct ol_global *grown = realloc(l->global, cap * sizeof(*grown));

		if (!grown)
			return err_set(e, E_NOMEM, "out of memory");
		l->global = grown;
		l->cap_globals = cap;
	}
	*ret = (uint32_t)l->n_globals;
	l->global[l->n_globals++] = (struct ol_global){.name = s->name, .weak = true};
	return symdict_set(&l->names, s->name, *ret, 0, e);
}

/* A strong definition beats a weak one, the first of two weak ones stays. */
static int define(struct ol *l, struct ol_global *g, uint32_t obj,
		  const struct macho_symbol *s, struct err *e)
{
	bool weak = s->desc & N_WEAK_DEF;

	if (g->defined && weak)
		return 0;
	if (g->defined && !g->weak)
		return err_set(e, E_EXISTS, "duplicate symbol %s in %s and %s", s->name,
			       l->obj[g->obj].name, l->obj[obj].name);
	g->defined = true;
	g->weak = weak;
	g->hidden = s->type & N_PEXT;
	g->obj = obj;
	g->sym = *s;
	return 0;
}

static int collect_one(struct ol *l, uint32_t obj, uint32_t i, struct err *e)
{
	struct ol_object *o = &l->obj[obj];
	struct macho_symbol s;
	uint32_t index = 0;
	int r = macho_symbol(&o->m, i, &s, e);

	o->global[i] = NOT_PLACED;
	if (r || macho_sym_is_stab(&s))
		return r;
	if (macho_sym_is_common(&s))
		return err_set(e, E_UNSUPPORTED,
			       "%s: common symbol %s; compile with -fno-common", o->name,
			       s.name);
	if ((s.type & N_TYPE) == N_SECT && (!s.sect || s.sect > o->m.nsects))
		return err_set(e, E_CORRUPT, "%s: symbol %s: no section %u", o->name,
			       s.name, s.sect);
	if (!(s.type & N_EXT))
		return 0;
	r = add_global(l, &s, &index, e);
	if (r)
		return r;
	o->global[i] = index;
	if (macho_sym_is_defined(&s))
		return define(l, &l->global[index], obj, &s, e);
	if (!l->global[index].defined && !(s.desc & N_WEAK_REF))
		l->global[index].weak = false;
	return 0;
}

int ol_collect_symbols(struct ol *l, struct err *e)
{
	for (uint32_t obj = 0; obj < l->n_objs; obj++) {
		struct ol_object *o = &l->obj[obj];

		o->global = calloc(o->m.nsyms + 1, sizeof(*o->global));
		if (!o->global)
			return err_set(e, E_NOMEM, "out of memory");
		for (uint32_t i = 0; i < o->m.nsyms; i++) {
			int r = collect_one(l, obj, i, e);

			if (r)
				return r;
		}
	}
	return 0;
}

uint64_t ol_section_addr(const struct ol *l, const struct ol_object *o, unsigned n)
{
	const struct ol_place *p = &o->place[n - 1];

	return l->sect[p->out].s.addr + p->offset;
}

uint64_t ol_symbol_addr(const struct ol *l, const struct ol_object *o,
			const struct macho_symbol *sym)
{
	if ((sym->type & N_TYPE) == N_ABS)
		return sym->value;
	return ol_section_addr(l, o, sym->sect) + sym->value -
	       o->m.sects[sym->sect - 1].addr;
}

/* Give @s of @o its place in the output; false when its section was left out. */
static bool place_symbol(const struct ol *l, const struct ol_object *o,
			 struct macho_symbol *s)
{
	uint32_t out;

	if ((s->type & N_TYPE) != N_SECT)
		return true;
	out = o->place[s->sect - 1].out;
	if (out == NOT_PLACED)
		return false;
	s->value = ol_symbol_addr(l, o, s);
	s->sect = (uint8_t)(out + 1);
	return true;
}

static int write_object_locals(struct ol *l, const struct ol_object *o, struct err *e)
{
	for (uint32_t i = 0; i < o->m.nsyms; i++) {
		struct macho_symbol s;
		int r = macho_symbol(&o->m, i, &s, e);

		if (r)
			return r;
		/* L and l begin names that are for assembler and linker alone */
		if ((s.type & (N_STAB | N_EXT)) || !macho_sym_is_defined(&s) ||
		    s.name[0] == 'L' || s.name[0] == 'l' || !place_symbol(l, o, &s))
			continue;
		r = macho_symw_add(&l->syms, &s, e);
		if (r)
			return r;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct ol_global *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

enum ol_group {
	GROUP_HIDDEN,
	GROUP_DEFINED,
	GROUP_UNDEFINED,
};

static enum ol_group group_of(const struct ol_global *g)
{
	if (!g->defined)
		return GROUP_UNDEFINED;
	return g->hidden ? GROUP_HIDDEN : GROUP_DEFINED;
}

static int write_global(struct ol *l, struct ol_global *g, struct err *e)
{
	struct macho_symbol s = {.name = g->name, .type = N_UNDF | N_EXT};

	g->out_index = l->syms.n;
	if (g->defined) {
		s = g->sym;
		if (!place_symbol(l, &l->obj[g->obj], &s))
			return err_set(e, E_UNSUPPORTED,
				       "symbol %s is in a section that is left out",
				       g->name);
		s.type =
			(uint8_t)((s.type & ~(N_EXT | N_PEXT)) | (g->hidden ? 0 : N_EXT));
		s.desc &= N_WEAK_DEF;
	} else if (g->weak) {
		s.desc = N_WEAK_REF;
	}
	return macho_symw_add(&l->syms, &s, e);
}

/* The globals of @group, by name: the order that LC_DYSYMTAB promises. */
static int write_group(struct ol *l, struct ol_global **sorted, enum ol_group group,
		       struct err *e)
{
	for (size_t i = 0; i < l->n_globals; i++) {
		int r = group_of(sorted[i]) == group ? write_global(l, sorted[i], e) : 0;

		if (r)
			return r;
	}
	return 0;
}

int ol_write_symbols(struct ol *l, struct err *e)
{
	struct macho_dysymtab *d = &l->dysym;
	struct ol_global **sorted = calloc(l->n_globals + 1, sizeof(struct ol_global *));
	int r = 0;

	if (!sorted)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < l->n_globals; i++)
		sorted[i] = &l->global[i];
	qsort(sorted, l->n_globals, sizeof(struct ol_global *), by_name);
	for (size_t i = 0; !r && i < l->n_objs; i++)
		r = write_object_locals(l, &l->obj[i], e);
	if (!r)
		r = write_group(l, sorted, GROUP_HIDDEN, e);
	d->nlocal = d->iextdef = l->syms.n;
	if (!r)
		r = write_group(l, sorted, GROUP_DEFINED, e);
	d->iundef = l->syms.n;
	d->nextdef = d->iundef - d->iextdef;
	if (!r)
		r = write_group(l, sorted, GROUP_UNDEFINED, e);
	d->nundef = l->syms.n - d->iundef;
	free(sorted);
	return r;
}
