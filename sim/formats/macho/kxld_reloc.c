/* SPDX-License-Identifier: MIT */
/* Relocations of a kext (xnu libkern/kxld/kxld_reloc.c): the tables, and x86_64. */
#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/macho/internal.h"
#include "sim/formats/macho/kxld_internal.h"

bool kx_is_got(const struct kx *k, const struct macho_reloc *r)
{
	if (k->m.arch == macho_arch(MACHO_ARM64E))
		return r->type == ARM64_RELOC_GOT_LOAD_PAGE21 ||
		       r->type == ARM64_RELOC_GOT_LOAD_PAGEOFF12;
	return r->type == X86_64_RELOC_GOT || r->type == X86_64_RELOC_GOT_LOAD;
}

int kx_overflow(struct err *e)
{
	return err_set(
		e, E_OVERFLOW,
		"A relocation entry has overflowed. The kext may be too far from one of "
		"its dependencies. Check your kext's load address.");
}

/* NULL when there is no such symbol. */
static struct kx_symbol *any_symbol(struct kx *k, const struct macho_reloc *r,
				    struct err *e)
{
	if (r->symbolnum < k->n_sym)
		return &k->sym[r->symbolnum];
	err_set(e, E_CORRUPT, "relocation against symbol %u of %u", r->symbolnum,
		k->n_sym);
	return NULL;
}

/*
 * All patched vtables have lost the slot @s, so this is of one that was not found. The
 * link goes on: kxld calls it a warning, and logs it as an error.
 */
static void still_used(const struct kx *k, const struct kx_symbol *s)
{
	char *room = NULL;

	clog_say(k->rq->log, CLOG_ERROR,
		 "kxld[%s]: Warning: relocation failed because some class in this kext "
		 "didn't use the OSDeclareDefaultStructors and "
		 "OSDefineMetaClassAndStructors, or didn't export all vtable symbols, so "
		 "it still references %s, which has been patched with another symbol for "
		 "binary compatibility. Please make sure all classes that inherit from "
		 "OSObject use these macros.",
		 k->rq->name, kxn_demangle(s->s.name, &room));
	free(room);
}

int kx_symbol_of(struct kx *k, const struct macho_reloc *r, struct kx_symbol **ret,
		 struct err *e)
{
	struct kx_symbol *s = any_symbol(k, r, e);

	if (!s)
		return -(int)E_CORRUPT;
	if (s->replaced && kxn_is_padslot(s->s.name))
		still_used(k, s);
	if (s->state == KX_SKIPPED || (s->state == KX_UNRESOLVED && !s->replaced))
		return err_set(e, E_CORRUPT, "relocation against symbol %s", s->s.name);
	*ret = s;
	return 0;
}

/* Leave a relocation behind for the kernel to add its slide to the pointer at @addr. */
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

/*
 * Does a pointer to @s get a relocation? Of kxld each one does, also what points to a
 * constant (0xF00DD00D): it expects that all moves together. The chains of a collection
 * have no way to say that.
 */
static bool slides(const struct kx *k, const struct kx_symbol *s)
{
	return !k->rq->collection || s->state == KX_BOUND ||
	       (s->state == KX_DEFINED && (s->s.type & N_TYPE) == N_SECT);
}

/*
 * A reference into a vtable is a direct call of the function in that slot (clang
 * -fapple-kext); @offset is where it lies.
 */
static int check_pure_virtual(struct kx *k, const struct kx_symbol *s, uint64_t offset,
			      struct err *e)
{
	struct kx_vtable *v = NULL;
	int r;

	if (!s->s.name || !kxn_is_vtable(s->s.name) || k->rq->kernel)
		return 0;
	r = kx_vtable_patched(k, s->s.name, &v, e);
	if (r || !v || offset < KX_VTABLE_HEADER || offset % 8)
		return r;
	offset = (offset - KX_VTABLE_HEADER) / 8;
	if (offset >= v->n || !v->slot[offset].name ||
	    !kxn_is_pure_virtual(v->slot[offset].name))
		return 0;
	return kx_error(k, E_UNSUPPORTED,
			"This kext calls a pure virtual function. Make sure your kext's "
			"OSObject-derived classes implement all pure virtual functions.");
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
	rc = kx_symbol_of(k, r, &s, e);
	if (rc)
		return rc;
	rc = check_pure_virtual(k, s, (uint64_t)disp, e);
	if (rc)
		return rc;
	if (kx_is_got(k, r))
		disp += (int64_t)(k->got_addr + 8ull * (s->got - 1));
	else
		disp += (int64_t)s->value;
	disp -= (int64_t)(addr + kx_slide_at(k, addr) + 4);
	/* a call that only runs if the symbol is there may point anywhere */
	if (disp != (int32_t)disp && (s->state != KX_WEAK || kx_is_got(k, r)))
		return kx_overflow(e);
	put_le32(at, (uint32_t)disp);
	return 0;
}

static int fix_pointer(struct kx *k, uint64_t addr, uint8_t *at,
		       const struct macho_reloc *r, struct err *e)
{
	struct kx_symbol *s;
	uint64_t slide;
	int rc;

	if (!r->is_extern) {
		rc = kx_section_slide(k, r->symbolnum, &slide, e);
		put_le64(at, get_le64(at) + slide);
		return rc ? rc : keep(k, addr, e);
	}
	rc = kx_symbol_of(k, r, &s, e);
	if (!rc)
		rc = check_pure_virtual(k, s, get_le64(at), e);
	if (rc)
		return rc;
	put_le64(at, get_le64(at) + s->value);
	return slides(k, s) ? keep(k, addr, e) : 0;
}

/*
 * What one half of a difference adds: the symbol's address, or how far the section moved.
 */
static int half(struct kx *k, const struct macho_reloc *r, uint64_t *ret, struct err *e)
{
	struct kx_symbol *s;
	int rc;

	*ret = 0;
	if (!r->is_extern)
		return kx_section_slide(k, r->symbolnum, ret, e);
	rc = kx_symbol_of(k, r, &s, e);
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
		return kx_overflow(e);
	put_le32(at, (uint32_t)v);
	return 0;
}

struct table {
	uint32_t off, n;
	const uint32_t
		*target; /* symbols to use in place of those of the table; or NULL */
};

#define NO_RELOC 0xff /* no type of a relocation is so large */

/* Relocation @i of @t at work. */
struct place {
	struct macho_reloc r, second; /* second: what follows, or no relocation at all */
	uint64_t addr;
	uint8_t *at;
};

static int unknown(const struct macho_reloc *r, struct err *e)
{
	return err_set(e, E_CORRUPT,
		       "relocation of type %u, length %u at 0x%x is not for a kext",
		       r->type, 1u << r->length, r->address);
}

static int fix_x86_64(struct kx *k, const struct place *p, uint32_t *used, struct err *e)
{
	const struct macho_reloc *r = &p->r;

	if (macho_reloc_is_pcrel(r->type) && r->pcrel && r->length == 2)
		return fix_pcrel(k, p->addr, p->at, r, e);
	if (r->type == X86_64_RELOC_UNSIGNED && !r->pcrel && r->length == 3)
		return fix_pointer(k, p->addr, p->at, r, e);
	if (r->type == X86_64_RELOC_SUBTRACTOR && !r->pcrel && r->length >= 2 &&
	    p->second.type != NO_RELOC) {
		*used = 2;
		return fix_difference(k, p->at, r, &p->second, e);
	}
	return unknown(r, e);
}

static int fix_arm64(struct kx *k, const struct place *p, uint32_t *used, struct err *e)
{
	const struct macho_reloc *r = &p->r;

	if (r->type == ARM64_RELOC_UNSIGNED && !r->pcrel && r->length == 3)
		return fix_pointer(k, p->addr, p->at, r, e);
	if (r->type != ARM64_RELOC_ADDEND)
		return kx_fix_arm64(k, p->addr, p->at, r, NULL, e);
	*used = 2;
	if (p->second.type == NO_RELOC || p->second.address != r->address)
		return unknown(r, e);
	return kx_fix_arm64(k, p->addr, p->at, &p->second, r, e);
}

static int fix_one(struct kx *k, const struct table *t, uint32_t i, uint32_t *used,
		   struct err *e)
{
	struct place p = {
		.r = macho_reloc(&k->m, t->off, i),
		.second = {.type = NO_RELOC},
	};

	if (t->target && p.r.is_extern)
		p.r.symbolnum = t->target[i];
	*used = 1;
	p.addr = k->reloc_base + p.r.address;
	p.at = kx_at(k, p.addr, 1u << p.r.length);
	if (!p.at)
		return err_set(e, E_CORRUPT, "relocation at 0x%x is outside the kext",
			       p.r.address);
	if (i + 1 < t->n)
		p.second = macho_reloc(&k->m, t->off, i + 1);
	return k->m.arch == macho_arch(MACHO_ARM64E) ? fix_arm64(k, &p, used, e)
						     : fix_x86_64(k, &p, used, e);
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

		if (!kx_is_got(k, &r))
			continue;
		if (!r.is_extern)
			return err_set(e, E_CORRUPT, "GOT relocation without a symbol");
		s = any_symbol(k, &r, e);
		if (!s)
			return -(int)E_CORRUPT;
		if (!s->got)
			s->got = ++k->n_got;
	}
	return 0;
}

int kx_count_got(struct kx *k, struct err *e)
{
	const struct table ext = {k->m.dysym.extreloff, k->m.dysym.nextrel, NULL};
	const struct table loc = {k->m.dysym.locreloff, k->m.dysym.nlocrel, NULL};
	int r = count_got_in(k, &ext, e);

	return r ? r : count_got_in(k, &loc, e);
}

/* Slots of __kxld_got. They lie behind the segments of the file, at code_end. */
static int fill_got(struct kx *k, struct err *e)
{
	for (uint32_t i = 0; i < k->m.nsyms; i++) {
		const struct kx_symbol *s = &k->sym[i];
		uint64_t at = k->code_end + 8ull * (s->got - 1);
		int r;

		if (!s->got)
			continue;
		put_le64(k->image.data + at, s->value);
		r = slides(k, s) ? keep(k, k->base + at, e) : 0;
		if (r)
			return r;
	}
	return 0;
}

/* By its name, as in kxld: pointers of other sections (__got) have relocations. */
static bool is_symbol_pointers(const struct macho_section *s)
{
	return !strcmp(s->segname, "__DATA") && !strcmp(s->name, "__nl_symbol_ptr") &&
	       (s->flags & SECTION_TYPE) == S_NON_LAZY_SYMBOL_POINTERS;
}

/* The slot at @addr, whose entry in the indirect symbol table is @index. */
static int fill_pointer(struct kx *k, uint64_t addr, uint8_t *at, uint32_t index,
			struct err *e)
{
	struct macho_reloc r = {.is_extern = true, .symbolnum = index};
	struct kx_symbol *s;
	int rc;

	if (index & INDIRECT_SYMBOL_LOCAL) { /* a place in the kext, or a constant */
		if (index & INDIRECT_SYMBOL_ABS)
			return 0;
		put_le64(at, get_le64(at) + kx_slide_at(k, get_le64(at)));
		return keep(k, addr, e);
	}
	rc = kx_symbol_of(k, &r, &s, e);
	if (rc)
		return rc;
	put_le64(at, s->value);
	return slides(k, s) ? keep(k, addr, e) : 0;
}

/* Slots of a __nl_symbol_ptr section get the values that the indirect table names. */
static int fill_pointers(struct kx *k, const struct macho_section *sect, struct err *e)
{
	const struct macho_dysymtab *d = &k->m.dysym;

	for (uint64_t i = 0; i < sect->size / 8; i++) {
		uint64_t addr = sect->addr + 8 * i;
		uint8_t *at = kx_at(k, addr, 8);
		const uint8_t *index;
		int r;

		if (!at || sect->reserved1 > d->nindirect ||
		    i >= d->nindirect - sect->reserved1)
			return err_set(e, E_CORRUPT,
				       "%s,%s: indirect symbols are missing",
				       sect->segname, sect->name);
		index = k->m.data + d->indirectoff + 4 * (sect->reserved1 + i);
		r = fill_pointer(k, addr, at, get_le32(index), e);
		if (r)
			return r;
	}
	return 0;
}

int kx_relocate(struct kx *k, struct err *e)
{
	const struct table ext = {k->m.dysym.extreloff, k->m.dysym.nextrel, k->target};
	const struct table loc = {k->m.dysym.locreloff, k->m.dysym.nlocrel, NULL};
	int r = fix_table(k, &ext, e);

	if (!r)
		r = fix_table(k, &loc, e);
	for (unsigned i = 0; !r && i < k->m.nsects; i++)
		if (is_symbol_pointers(&k->m.sects[i]))
			r = fill_pointers(k, &k->m.sects[i], e);
	if (!r)
		r = fill_got(k, e);
	return r;
}
