/* SPDX-License-Identifier: MIT */
#include "sim/platform/kpi/family.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/formats/macho/kxld_names.h"
#include "sim/formats/macho/raw.h"

#define TABLE_MAX (4u << 20)

void kpi_families_release(struct kpi_families *f)
{
	kpi_vtables_release(&f->vtables);
	symdict_release(&f->kernel_names);
	buf_release(&f->symbols);
	buf_release(&f->bundles);
	kpi_table_free(f->kernel);
	memset(f, 0, sizeof(*f));
}

static int read_table(const char *folder, const char *name, struct buf *out,
		      struct err *e)
{
	char path[4096];
	int r = fsio_join(path, sizeof(path), folder, name, e);

	if (!r)
		r = fsio_read(path, TABLE_MAX, out, e);
	return r ? r : buf_append(out, "", 1, e);
}

static int read_all(const char *folder, const char *darwin, struct kpi_families *f,
		    struct err *e)
{
	struct buf vtables = BUF_INIT;
	int r = kpi_table_load(darwin, &f->kernel, e);

	for (size_t i = 0; !r && i < f->kernel->n_syms; i++)
		r = symdict_set(&f->kernel_names, f->kernel->sym[i].name, i, 0, e);
	if (!r)
		r = read_table(folder, "bundles.tsv", &f->bundles, e);
	if (!r)
		r = read_table(folder, "symbols.tsv", &f->symbols, e);
	if (!r)
		r = read_table(folder, "vtables.tsv", &vtables, e);
	if (!r)
		r = kpi_vtables_read((const char *)vtables.data, vtables.len - 1,
				     &f->kernel->vtables, &f->vtables, e);
	for (size_t i = 0; !r && i < f->symbols.len; i++)
		if (f->symbols.data[i] == '\n') /* lines become names */
			f->symbols.data[i] = '\0';
	buf_release(&vtables);
	return r;
}

int kpi_families_read(const char *folder, const char *darwin, struct kpi_families *f,
		      struct err *e)
{
	int r;

	memset(f, 0, sizeof(*f));
	r = read_all(folder, darwin, f, e);
	if (r)
		kpi_families_release(f);
	return r;
}

/* ---- the bundle ---- */

struct bundle {
	char row[512]; /* what the others point to */
	const char *id, *version, *compatible, *required;
};

/* The next line of *rest, without its end, in @line. */
static bool next_line(const char **rest, char *line, size_t size)
{
	size_t n = strcspn(*rest, "\n");

	if (!**rest || n >= size)
		return false;
	memcpy(line, *rest, n);
	line[n] = '\0';
	*rest += n + ((*rest)[n] == '\n');
	return true;
}

static int find_bundle(const struct kpi_families *f, const char *id, struct bundle *b,
		       struct err *e)
{
	const char *rest = (const char *)f->bundles.data;

	while (next_line(&rest, b->row, sizeof(b->row))) {
		char *fields = b->row;

		b->id = strsep(&fields, "\t");
		b->version = strsep(&fields, "\t");
		b->compatible = strsep(&fields, "\t");
		b->required = strsep(&fields, "\t");
		if (b->required && !strcmp(b->id, id))
			return 0;
	}
	return err_set(e, E_NOTFOUND, "no family %s", id);
}

static const char *short_name(const struct bundle *b)
{
	return strrchr(b->id, '.') ? strrchr(b->id, '.') + 1 : b->id;
}

#define STAND_IN "kextlab stand-in: names and vtables, no code"

static int put_libraries(const struct kpi_families *f, struct buf *out, struct err *e)
{
	static const char *const kpis[] = {"bsd", "iokit", "libkern", "mach",
					   "unsupported"};
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(kpis) / sizeof(kpis[0]); i++)
		r = buf_printf(
			out, e,
			"\t\t<key>com.apple.kpi.%s</key>\n\t\t<string>%s</string>\n",
			kpis[i], f->kernel->darwin);
	return r;
}

int kpi_family_info(const struct kpi_families *f, const char *id, struct buf *out,
		    struct err *e)
{
	struct bundle b;
	int r = find_bundle(f, id, &b, e);

	if (!r)
		r = buf_printf(
			out, e,
			"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			"<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
			"\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
			"<plist version=\"1.0\">\n<dict>\n"
			"\t<key>CFBundleExecutable</key>\n\t<string>%s</string>\n"
			"\t<key>CFBundleGetInfoString</key>\n\t<string>%s, " STAND_IN
			"</string>\n"
			"\t<key>CFBundleIdentifier</key>\n\t<string>%s</string>\n"
			"\t<key>CFBundleInfoDictionaryVersion</key>\n\t<string>6.0</"
			"string>\n"
			"\t<key>CFBundleName</key>\n\t<string>%s</string>\n"
			"\t<key>CFBundlePackageType</key>\n\t<string>KEXT</string>\n"
			"\t<key>CFBundleVersion</key>\n\t<string>%s</string>\n"
			"\t<key>OSBundleCompatibleVersion</key>\n\t<string>%s</string>\n"
			"\t<key>OSBundleLibraries</key>\n\t<dict>\n",
			short_name(&b), b.version, b.id, short_name(&b), b.version,
			b.compatible);
	if (!r)
		r = put_libraries(f, out, e);
	if (!r)
		r = buf_printf(out, e, "\t</dict>\n");
	if (!r && strcmp(b.required, "-") != 0)
		r = buf_printf(out, e,
			       "\t<key>OSBundleRequired</key>\n\t<string>%s</string>\n",
			       b.required);
	return r ? r : buf_printf(out, e, "</dict>\n</plist>\n");
}

/* ---- the executable ---- */

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

static int put_kmod_info(struct source *s, const struct bundle *b, struct err *e)
{
	return buf_printf(s->out, e,
			  "\t.section __DATA,__data\n\t.globl _kmod_info\n\t.p2align 3\n"
			  "_kmod_info:\n\t.quad 0\n\t.long 1, 0\n"
			  "\t.asciz \"%s\"\n\t.space %d - %zu\n"
			  "\t.asciz \"%s\"\n\t.space %d - %zu\n"
			  "\t.long 0\n\t.quad 0, 0, 0, 0, standin_start, standin_start\n"
			  "\t.section __TEXT,__cstring,cstring_literals\n"
			  "\t.asciz \"%s %s, " STAND_IN "\"\n",
			  b->id, KMOD_NAME_LEN, strlen(b->id) + 1, b->version,
			  KMOD_NAME_LEN, strlen(b->version) + 1, b->id, b->version);
}

int kpi_family_source(const struct kpi_families *f, const char *id, struct buf *out,
		      struct err *e)
{
	struct source s = {.f = f, .id = id, .out = out};
	struct bundle b;
	int r = find_bundle(f, id, &b, e);

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
