/* SPDX-License-Identifier: MIT */
#include "sim/platform/kpi/family.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/platform/kpi/family_internal.h"

#define TABLE_MAX (4u << 20)

void kpi_families_release(struct kpi_families *f)
{
	kpi_vtables_release(&f->vtables);
	symdict_release(&f->kernel_names);
	buf_release(&f->symbols);
	buf_release(&f->bundles);
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
	int r = kpi_table_of(darwin, &f->kernel, e);

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

int family_bundle(const struct kpi_families *f, const char *id, struct family_bundle *b,
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

static const char *short_name(const struct family_bundle *b)
{
	return strrchr(b->id, '.') ? strrchr(b->id, '.') + 1 : b->id;
}

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
	struct family_bundle b;
	int r = family_bundle(f, id, &b, e);

	if (!r)
		r = buf_printf(
			out, e,
			"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			"<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
			"\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
			"<plist version=\"1.0\">\n<dict>\n"
			"\t<key>CFBundleExecutable</key>\n\t<string>%s</string>\n"
			"\t<key>CFBundleGetInfoString</"
			"key>\n\t<string>%s, " FAMILY_STAND_IN "</string>\n"
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
