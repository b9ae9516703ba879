/* SPDX-License-Identifier: MIT */
/* System.kext: a property list for each KPI, and its symbols as an interface. */
#include <stdio.h>
#include <string.h>

#include <plist/plist.h>

#include "sim/base/fsio.h"
#include "sim/formats/macho/write.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/kpi/kpi.h"

static void set_string(plist_t dict, const char *key, const char *value)
{
	if (value)
		plist_dict_set_item(dict, key, plist_new_string(value));
}

static int bundle_info(const struct kpi_bundle *b, struct buf *out, struct err *e)
{
	plist_t d = plist_new_dict();
	int r;

	set_string(d, "CFBundleDevelopmentRegion", "English");
	set_string(d, "CFBundleExecutable", b->executable);
	set_string(d, "CFBundleIdentifier", b->id);
	set_string(d, "CFBundleInfoDictionaryVersion", "6.0");
	set_string(d, "CFBundleName", b->name);
	set_string(d, "CFBundlePackageType", "KEXT");
	set_string(d, "CFBundleShortVersionString", b->version);
	set_string(d, "CFBundleSignature", "????");
	set_string(d, "CFBundleVersion", b->version);
	plist_dict_set_item(d, "OSBundleAllowUserLoad", plist_new_bool(1));
	set_string(d, "OSBundleCompatibleVersion", b->compatible);
	set_string(d, "OSBundleRequired", b->required);
	plist_dict_set_item(d, "OSKernelResource", plist_new_bool(1));
	r = pl_to_xml(d, out, e);
	plist_free(d);
	return r;
}

/* Exports of @id: aliases as N_INDR, the others as undefined symbols. */
static int add_exports(const struct kpi_table *t, const char *id, struct macho_symw *w,
		       struct err *e)
{
	for (size_t i = 0; i < t->n_syms; i++) {
		const struct kpi_symbol *s = &t->sym[i];
		struct macho_symbol undef = {.name = s->name, .type = N_UNDF | N_EXT};
		int r;

		if (!kpi_exports(s, id))
			continue;
		if (s->alias_of)
			r = macho_symw_add_alias(w, s->name, s->alias_of, e);
		else
			r = macho_symw_add(w, &undef, e);
		if (r)
			return r;
	}
	return 0;
}

/* Behind the load commands: room for LC_CODE_SIGNATURE. */
#define HEADER_PAD 32u

/* Header, __LINKEDIT, LC_SYMTAB, LC_UUID, then symbols and strings. */
static int put_interface(const struct macho_symw *w, struct buf *out, struct err *e)
{
	const uint32_t cmds = sizeof(struct macho_segment_raw) +
			      sizeof(struct macho_symtab_raw) +
			      sizeof(struct macho_uuid_raw);
	const struct macho_head head = {
		.filetype = MH_KEXT_BUNDLE, .ncmds = 3, .sizeofcmds = cmds};
	const uint32_t cmds_end = sizeof(struct macho_header_raw) + cmds;
	uint32_t symoff = cmds_end + HEADER_PAD;
	uint32_t stroff = symoff + (uint32_t)w->nlists.len;
	struct macho_segment seg = {.name = "__LINKEDIT", .maxprot = 1, .initprot = 1};
	static const uint8_t no_uuid[16];
	size_t start = out->len;
	int r = macho_put_header(out, &head, e);

	seg.fileoff = symoff;
	seg.filesize = w->nlists.len + w->strings.len;
	seg.vmsize = (seg.filesize + MACHO_PAGE - 1) & ~(uint64_t)(MACHO_PAGE - 1);
	if (!r)
		r = macho_put_segment(out, &seg, NULL, e);
	if (!r)
		r = macho_put_symtab(out, symoff, w->n, stroff, (uint32_t)w->strings.len,
				     e);
	if (!r)
		r = macho_put_uuid(out, no_uuid, e);
	if (!r)
		r = buf_append_zeros(out, HEADER_PAD, e);
	if (!r)
		r = buf_append(out, w->nlists.data, w->nlists.len, e);
	if (!r)
		r = buf_append(out, w->strings.data, w->strings.len, e);
	if (r)
		return r;
	return macho_content_uuid(out->data + start, out->len - start,
				  out->data + start + cmds_end - sizeof(no_uuid), e);
}

static int build_interface(const struct kpi_table *t, const char *id, struct buf *out,
			   struct err *e)
{
	struct macho_symw w = {.n = 0};
	int r = add_exports(t, id, &w, e);

	if (!r)
		r = put_interface(&w, out, e);
	macho_symw_release(&w);
	return r;
}

int kpi_interface_build(const struct release *r, const char *id, struct buf *out,
			struct err *e)
{
	const struct kpi_table *t;
	int rc = kpi_table_of(r->darwin, &t, e);
	bool found = false;

	if (rc)
		return rc;
	for (size_t i = 0; i < t->n_bundles; i++)
		if (!strcmp(t->bundle[i].id, id) && t->bundle[i].executable)
			found = true;
	if (found)
		rc = build_interface(t, id, out, e);
	else
		rc = err_set(e, E_NOTFOUND, "no KPI %s", id);
	return rc;
}

/* "PlugIns/Mach.kext/Info.plist" and "Mach" give "PlugIns/Mach.kext/Mach". */
static void executable_path(const struct kpi_bundle *b, char *out, size_t size)
{
	const char *slash = strrchr(b->plist, '/');
	int dir = slash ? (int)(slash + 1 - b->plist) : 0;

	snprintf(out, size, "%.*s%s", dir, b->plist, b->executable);
}

static int emit_bundle(const struct kpi_table *t, const struct kpi_bundle *b,
		       kpi_emit_fn *emit, void *ctx, struct err *e)
{
	struct buf info = BUF_INIT, exe = BUF_INIT;
	char path[256];
	int r = bundle_info(b, &info, e);

	if (!r)
		r = emit(ctx, b->plist, info.data, info.len, e);
	if (!r && b->executable) {
		executable_path(b, path, sizeof(path));
		r = build_interface(t, b->id, &exe, e);
		if (!r)
			r = emit(ctx, path, exe.data, exe.len, e);
	}
	buf_release(&info);
	buf_release(&exe);
	return r;
}

int kpi_system_kext(const struct release *r, kpi_emit_fn *emit, void *ctx, struct err *e)
{
	const struct kpi_table *t;
	int rc = kpi_table_of(r->darwin, &t, e);

	for (size_t i = 0; !rc && i < t->n_bundles; i++)
		rc = emit_bundle(t, &t->bundle[i], emit, ctx, e);
	return rc;
}

static int write_file(void *ctx, const char *path, const void *data, size_t len,
		      struct err *e)
{
	const char *dir = ctx;
	char full[4096], *slash;
	int r = fsio_join(full, sizeof(full), dir, path, e);

	if (r)
		return r;
	slash = strrchr(full, '/');
	*slash = '\0';
	r = fsio_mkdirs(full, 0755, e);
	*slash = '/';
	return r ? r : fsio_write_atomic(full, data, len, 0644, e);
}

int kpi_system_kext_write(const struct release *r, const char *dir, struct err *e)
{
	char copy[4096];
	int n = snprintf(copy, sizeof(copy), "%s", dir);

	if (n < 0 || (size_t)n >= sizeof(copy))
		return err_set(e, E_OVERFLOW, "path too long: %s", dir);
	return kpi_system_kext(r, write_file, copy, e);
}
