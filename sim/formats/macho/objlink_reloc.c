/* SPDX-License-Identifier: MIT */
/*
 * Relocations of the inputs: what lies inside the kext is settled here, addresses of
 * its own become local relocations, the rest is left to kxld.
 */
#include <stdlib.h>

#include "sim/base/ckd.h"
#include "sim/formats/macho/internal.h"
#include "sim/formats/macho/objlink_internal.h"

/* One relocation at work. */
struct fixup {
	struct ol *l;
	const struct ol_object *o;
	const struct macho_section *in; /* the input section it is in */
	struct macho_reloc r;
	uint64_t old_addr, addr; /* of the place, in the input and in the output */
	uint8_t *at;		 /* its bytes */
	size_t before;		 /* bytes of the section before @at */
};

/* What a relocation points to. */
struct target {
	bool undefined;
	uint32_t global; /* NOT_PLACED when it is no global */
	uint64_t addr;	 /* of an extern one, in the output */
	uint64_t delta;	 /* of a section: how far it moved */
	uint32_t out;	 /* output section, or NOT_PLACED for an absolute value */
};

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

static int left_out(const struct fixup *f, struct err *e)
{
	return err_set(e, E_UNSUPPORTED, "%s: %s,%s refers to a section that is left out",
		       f->o->name, f->in->segname, f->in->name);
}

static int section_target(const struct fixup *f, const struct macho_reloc *r,
			  struct target *t, struct err *e)
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

static int find_target(const struct fixup *f, const struct macho_reloc *r,
		       struct target *t, struct err *e)
{
	const struct ol_object *o = f->o;
	const struct ol_object *def = o;
	struct macho_symbol s;
	int rc;

	*t = (struct target){.global = NOT_PLACED, .out = NOT_PLACED};
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

static int keep_external(struct fixup *f, const struct target *t, struct err *e)
{
	struct macho_reloc r = f->r;

	r.address = (uint32_t)f->addr;
	r.symbolnum = t->global;
	return push(&f->l->ext, &r, e);
}

/*
 * A load from the global offset table of something that we have needs no table: the
 * address itself is near enough. "mov" (8b) becomes "lea" (8d).
 */
static bool relax_got_load(struct fixup *f)
{
	if (f->before < 2 || f->at[-2] != 0x8b)
		return false;
	f->at[-2] = 0x8d;
	return true;
}

static int fix_pcrel(struct fixup *f, struct err *e)
{
	bool got = f->r.type == X86_64_RELOC_GOT || f->r.type == X86_64_RELOC_GOT_LOAD;
	int64_t disp = (int32_t)get_le32(f->at);
	struct target t;
	int r = find_target(f, &f->r, &t, e);

	if (r)
		return r;
	if (t.undefined)
		return keep_external(f, &t, e);
	if (got && (f->r.type == X86_64_RELOC_GOT || !relax_got_load(f))) {
		if (t.global == NOT_PLACED)
			return err_set(e, E_UNSUPPORTED,
				       "%s: GOT reference to a local symbol", f->o->name);
		return keep_external(f, &t, e);
	}
	if (f->r.is_extern)
		disp += (int64_t)(t.addr - (f->addr + 4));
	else
		disp += (int64_t)(t.delta - (f->addr - f->old_addr));
	if (disp != (int32_t)disp)
		return err_set(e, E_OVERFLOW, "%s: displacement does not fit",
			       f->o->name);
	put_le32(f->at, (uint32_t)disp);
	return 0;
}

static int fix_pointer(struct fixup *f, struct err *e)
{
	struct macho_reloc loc = {.address = (uint32_t)f->addr, .length = 3};
	struct target t;
	int r = find_target(f, &f->r, &t, e);

	if (r)
		return r;
	if (t.undefined)
		return keep_external(f, &t, e);
	put_le64(f->at, get_le64(f->at) + (f->r.is_extern ? t.addr : t.delta));
	if (t.out == NOT_PLACED)
		return 0;
	loc.symbolnum = t.out + 1;
	return push(&f->l->loc, &loc, e);
}

/* @second is the UNSIGNED one of the pair: minuend minus what f->r names. */
static int fix_difference(struct fixup *f, const struct macho_reloc *second,
			  struct err *e)
{
	struct target minus, plus;
	uint64_t v = f->r.length == 3 ? get_le64(f->at)
				      : (uint64_t)(int64_t)(int32_t)get_le32(f->at);
	int r;

	if (second->type != X86_64_RELOC_UNSIGNED || second->address != f->r.address ||
	    second->length != f->r.length || f->r.length < 2)
		return err_set(e, E_CORRUPT, "%s: SUBTRACTOR without its UNSIGNED",
			       f->o->name);
	r = find_target(f, &f->r, &minus, e);
	if (!r)
		r = find_target(f, second, &plus, e);
	if (r)
		return r;
	if (minus.undefined || plus.undefined)
		return err_set(e, E_UNSUPPORTED,
			       "%s: difference with an undefined symbol", f->o->name);
	v += second->is_extern ? plus.addr : plus.delta;
	v -= f->r.is_extern ? minus.addr : minus.delta;
	if (f->r.length == 3)
		put_le64(f->at, v);
	else
		put_le32(f->at, (uint32_t)v);
	return 0;
}

/* Settle relocation @i; *used says how many entries it was. */
static int fix_one(struct fixup *f, uint32_t i, uint32_t *used, struct err *e)
{
	*used = 1;
	if (macho_reloc_is_pcrel(f->r.type) && f->r.pcrel && f->r.length == 2)
		return fix_pcrel(f, e);
	if (f->r.type == X86_64_RELOC_UNSIGNED && !f->r.pcrel && f->r.length == 3)
		return fix_pointer(f, e);
	if (f->r.type == X86_64_RELOC_SUBTRACTOR && i + 1 < f->in->nreloc) {
		struct macho_reloc second = macho_reloc(&f->o->m, f->in->reloff, i + 1);

		*used = 2;
		return fix_difference(f, &second, e);
	}
	return err_set(e, E_UNSUPPORTED, "%s: relocation of type %u, length %u in %s,%s",
		       f->o->name, f->r.type, 1u << f->r.length, f->in->segname,
		       f->in->name);
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
		struct fixup f = {.l = l, .o = o, .in = in};
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
