/* SPDX-License-Identifier: MIT */
/* Relocations of a kext (xnu libkern/kxld/kxld_reloc.c, the x86_64 part). */
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/macho/internal.h"
#include "sim/formats/macho/kxld_internal.h"

#define PURE_VIRTUAL "___cxa_pure_virtual"

static bool is_got(const struct macho_reloc *r)
{
	return r->type == X86_64_RELOC_GOT || r->type == X86_64_RELOC_GOT_LOAD;
}

static int overflow(struct err *e)
{
	return err_set(
		e, E_OVERFLOW,
		"A relocation entry has overflowed. The kext may be too far from one of "
		"its dependencies. Check your kext's load address.");
}

static int symbol_of(struct kx *k, const struct macho_reloc *r, struct kx_symbol **ret,
		     struct err *e)
{
	if (r->symbolnum >= k->m.nsyms)
		return err_set(e, E_CORRUPT, "relocation against symbol %u of %u",
			       r->symbolnum, k->m.nsyms);
	*ret = &k->sym[r->symbolnum];
	if ((*ret)->state == KX_SKIPPED || (*ret)->state == KX_UNRESOLVED)
		return err_set(e, E_CORRUPT, "relocation against symbol %s",
			       (*ret)->s.name);
	return 0;
}

/* Leave a relocation behind for the booter to add its slide to the pointer at @addr. */
static int keep(struct kx *k, uint64_t addr, struct err *e)
{
	struct macho_reloc loc = {.address = (uint32_t)(addr - k->base), .length = 3};
	const struct macho_section *s = macho_section_at(&k->m, addr);

	if (!k->rq->keep_relocs)
		return 0;
	/* the number of the section is not used, but R_ABS (0) would mean "do nothing" */
	loc.symbolnum = s ? (uint32_t)(s - k->m.sects) + 1 : 1;
	k->n_relocs++;
	return macho_put_reloc(&k->relocs, &loc, e);
}

/* What a pointer to @s slides with: nothing, if it is a constant. */
static bool slides(const struct kx_symbol *s)
{
	return s->state == KX_BOUND ||
	       (s->state == KX_DEFINED && (s->s.type & N_TYPE) == N_SECT);
}

static int fix_pcrel(struct kx *k, uint64_t addr, uint8_t *at,
		     const struct macho_reloc *r, struct err *e)
{
	int64_t disp = (int32_t)get_le32(at);
	struct kx_symbol *s;
	int rc;

	/* inside the kext, where all moves together, nothing changes */
	if (!r->is_extern)
		return 0;
	rc = symbol_of(k, r, &s, e);
	if (rc)
		return rc;
	if (r->type == X86_64_RELOC_BRANCH && !strcmp(s->s.name, PURE_VIRTUAL))
		return err_set(
			e, E_UNSUPPORTED,
			"This kext calls a pure virtual function. Make sure your kext's "
			"OSObject-derived classes implement all pure virtual functions.");
	if (is_got(r))
		disp += (int64_t)(k->got_addr + 8ull * (s->got - 1));
	else
		disp += (int64_t)s->value;
	disp -= (int64_t)(addr + k->slide + 4);
	/* a call that only runs if the symbol is there may point anywhere */
	if (disp != (int32_t)disp && (s->state != KX_WEAK || is_got(r)))
		return overflow(e);
	put_le32(at, (uint32_t)disp);
	return 0;
}

static int fix_pointer(struct kx *k, uint64_t addr, uint8_t *at,
		       const struct macho_reloc *r, struct err *e)
{
	struct kx_symbol *s;
	int rc;

	if (!r->is_extern) {
		put_le64(at, get_le64(at) + k->slide);
		return keep(k, addr, e);
	}
	rc = symbol_of(k, r, &s, e);
	if (rc)
		return rc;
	put_le64(at, get_le64(at) + s->value);
	return slides(s) ? keep(k, addr, e) : 0;
}

/*
 * What one half of a difference adds: the symbol's address, or how far the section moved.
 */
static int half(struct kx *k, const struct macho_reloc *r, uint64_t *ret, struct err *e)
{
	struct kx_symbol *s;
	int rc;

	*ret = k->slide;
	if (!r->is_extern)
		return 0;
	rc = symbol_of(k, r, &s, e);
	if (!rc)
		*ret = s->value;
	return rc;
}

static int fix_difference(struct kx *k, uint8_t *at, const struct macho_reloc *r,
			  const struct macho_reloc *second, struct err *e)
{
	uint64_t minus = 0, plus = 0, v;
	int rc;

	if (second->type != X86_64_RELOC_UNSIGNED || second->address != r->address ||
	    second->length != r->length)
		return err_set(e, E_CORRUPT, "SUBTRACTOR without its UNSIGNED");
	rc = half(k, r, &minus, e);
	if (!rc)
		rc = half(k, second, &plus, e);
	if (rc)
		return rc;
	if (r->length == 3) {
		put_le64(at, get_le64(at) + plus - minus);
		return 0;
	}
	v = (uint64_t)(int64_t)(int32_t)get_le32(at) + plus - minus;
	if ((int64_t)v != (int32_t)v)
		return overflow(e);
	put_le32(at, (uint32_t)v);
	return 0;
}

struct table {
	uint32_t off, n;
};

static int fix_one(struct kx *k, const struct table *t, uint32_t i, uint32_t *used,
		   struct err *e)
{
	struct macho_reloc r = macho_reloc(&k->m, t->off, i);
	uint64_t addr = k->base + r.address;
	uint8_t *at = kx_at(k, addr, 1u << r.length);

	*used = 1;
	if (!at)
		return err_set(e, E_CORRUPT, "relocation at 0x%x is outside the kext",
			       r.address);
	if (macho_reloc_is_pcrel(r.type) && r.pcrel && r.length == 2)
		return fix_pcrel(k, addr, at, &r, e);
	if (r.type == X86_64_RELOC_UNSIGNED && !r.pcrel && r.length == 3)
		return fix_pointer(k, addr, at, &r, e);
	if (r.type == X86_64_RELOC_SUBTRACTOR && !r.pcrel && r.length >= 2 &&
	    i + 1 < t->n) {
		struct macho_reloc second = macho_reloc(&k->m, t->off, i + 1);

		*used = 2;
		return fix_difference(k, at, &r, &second, e);
	}
	return err_set(e, E_CORRUPT,
		       "relocation of type %u, length %u at 0x%x is not for a kext",
		       r.type, 1u << r.length, r.address);
}

static int fix_table(struct kx *k, const struct table *t, struct err *e)
{
	uint32_t used = 1;

	for (uint32_t i = 0; i < t->n; i += used) {
		int r = fix_one(k, t, i, &used, e);

		if (r)
			return r;
	}
	return 0;
}

static int count_got_in(struct kx *k, const struct table *t, struct err *e)
{
	for (uint32_t i = 0; i < t->n; i++) {
		struct macho_reloc r = macho_reloc(&k->m, t->off, i);
		struct kx_symbol *s;
		int rc;

		if (!is_got(&r))
			continue;
		if (!r.is_extern)
			return err_set(e, E_CORRUPT, "GOT relocation without a symbol");
		rc = symbol_of(k, &r, &s, e);
		if (rc)
			return rc;
		if (!s->got)
			s->got = ++k->n_got;
	}
	return 0;
}

int kx_count_got(struct kx *k, struct err *e)
{
	const struct table ext = {k->m.dysym.extreloff, k->m.dysym.nextrel};
	const struct table loc = {k->m.dysym.locreloff, k->m.dysym.nlocrel};
	int r = count_got_in(k, &ext, e);

	return r ? r : count_got_in(k, &loc, e);
}

/* Slots of __kxld_got. They lie behind the segments of the file, at code_end. */
static int fill_got(struct kx *k, struct err *e)
{
	for (uint32_t i = 0; i < k->m.nsyms; i++) {
		const struct kx_symbol *s = &k->sym[i];
		uint64_t at = k->code_end + 8ull * (s->got - 1);
		int r = 0;

		if (!s->got)
			continue;
		put_le64(k->image.data + at, s->value);
		if (slides(s))
			r = keep(k, k->base + at, e);
		if (r)
			return r;
	}
	return 0;
}

/* Slots of a __nl_symbol_ptr section get the values that the indirect table names. */
static int fill_pointers(struct kx *k, const struct macho_section *sect, struct err *e)
{
	for (uint64_t i = 0; i < sect->size / 8; i++) {
		const struct macho_dysymtab *d = &k->m.dysym;
		struct macho_reloc r = {.is_extern = true};
		uint64_t addr = sect->addr + 8 * i;
		uint8_t *at = kx_at(k, addr, 8);
		struct kx_symbol *s;
		uint32_t index;
		int rc;

		if (!at || sect->reserved1 > d->nindirect ||
		    i >= d->nindirect - sect->reserved1)
			return err_set(e, E_CORRUPT,
				       "%s,%s: indirect symbols are missing",
				       sect->segname, sect->name);
		index = get_le32(k->m.data + d->indirectoff + 4 * (sect->reserved1 + i));
		if (index & (INDIRECT_SYMBOL_LOCAL | INDIRECT_SYMBOL_ABS))
			continue; /* has a relocation like any pointer */
		r.symbolnum = index;
		rc = symbol_of(k, &r, &s, e);
		if (rc)
			return rc;
		put_le64(at, s->value);
		rc = slides(s) ? keep(k, addr, e) : 0;
		if (rc)
			return rc;
	}
	return 0;
}

int kx_relocate(struct kx *k, struct err *e)
{
	const struct table ext = {k->m.dysym.extreloff, k->m.dysym.nextrel};
	const struct table loc = {k->m.dysym.locreloff, k->m.dysym.nlocrel};
	int r = fix_table(k, &ext, e);

	if (!r)
		r = fix_table(k, &loc, e);
	for (unsigned i = 0; !r && i < k->m.nsects; i++)
		if ((k->m.sects[i].flags & SECTION_TYPE) == S_NON_LAZY_SYMBOL_POINTERS)
			r = fill_pointers(k, &k->m.sects[i], e);
	if (!r)
		r = fill_got(k, e);
	return r;
}
