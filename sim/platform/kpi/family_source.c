/* SPDX-License-Identifier: MIT */
/* The executable of a stand-in of a family, as source for the assembler. */
#include <stdlib.h>
#include <string.h>

#include "sim/formats/macho/kxld_names.h"
#include "sim/formats/macho/raw.h"
#include "sim/platform/kpi/family_internal.h"

struct source {
	const struct kpi_families *f;
	const char *id;
	struct symdict own; /* names that are defined already */
	struct buf *out;
};

static bool ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), t = strlen(tail);

	return n >= t && !strcmp(s + n - t, tail);
}

/* Of C++ only functions have arguments. */
static bool is_function(const char *name)
{
	char *room = NULL;
	bool yes = strncmp(name, "__Z", 3) != 0 || strchr(kxn_demangle(name, &room), '(');

	free(room);
	return yes;
}

/* Vtables and pointers to metaclasses come with their class. */
static bool is_class_data(const char *name)
{
	return kxn_is_vtable(name) || ends_with(name, "10superClassE") ||
	       ends_with(name, "9metaClassE");
}

static int put_function(struct source *s, const char *name, bool global, struct err *e)
{
	return buf_printf(
		s->out, e, "%s%s%s\t.p2align 4\n%s:\n\txorl %%eax, %%eax\n\tretq\n",
		global ? "\t.globl " : "", global ? name : "", global ? "\n" : "", name);
}

static int put_symbol(struct source *s, const char *name, struct err *e)
{
	if (is_class_data(name))
		return 0;
	if (is_function(name))
		return put_function(s, name, true, e);
	return buf_printf(s->out, e, "\t.globl %s\n\t.zerofill __DATA,__common,%s,16,4\n",
			  name, name);
}

/* Lines behind "@id" in the table of symbols, to the next such. */
static int put_symbols(struct source *s, struct err *e)
{
	const char *line = (const char *)s->f->symbols.data;
	const char *end = line + s->f->symbols.len;
	bool mine = false;
	int r = 0;

	for (; !r && line < end; line += strlen(line) + 1) {
		if (*line == '@')
			mine = !strcmp(line + 1, s->id);
		if (!mine || !*line || *line == '@' || *line == '#')
			continue;
		r = put_symbol(s, line, e);
		if (!r)
			r = symdict_set(&s->own, line, 1, 0, e);
	}
	return r;
}

/* Functions of a vtable that have no name for others. */
static int put_local_slots(struct source *s, const struct kpi_vtable *v, struct err *e)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < v->n_slots; i++) {
		const char *name = v->slot[i];

		if (symdict_get(&s->own, name) || symdict_get(&s->f->kernel_names, name))
			continue;
		r = put_function(s, name, false, e);
		if (!r)
			r = symdict_set(&s->own, name, 1, 0, e);
	}
	return r;
}

static int put_vtable(struct source *s, const struct kpi_vtable *v, struct err *e)
{
	int r = buf_printf(s->out, e, "\t.globl %s\n\t.p2align 4\n%s:\n\t.quad 0, 0\n",
			   v->symbol, v->symbol);

	for (uint32_t i = 0; !r && i < v->n_slots; i++)
		r = buf_printf(s->out, e, "\t.quad %s\n", v->slot[i]);
	return r ? r : buf_printf(s->out, e, "\t.quad 0\n");
}

static int put_class_pointer(struct source *s, const struct kpi_vtable *v,
			     const char *member, const struct kpi_vtable *to,
			     struct err *e)
{
	const char *c = kpi_vtable_mangled(v);

	return buf_printf(s->out, e,
			  "\t.globl __ZN%s%s\n\t.p2align 3\n__ZN%s%s:\n"
			  "\t.quad __ZN%s10gMetaClassE\n",
			  c, member, c, member, kpi_vtable_mangled(to));
}

static int put_class(struct source *s, const struct kpi_vtable *v, struct err *e)
{
	int r = put_vtable(s, v, e);

	if (r || v->kind != KPI_VTABLE_OBJECT)
		return r;
	r = put_class_pointer(s, v, "9metaClassE", v, e);
	return r || !v->parent ? r
			       : put_class_pointer(s, v, "10superClassE", v->parent, e);
}

static int each_vtable(struct source *s,
		       int (*put)(struct source *, const struct kpi_vtable *,
				  struct err *),
		       struct err *e)
{
	const struct kpi_vtables *t = &s->f->vtables;
	int r = 0;

	for (size_t i = 0; !r && i < t->n; i++)
		if (t->row[i].bundle && !strcmp(t->row[i].bundle, s->id))
			r = put(s, &t->row[i], e);
	return r;
}

static int put_kmod_info(struct source *s, const struct family_bundle *b, struct err *e)
{
	return buf_printf(s->out, e,
			  "\t.section __DATA,__data\n\t.globl _kmod_info\n\t.p2align 3\n"
			  "_kmod_info:\n\t.quad 0\n\t.long 1, 0\n"
			  "\t.asciz \"%s\"\n\t.space %d - %zu\n"
			  "\t.asciz \"%s\"\n\t.space %d - %zu\n"
			  "\t.long 0\n\t.quad 0, 0, 0, 0, standin_start, standin_start\n"
			  "\t.section __TEXT,__cstring,cstring_literals\n"
			  "\t.asciz \"%s %s, " FAMILY_STAND_IN "\"\n",
			  b->id, KMOD_NAME_LEN, strlen(b->id) + 1, b->version,
			  KMOD_NAME_LEN, strlen(b->version) + 1, b->id, b->version);
}

int kpi_family_source(const struct kpi_families *f, const char *id, struct buf *out,
		      struct err *e)
{
	struct source s = {.f = f, .id = id, .out = out};
	struct family_bundle b;
	int r = family_bundle(f, id, &b, e);

	if (!r)
		r = buf_printf(out, e,
			       "\t.section __TEXT,__text,regular,pure_instructions\n");
	if (!r)
		r = put_function(&s, "standin_start", false, e);
	if (!r)
		r = put_symbols(&s, e);
	if (!r)
		r = each_vtable(&s, put_local_slots, e);
	if (!r)
		r = buf_printf(out, e, "\t.section __DATA,__const\n");
	if (!r)
		r = each_vtable(&s, put_class, e);
	if (!r)
		r = put_kmod_info(&s, &b, e);
	symdict_release(&s.own);
	return r;
}
