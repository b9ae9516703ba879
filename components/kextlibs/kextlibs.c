/* SPDX-License-Identifier: MIT */
#include "components/kextlibs/kextlibs.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "components/kextlibs/find.h"
#include "sim/formats/plist/pl.h"

/* The version to declare, as the library itself spells it. */
static const char *version_of(const struct kextlibs_options *o, const struct kext *lib)
{
	const char *compatible = pl_str(kext_info(lib, "OSBundleCompatibleVersion"));

	return o->compatible && compatible ? compatible : lib->version_string;
}

static int print_libraries(const struct kextlibs_options *o, const struct found_symbols *f,
			   struct buf *out, struct buf *err_out, struct err *e)
{
	int r = o->xml ? buf_printf(out, e, "\t<key>OSBundleLibraries</key>\n\t<dict>\n")
		       : buf_printf(err_out, e, "For all architectures:\n");

	if (!r && !f->libraries.n && !o->xml)
		r = buf_printf(out, e, "    No libraries found.\n");
	for (size_t i = 0; i < f->libraries.n && !r; i++) {
		const struct kext *lib = f->libraries.item[i];

		r = buf_printf(out, e,
			       o->xml ? "\t\t<key>%s</key>\n\t\t<string>%s</string>\n"
				      : "    %s = %s\n",
			       lib->id, version_of(o, lib));
	}
	if (!r && o->xml)
		r = buf_printf(out, e, "\t</dict>\n");
	return r ? r : buf_printf(err_out, e, "\n");
}

enum kind { UNDEF, ONEDEF, MULTDEF };

static enum kind kind_of(const struct wanted_symbol *s)
{
	return !s->from ? UNDEF : s->several ? MULTDEF : ONEDEF;
}

static size_t count(const struct found_symbols *f, enum kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += kind_of(&f->sym[i]) == kind;
	return n;
}

static int list_symbols(const struct kextlibs_options *o, const struct found_symbols *f,
			enum kind kind, struct buf *out, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < f->n && !r; i++) {
		const struct wanted_symbol *s = &f->sym[i];

		if (kind_of(s) != kind)
			continue;
		if (kind == UNDEF)
			r = buf_printf(out, e, "\t%s\n", s->name);
		else
			r = buf_printf(out, e, "    %s in %s (%s%s)\n", s->name, s->from->id,
				       o->compatible ? "compatible version " : "",
				       version_of(o, s->from));
	}
	return r;
}

/* "    3 symbols <what>", and which, if that was asked for. */
static int report(const struct kextlibs_options *o, const struct found_symbols *f,
		  enum kind kind, bool list, const char *what, struct buf *out, struct err *e)
{
	size_t n = count(f, kind);
	int r = buf_printf(out, e, "    %zu symbol%s %s%s\n", n, n > 1 ? "s" : "", what,
			   n && list ? ":" : ".");

	return r || !list ? r : list_symbols(o, f, kind, out, e);
}

static int print_problems(const struct kextlibs_options *o, const struct found_symbols *f,
			  struct buf *out, int *ret_status, struct err *e)
{
	size_t undef = count(f, UNDEF), multdef = count(f, MULTDEF);
	int r = 0;

	*ret_status = multdef ? KEXTLIBS_MULTIPLE : undef ? KEXTLIBS_UNDEFINED : EX_OK;
	if (!o->onedef && !undef && !multdef)
		return 0;
	r = buf_printf(out, e, "For " KEXT_ARCH ":\n");
	if (!r && o->onedef)
		r = report(o, f, ONEDEF, true, "found in one library kext each", out, e);
	if (!r && undef)
		r = report(o, f, UNDEF, o->undef, "not found in any library kext", out, e);
	if (!r && multdef)
		r = report(o, f, MULTDEF, o->multdef, "found in more than one library kext",
			   out, e);
	return r ? r : buf_printf(out, e, "\n");
}

/* What there is to say of a kext without code; only the last case is fine. */
static int codeless(const struct kextlibs_options *o, const struct kext *k,
		    struct buf *err_out, int *ret_status, struct err *e)
{
	bool declares = k->libraries && plist_dict_get_size(k->libraries);

	*ret_status = k->compatible > 0 || declares ? EX_DATAERR : EX_OK;
	if (k->compatible > 0)
		return buf_printf(err_out, e,
				  "%s is a library without an executable; defining its "
				  "OSBundleLibraries (if any) is up to you.\n",
				  o->kext);
	return buf_printf(err_out, e, "%s has no executable and %s OSBundleLibraries.\n",
			  o->kext,
			  declares ? "should not declare" : "does not need to declare");
}

static int look_up(const struct kextlibs_options *o, struct kext *k,
		   const struct kext_set *all, struct buf *out, struct buf *err_out,
		   int *ret_status, struct err *e)
{
	struct found_symbols f = {.n = 0};
	struct err why = ERR_INIT;
	int r = find_libraries(k, all, o->unsupported, &f, &why);

	if (r == -E_NOMEM) {
		*e = why;
	} else if (r) {
		*ret_status = EX_SOFTWARE;
		r = buf_printf(err_out, e, "Can't determine architectures of %s.\n", o->kext);
	} else {
		r = print_libraries(o, &f, out, err_out, e);
		if (!r)
			r = print_problems(o, &f, err_out, ret_status, e);
	}
	found_release(&f);
	return r;
}

int kextlibs_run(const struct kextlibs_options *o, struct buf *out, struct buf *err_out,
		 int *ret_status, struct err *e)
{
	struct kext_set all = {.owns = true};
	struct kext *k = NULL;
	char real[PATH_MAX];
	int r = kext_set_scan(&all, o->kext, NULL, e);

	for (size_t i = 0; i < o->n_folders && !r; i++)
		r = kext_set_scan(&all, o->folder[i], NULL, e);
	if (!r && realpath(o->kext, real))
		k = kext_set_at_path(&all, real);
	if (!r && !k) {
		*ret_status = EX_SOFTWARE;
		r = buf_printf(err_out, e, "Can't open %s.\n", o->kext);
	} else if (!r && !k->executable) {
		r = codeless(o, k, err_out, ret_status, e);
	} else if (!r) {
		r = look_up(o, k, &all, out, err_out, ret_status, e);
	}
	kext_set_release(&all);
	return r;
}
