/* SPDX-License-Identifier: MIT */
#include "components/kextlibs/find.h"

#include <stdlib.h>
#include <string.h>

#include "sim/formats/macho/macho.h"

#define KPI_PREFIX "com.apple.kpi."

void found_release(struct found_symbols *f)
{
	free(f->sym);
	kext_set_release(&f->libraries);
	f->sym = NULL;
	f->n = 0;
}

bool find_is_kpi(const struct kext *k)
{
	return !strncmp(k->id, KPI_PREFIX, strlen(KPI_PREFIX));
}

bool find_is_library(const struct kext *k, bool unsupported)
{
	static const char *const private_kpi[] = {KPI_PREFIX "unsupported",
						  KPI_PREFIX "private", KPI_PREFIX "kasan"};

	if (k->compatible <= 0 || !k->executable || k->dext)
		return false;
	/* 64-bit kexts cannot name the kernel's old components. */
	if (!strncmp(k->id, "com.apple.kernel", strlen("com.apple.kernel")))
		return false;
	for (size_t i = 0; !unsupported && i < 3; i++)
		if (!strcmp(k->id, private_kpi[i]))
			return false;
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct wanted_symbol *)a)->name,
		      ((const struct wanted_symbol *)b)->name);
}

/* A reference that may stay unresolved is no reason for a library. */
static bool is_wanted(const struct macho_symbol *s)
{
	return macho_sym_is_undefined(s) && (s->type & N_EXT) && !(s->desc & N_WEAK_REF);
}

static int collect(const struct macho *m, struct found_symbols *f, struct err *e)
{
	int r = 0;

	f->sym = calloc((size_t)m->nsyms + 1, sizeof(*f->sym));
	if (!f->sym)
		return err_set(e, E_NOMEM, "out of memory");
	for (uint32_t i = 0; i < m->nsyms && !r; i++) {
		struct macho_symbol s;

		r = macho_symbol(m, i, &s, e);
		if (!r && is_wanted(&s))
			f->sym[f->n++].name = s.name;
	}
	qsort(f->sym, f->n, sizeof(*f->sym), by_name);
	return r;
}

/* An interface is a list of names: what it offers is undefined in it, or an alias. */
static bool offers(const struct kext *lib, const struct macho_symbol *s)
{
	if (macho_sym_is_stab(s) || !macho_sym_is_external(s))
		return false;
	return lib->interface || lib->kernel_component || macho_sym_is_defined(s) ||
	       macho_sym_is_common(s);
}

static int take_offer(struct found_symbols *f, struct kext *lib, const char *name,
		      struct err *e)
{
	const struct wanted_symbol key = {.name = name};
	struct wanted_symbol *w = bsearch(&key, f->sym, f->n, sizeof(key), by_name);

	if (!w || w->from == lib)
		return 0;
	if (w->from)
		w->several = true;
	else
		w->from = lib;
	return kext_set_has(&f->libraries, lib) ? 0 : kext_set_add(&f->libraries, lib, e);
}

/* A library that cannot be read offers nothing. */
static int ask_library(struct found_symbols *f, struct kext *lib, struct err *e)
{
	struct err why = ERR_INIT;
	struct macho_symbol s;
	struct macho m;
	int r = 0;

	if (kext_load_executable(lib, &why) ||
	    macho_open(lib->exe.data, lib->exe.len, &m, &why))
		return 0;
	for (uint32_t i = 0; i < m.nsyms && !r; i++)
		if (!macho_symbol(&m, i, &s, &why) && offers(lib, &s))
			r = take_offer(f, lib, s.name, e);
	macho_release(&m);
	return r;
}

static bool all_found(const struct found_symbols *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (!f->sym[i].from)
			return false;
	return true;
}

/* Only the newest of each identifier, and never the kext itself. */
static int ask_all(struct found_symbols *f, const struct kext *k, const struct kext_set *all,
		   bool kpi, bool unsupported, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < all->n && !r; i++) {
		struct kext *lib = all->item[i];

		if (lib != k && strcmp(lib->id, k->id) && find_is_kpi(lib) == kpi &&
		    find_is_library(lib, unsupported) &&
		    kext_set_newest(all, lib->id) == lib)
			r = ask_library(f, lib, e);
	}
	return r;
}

int find_libraries(struct kext *k, const struct kext_set *all, bool unsupported,
		   struct found_symbols *ret, struct err *e)
{
	struct macho m;
	int r = kext_load_executable(k, e);

	*ret = (struct found_symbols){.n = 0};
	if (!r)
		r = macho_open(k->exe.data, k->exe.len, &m, e);
	if (r)
		return r;
	r = collect(&m, ret, e);
	macho_release(&m);
	if (!r)
		r = ask_all(ret, k, all, true, unsupported, e);
	if (!r && !all_found(ret))
		r = ask_all(ret, k, all, false, unsupported, e);
	return r;
}
