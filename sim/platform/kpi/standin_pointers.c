/* SPDX-License-Identifier: MIT */
/*
 * Pointers of the stand-in kernel. A vtable is two words of zero (the kernel is without
 * run-time type information), a function in each slot, and NULL; kxld finds its end and
 * the functions' names by that. superClass and metaClass of a class lead to metaclass
 * objects, which are filled at run time and so are zeros here.
 */
#include <stdio.h>
#include <string.h>

#include "sim/platform/kpi/standin_internal.h"

#define WORD	    8
#define HEADER_SIZE (2 * WORD)

int standin_index_vtables(struct kernel *k, struct err *e)
{
	const struct kpi_vtables *t = &k->table->vtables;
	int r = 0;

	for (size_t i = 0; !r && i < t->n; i++)
		r = symdict_set(&k->vtables, t->row[i].symbol, i, 0, e);
	return r;
}

uint64_t standin_vtable_size(const struct kernel *k, const char *symbol)
{
	const struct symdict_entry *s = symdict_get(&k->vtables, symbol);
	uint64_t size;

	if (!s)
		return 0;
	size = HEADER_SIZE +
	       WORD * ((uint64_t)k->table->vtables.row[s->value].n_slots + 1);
	return (size + STANDIN_SLOT - 1) & ~(uint64_t)(STANDIN_SLOT - 1);
}

static const struct placed *find(const struct kernel *k, const char *name)
{
	const struct symdict_entry *s = symdict_get(&k->names, name);

	return s ? &k->placed[s->value] : NULL;
}

/*
 * From where the addresses of relocations count: the first segment; for an executable of
 * x86_64 the first that is written to.
 */
static uint64_t reloc_base(const struct kernel *k)
{
	return k->seg[k->cpu->cpu == MACHO_X86_64 ? SEG_DATA : SEG_TEXT].vmaddr;
}

/* At @off in section @sect a pointer to @to, and what is needed to move either. */
static int put_pointer(struct kernel *k, enum sect sect, uint64_t off,
		       const struct placed *to, struct err *e)
{
	const struct macho_section *s = &k->sect[sect];
	const struct macho_reloc r = {
		.address = (uint32_t)(s->addr + off - reloc_base(k)),
		.symbolnum = to->sect + 1u,
		.length = 3,
	};
	const struct split_ref ref = {
		.from = sect + 1u,
		.from_offset = off,
		.to = to->sect + 1u,
		.to_offset = to->off,
		.kind = SPLIT_POINTER_64,
	};
	int rc;

	put_le64(k->file.data + s->offset + off, standin_address(k, to));
	k->n_relocs++;
	rc = macho_put_reloc(&k->relocs, &r, e);
	return rc || k->prelink ? rc : split_refs_add(&k->refs, &ref, e);
}

static int put_vtable(struct kernel *k, const struct kpi_vtable *v, struct err *e)
{
	const struct placed *p = find(k, v->symbol);
	int r = 0;

	if (!p)
		return err_set(e, E_CORRUPT, "kernel_symbols.tsv lacks %s", v->symbol);
	for (uint32_t i = 0; !r && i < v->n_slots; i++) {
		const struct placed *to = find(k, v->slot[i]);

		if (!to)
			return err_set(e, E_CORRUPT, "kernel_symbols.tsv lacks %s, of %s",
				       v->slot[i], v->symbol);
		r = put_pointer(k, p->sect, p->off + HEADER_SIZE + WORD * i, to, e);
	}
	return r;
}

/* The member @member of class @v leads to the metaclass object of @to. */
static int put_class_pointer(struct kernel *k, const struct kpi_vtable *v,
			     const char *member, const struct kpi_vtable *to,
			     struct err *e)
{
	const struct placed *from, *target;
	char name[512], meta[512];

	snprintf(name, sizeof(name), "__ZN%s%s", kpi_vtable_mangled(v), member);
	snprintf(meta, sizeof(meta), "__ZN%s10gMetaClassE", kpi_vtable_mangled(to));
	from = find(k, name);
	target = find(k, meta);
	if (!from || !target || macho_is_zerofill(&k->sect[from->sect]))
		return 0;
	return put_pointer(k, from->sect, from->off, target, e);
}

int standin_put_pointers(struct kernel *k, struct err *e)
{
	const struct kpi_vtables *t = &k->table->vtables;
	int r = 0;

	for (size_t i = 0; !r && i < t->n; i++) {
		const struct kpi_vtable *v = &t->row[i];

		r = put_vtable(k, v, e);
		if (r || v->kind != KPI_VTABLE_OBJECT)
			continue;
		r = put_class_pointer(k, v, "9metaClassE", v, e);
		if (!r && v->parent)
			r = put_class_pointer(k, v, "10superClassE", v->parent, e);
	}
	return r;
}
