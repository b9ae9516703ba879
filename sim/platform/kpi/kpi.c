/* SPDX-License-Identifier: MIT */
#include "sim/platform/kpi/kpi.h"

#include <stdlib.h>
#include <string.h>

#include "sim/platform/kpi/tables.h"

#define SYMBOL_COLUMNS 6
#define BUNDLE_COLUMNS 12
#define PLIST_PREFIX   "config/System.kext/"

#define TABLE(darwin, v)                                                                 \
	{                                                                                \
		darwin, kpi_##v##_symbols, kpi_##v##_symbols_end, kpi_##v##_bundles,     \
			kpi_##v##_bundles_end, kpi_##v##_vtables, kpi_##v##_vtables_end  \
	}

/*
 * Kernels of one Darwin major version share their KPI. @darwin is the version that the
 * rows of bundles.tsv have; of another one with that major version they get its own.
 */
static const struct {
	const char *darwin;
	const char *symbols, *symbols_end, *bundles, *bundles_end, *vtables, *vtables_end;
} tables[] = {
	TABLE("19.0.0", 10_15_0),
	TABLE("20.1.0", 11_0_1),
	TABLE("21.2.0", 12_1),
};

/* Do both begin with the same number? */
static bool same_major(const char *a, const char *b)
{
	size_t n = strcspn(a, ".");

	return n == strcspn(b, ".") && !strncmp(a, b, n);
}

static const char *or_null(const char *field)
{
	return strcmp(field, "-") ? field : NULL;
}

/* Split @line at its tabs; false unless it has exactly @n fields. */
static bool split(char *line, char **field, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		field[i] = line ? strsep(&line, "\t") : NULL;
		if (!field[i])
			return false;
	}
	return !line;
}

static int add_symbol(struct kpi_table *t, char *line, struct err *e)
{
	char *f[SYMBOL_COLUMNS];

	if (!split(line, f, SYMBOL_COLUMNS))
		return err_set(e, E_CORRUPT, "kernel_symbols.tsv: bad row '%s'", line);
	t->sym[t->n_syms++] = (struct kpi_symbol){
		.name = f[0],
		.binding = f[1][0],
		.section = f[2],
		.kpis = f[4],
		.alias_of = or_null(f[5]),
	};
	return 0;
}

static int add_bundle(struct kpi_table *t, char *line, struct err *e)
{
	char *f[BUNDLE_COLUMNS];

	if (!split(line, f, BUNDLE_COLUMNS) ||
	    strncmp(f[3], PLIST_PREFIX, strlen(PLIST_PREFIX)) != 0)
		return err_set(e, E_CORRUPT, "bundles.tsv: bad row '%s'", line);
	t->bundle[t->n_bundles++] = (struct kpi_bundle){
		.id = f[0],
		.version = f[1],
		.compatible = or_null(f[2]),
		.plist = f[3] + strlen(PLIST_PREFIX),
		.executable = or_null(f[4]),
		.required = f[5],
		.name = f[8],
	};
	return 0;
}

/* Give each line of @text to @add; lines that start with # are headings. */
static int each_line(struct kpi_table *t, char *text,
		     int (*add)(struct kpi_table *, char *, struct err *), struct err *e)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		int r = *line && *line != '#' ? add(t, line, e) : 0;

		if (r)
			return r;
	}
	return 0;
}

static size_t count_lines(const char *p, const char *end)
{
	size_t n = 1;

	for (; p < end; p++)
		n += *p == '\n';
	return n;
}

/* The versions of bundles that are the kernel's. */
static int set_versions(struct kpi_table *t, const char *from, const char *darwin,
			struct err *e)
{
	t->darwin = strdup(darwin);
	if (!t->darwin)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < t->n_bundles; i++) {
		struct kpi_bundle *b = &t->bundle[i];

		if (!strcmp(b->version, from))
			b->version = t->darwin;
		if (b->compatible && !strcmp(b->compatible, from))
			b->compatible = t->darwin;
	}
	return 0;
}

static int load(struct kpi_table *t, size_t which, const char *darwin, struct err *e)
{
	const char *s = tables[which].symbols, *b = tables[which].bundles;
	size_t slen = (size_t)(tables[which].symbols_end - s);
	size_t blen = (size_t)(tables[which].bundles_end - b);
	int r;

	t->text = malloc(slen + blen + 2);
	t->sym = calloc(count_lines(s, s + slen), sizeof(*t->sym));
	t->bundle = calloc(count_lines(b, b + blen), sizeof(*t->bundle));
	if (!t->text || !t->sym || !t->bundle)
		return err_set(e, E_NOMEM, "out of memory");
	memcpy(t->text, s, slen);
	t->text[slen] = '\0';
	memcpy(t->text + slen + 1, b, blen);
	t->text[slen + 1 + blen] = '\0';
	r = each_line(t, t->text, add_symbol, e);
	if (!r)
		r = each_line(t, t->text + slen + 1, add_bundle, e);
	if (!r)
		r = kpi_vtables_read(
			tables[which].vtables,
			(size_t)(tables[which].vtables_end - tables[which].vtables), NULL,
			&t->vtables, e);
	return r ? r : set_versions(t, tables[which].darwin, darwin, e);
}

static void free_table(struct kpi_table *t)
{
	free(t->text);
	free(t->darwin);
	free(t->sym);
	free(t->bundle);
	kpi_vtables_release(&t->vtables);
	free(t);
}

static int read_table(const char *darwin, struct kpi_table **ret, struct err *e)
{
	size_t i = 0, n = sizeof(tables) / sizeof(tables[0]);
	struct kpi_table *t;
	int r;

	while (i < n && !same_major(darwin, tables[i].darwin))
		i++;
	if (i == n)
		return err_set(e, E_NOTFOUND, "no KPI tables for Darwin %s", darwin);
	t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(e, E_NOMEM, "out of memory");
	r = load(t, i, darwin, e);
	if (r)
		free_table(t);
	else
		*ret = t;
	return r;
}

int kpi_table_of(const char *darwin, const struct kpi_table **ret, struct err *e)
{
	static struct kpi_table *known;
	struct kpi_table *t = known;
	int r;

	while (t && strcmp(t->darwin, darwin))
		t = t->next;
	if (!t) {
		r = read_table(darwin, &t, e);
		if (r)
			return r;
		t->next = known;
		known = t;
	}
	*ret = t;
	return 0;
}

bool kpi_exports(const struct kpi_symbol *s, const char *id)
{
	static const char prefix[] = "com.apple.kpi.";
	const char *p = s->kpis;
	size_t len;

	if (strncmp(id, prefix, strlen(prefix)) != 0)
		return false;
	id += strlen(prefix);
	for (len = strlen(id); *p; p += *p == ',') {
		size_t n = strcspn(p, ",");

		if (n == len && !strncmp(p, id, n))
			return true;
		p += n;
	}
	return false;
}
