/* SPDX-License-Identifier: MIT */
/*
 * Relocations of the inputs: what lies inside the kext is settled here, addresses of
 * its own become local relocations, the rest is left to kxld.
 */
#include <stdlib.h>

#include "sim/base/ckd.h"
#include "sim/formats/macho/objlink_internal.h"

static int push(struct ol_relocs *list, const struct macho_reloc *r, struct err *e)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 64;
		struct macho_reloc *grown = realloc(list->r, cap * sizeof(*grown));

		if (!grown)
			return err_set(e, E_NOMEM, "out of memory");
		list->r = grown;
		list->cap = cap;
	}
	list->r[list->n++] = *r;
	return 0;
}

static int left_out(const struct ol_fixup *f, struct err *e)
{
	return err_set(e, E_UNSUPPORTED, "%s: %s,%s refers to a section that is left out",
		       f->o->name, f->in->segname, f->in->name);
}

static int section_target(const struct ol_fixup *f, const struct macho_reloc *r,
			  struct ol_target *t, struct err *e)
{
	const struct ol_object *o = f->o;
	uint32_t n = r->symbolnum;

	if (!n || n > o->m.nsects)
		return err_set(e, E_CORRUPT, "%s: relocation against section %u", o->name,
			       n);
	t->out = o->place[n - 1].out;
	if (t->out == NOT_PLACED)
		return left_out(f, e);
	t->delta = ol_section_addr(f->l, o, n) - o->m.sects[n - 1].addr;
	return 0;
}

int ol_find_target(const struct ol_fixup *f, const struct macho_reloc *r,
		   struct ol_target *t, struct err *e)
{
	const struct ol_object *o = f->o;
	const struct ol_object *def = o;
	struct macho_symbol s;
	int rc;

	*t = (struct ol_target){.global = NOT_PLACED, .out = NOT_PLACED};
	if (!r->is_extern)
		return section_target(f, r, t, e);
	rc = macho_symbol(&o->m, r->symbolnum, &s, e);
	if (rc)
		return rc;
	t->global = o->global[r->symbolnum];
	if (t->global != NOT_PLACED) {
		const struct ol_global *g = &f->l->global[t->global];

		t->undefined = !g->defined;
		if (t->undefined)
			return 0;
		s = g->sym;
		def = &f->l->obj[g->obj];
	}
	if (!macho_sym_is_defined(&s))
		return err_set(e, E_CORRUPT, "%s: relocation against symbol %s", o->name,
			       s.name);
	if ((s.type & N_TYPE) == N_SECT) {
		t->out = def->place[s.sect - 1].out;
		if (t->out == NOT_PLACED)
			return left_out(f, e);
	}
	t->addr = ol_symbol_addr(f->l, def, &s);
	return 0;
}

int ol_keep_external(struct ol_fixup *f, const struct macho_reloc *r,
		     const struct ol_target *t, struct err *e)
{
	struct macho_reloc copy = *r;

	copy.address = (uint32_t)f->addr;
	copy.symbolnum = t->global;
	return push(&f->l->ext, &copy, e);
}

int ol_note(struct ol_fixup *f, const struct ol_target *t, enum split_kind kind,
	    struct err *e)
{
	const struct ol *l = f->l;
	struct split_ref ref = {.from = f->out + 1, .to = t->out + 1, .kind = kind};

	if (!l->split || t->out == NOT_PLACED || t->out == f->out)
		return 0;
	ref.from_offset = f->addr - l->sect[f->out].s.addr;
	/* of a target that is a section only the section is known */
	ref.to_offset = t->addr ? t->addr - l->sect[t->out].s.addr : 0;
	return split_refs_add(&f->l->refs, &ref, e);
}

int ol_too_far(const struct ol_fixup *f, struct err *e)
{
	return err_set(e, E_OVERFLOW, "%s: displacement does not fit", f->o->name);
}

int ol_unknown(const struct ol_fixup *f, struct err *e)
{
	return err_set(e, E_UNSUPPORTED, "%s: relocation of type %u, length %u in %s,%s",
		       f->o->name, f->r.type, 1u << f->r.length, f->in->segname,
		       f->in->name);
}

int ol_fix_pointer(struct ol_fixup *f, struct err *e)
{
	struct macho_reloc loc = {.address = (uint32_t)f->addr, .length = 3};
	struct ol_target t;
	int r = ol_find_target(f, &f->r, &t, e);

	if (r)
		return r;
	if (t.undefined)
		return ol_keep_external(f, &f->r, &t, e);
	put_le64(f->at, get_le64(f->at) + (f->r.is_extern ? t.addr : t.delta));
	if (t.out == NOT_PLACED)
		return 0;
	loc.symbolnum = t.out + 1;
	r = ol_note(f, &t, SPLIT_POINTER_64, e);
	return r ? r : push(&f->l->loc, &loc, e);
}

/* The table can say how far something is from here, but not from a third place. */
static int note_difference(struct ol_fixup *f, const struct ol_target *minus,
			   const struct ol_target *plus, struct err *e)
{
	if (minus->out == f->out)
		return ol_note(f, plus,
			       f->r.length == 3 ? SPLIT_DELTA_64 : SPLIT_DELTA_32, e);
	if (f->l->split && minus->out != plus->out)
		return err_set(e, E_UNSUPPORTED, "%s: difference of two other sections",
			       f->o->name);
	return 0;
}

/* @second is the UNSIGNED one of the pair: minuend minus what f->r names. */
int ol_fix_difference(struct ol_fixup *f, const struct macho_reloc *second, struct err *e)
{
	struct ol_target minus, plus;
	uint64_t v = f->r.length == 3 ? get_le64(f->at)
				      : (uint64_t)(int64_t)(int32_t)get_le32(f->at);
	int r;

	if (second->type != X86_64_RELOC_UNSIGNED || second->address != f->r.address ||
	    second->length != f->r.length || f->r.length < 2)
		return err_set(e, E_CORRUPT, "%s: SUBTRACTOR without its UNSIGNED",
			       f->o->name);
	r = ol_find_target(f, &f->r, &minus, e);
	if (!r)
		r = ol_find_target(f, second, &plus, e);
	if (r)
		return r;
	if (minus.undefined || plus.undefined)
		return err_set(e, E_UNSUPPORTED,
			       "%s: difference with an undefined symbol", f->o->name);
	r = note_difference(f, &minus, &plus, e);
	if (r)
		return r;
	v += second->is_extern ? plus.addr : plus.delta;
	v -= f->r.is_extern ? minus.addr : minus.delta;
	if (f->r.length == 3)
		put_le64(f->at, v);
	else
		put_le32(f->at, (uint32_t)v);
	return 0;
}

/* Entries of the table that belong to an architecture are its own affair. */
static int fix_one(struct ol_fixup *f, uint32_t i, uint32_t *used, struct err *e)
{
	*used = 1;
	return f->l->arch == macho_arch(MACHO_ARM64E) ? ol_fix_arm64(f, i, used, e)
						      : ol_fix_x86_64(f, i, used, e);
}

static int relocate_section(struct ol *l, const struct ol_object *o, unsigned n,
			    struct err *e)
{
	const struct macho_section *in = &o->m.sects[n];
	const struct ol_place *p = &o->place[n];
	uint64_t base = p->out == NOT_PLACED ? 0 : ol_section_addr(l, o, n + 1);
	uint32_t used = 1;

	if (p->out == NOT_PLACED)
		return 0;
	for (uint32_t i = 0; i < in->nreloc; i += used) {
		struct ol_fixup f = {.l = l, .o = o, .in = in, .out = p->out};
		int r;

		f.r = macho_reloc(&o->m, in->reloff, i);
		if (macho_is_zerofill(in) ||
		    !range_inside(f.r.address, 1u << f.r.length, in->size))
			return err_set(e, E_CORRUPT, "%s: relocation outside %s,%s",
				       o->name, in->segname, in->name);
		f.old_addr = in->addr + f.r.address;
		f.addr = base + f.r.address;
		f.before = f.r.address;
		f.at = l->file.data + l->sect[p->out].s.offset + p->offset + f.r.address;
		r = fix_one(&f, i, &used, e);
		if (r)
			return r;
	}
	return 0;
}

int ol_relocate(struct ol *l, struct err *e)
{
	for (size_t i = 0; i < l->n_objs; i++)
		for (unsigned n = 0; n < l->obj[i].m.nsects; n++) {
			int r = relocate_section(l, &l->obj[i], n, e);

			if (r)
				return r;
		}
	return 0;
}
