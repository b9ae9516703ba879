/* SPDX-License-Identifier: MIT */
#include "sim/platform/kpi/vtables.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS	    6 /* a table of families has the bundle as the seventh */
#define SLOTS_MAX   4096
#define VTABLE_NAME "__ZTV"

void kpi_vtables_release(struct kpi_vtables *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->row[i].slot);
	free(t->row);
	free(t->text);
	symdict_release(&t->classes);
	memset(t, 0, sizeof(*t));
}

const struct kpi_vtable *kpi_vtable_of(const struct kpi_vtables *t,
				       const char *class_name)
{
	const struct symdict_entry *s = symdict_get(&t->classes, class_name);

	if (s)
		return &t->row[s->value];
	return t->base ? kpi_vtable_of(t->base, class_name) : NULL;
}

const char *kpi_vtable_mangled(const struct kpi_vtable *v)
{
	return v->symbol + strlen(VTABLE_NAME);
}

/* Of each field of a row, in the table's order. */
enum field { F_CLASS, F_PARENT, F_KIND, F_SYMBOL, F_COUNT, F_SLOTS, F_BUNDLE, N_FIELDS };

static bool split(char *line, char *field[N_FIELDS])
{
	for (int i = 0; i < N_FIELDS; i++)
		field[i] = line ? strsep(&line, "\t") : NULL;
	return field[COLUMNS - 1] && !line;
}

static bool kind_of(const char *word, enum kpi_vtable_kind *ret)
{
	static const char *const words[] = {
		[KPI_VTABLE_OBJECT] = "object",
		[KPI_VTABLE_META] = "meta",
		[KPI_VTABLE_PLAIN] = "plain",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i], word)) {
			*ret = (enum kpi_vtable_kind)i;
			return true;
		}
	return false;
}

/* The parent's slots, then the row's words over them; none may be left open. */
static bool fill_slots(struct kpi_vtable *v, char *words)
{
	char *word, *end;
	size_t at = 0;

	for (uint32_t i = 0; v->parent && i < v->parent->n_slots && i < v->n_slots; i++)
		v->slot[i] = v->parent->slot[i];
	while ((word = strsep(&words, " "))) {
		unsigned long n = strtoul(word, &end, 10);

		if (!*word)
			continue;
		if (!*end)
			at = n;
		else if (at < v->n_slots)
			v->slot[at++] = word;
		else
			return false;
	}
	for (uint32_t i = 0; i < v->n_slots; i++)
		if (!v->slot[i])
			return false;
	return true;
}

static int add_row(struct kpi_vtables *t, char *field[N_FIELDS], struct err *e)
{
	struct kpi_vtable *v = &t->row[t->n];
	unsigned long n = strtoul(field[F_COUNT], NULL, 10);
	const bool root = !strcmp(field[F_PARENT], "-");

	*v = (struct kpi_vtable){
		.class_name = field[F_CLASS],
		.symbol = field[F_SYMBOL],
		.parent = root ? NULL : kpi_vtable_of(t, field[F_PARENT]),
		.n_slots = (uint32_t)n,
		.bundle = field[F_BUNDLE],
	};
	if (!kind_of(field[F_KIND], &v->kind) || !n || n > SLOTS_MAX ||
	    (!root && !v->parent) ||
	    strncmp(v->symbol, VTABLE_NAME, strlen(VTABLE_NAME)) != 0)
		return err_set(e, E_CORRUPT, "vtables.tsv: bad row of class %s",
			       field[F_CLASS]);
	v->slot = calloc(n, sizeof(*v->slot));
	if (!v->slot)
		return err_set(e, E_NOMEM, "out of memory");
	t->n++;
	if (!fill_slots(v, field[F_SLOTS]))
		return err_set(e, E_CORRUPT, "vtables.tsv: slots of %s", v->symbol);
	return v->kind != KPI_VTABLE_OBJECT
		       ? 0
		       : symdict_set(&t->classes, v->class_name, t->n - 1, 0, e);
}

static int read_rows(struct kpi_vtables *t, struct err *e)
{
	char *rest = t->text, *line;
	size_t lines = 1;

	for (const char *p = t->text; *p; p++)
		lines += *p == '\n';
	t->row =
		calloc(lines, sizeof(*t->row)); /* rows point to each other: no growing */
	if (!t->row)
		return err_set(e, E_NOMEM, "out of memory");
	while ((line = strsep(&rest, "\n"))) {
		char *field[N_FIELDS];
		int r;

		if (!*line || *line == '#')
			continue;
		if (!split(line, field))
			return err_set(e, E_CORRUPT, "vtables.tsv: bad row '%s'", line);
		r = add_row(t, field, e);
		if (r)
			return r;
	}
	return 0;
}

int kpi_vtables_read(const char *text, size_t len, const struct kpi_vtables *base,
		     struct kpi_vtables *t, struct err *e)
{
	int r;

	*t = (struct kpi_vtables){.text = strndup(text, len), .base = base};
	if (!t->text)
		return err_set(e, E_NOMEM, "out of memory");
	r = read_rows(t, e);
	if (r)
		kpi_vtables_release(t);
	return r;
}
