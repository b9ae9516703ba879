/* SPDX-License-Identifier: MIT */
/* What an image offers to those who are linked against it. */
#include "sim/formats/macho/kxld.h"

#include <string.h>

#include "sim/formats/macho/kxld_internal.h"

void kxld_exports_release(struct kxld_exports *x)
{
	symdict_release(&x->syms);
	kxld_cxx_release(&x->cxx);
	memset(x, 0, sizeof(*x));
}

void kxld_exports_chained(struct kxld_exports *x, const uint64_t *bases)
{
	x->bases = bases;
}

int kxld_exports_image(const struct macho *m, struct kxld_exports *x, struct err *e)
{
	int rc;

	memset(x, 0, sizeof(*x));
	x->image = m;
	rc = kxld_cxx_index(m, true, &x->cxx, e);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < m->nsyms; i++) {
		struct macho_symbol s;
		int r = macho_symbol(m, i, &s, e);

		if (!r && macho_sym_is_defined(&s) && macho_sym_is_external(&s))
			r = symdict_set(&x->syms, s.name, s.value, 0, e);
		if (r) {
			kxld_exports_release(x);
			return r;
		}
	}
	return 0;
}

/* n_value of an alias is the offset of the name in the string table. */
const char *kx_alias_target(const struct macho *m, const struct macho_symbol *s)
{
	if (s->value >= m->strsize ||
	    !memchr(m->data + m->stroff + s->value, '\0', m->strsize - s->value))
		return NULL;
	return (const char *)m->data + m->stroff + s->value;
}

static void say_missing(const struct component_log *log, const char *name, const char *of,
			const struct macho_symbol *s, const char *target)
{
	if ((s->type & N_TYPE) == N_INDR)
		clog_say(log, CLOG_WARNING,
			 "In interface %s of %s, couldn't find indirect symbol %s (%s)\n",
			 name, of, target, s->name);
	else
		clog_say(log, CLOG_WARNING,
			 "In interface %s of %s, couldn't find symbol %s\n", name, of,
			 target);
}

static int export_one(const struct macho *iface, uint32_t i,
		      const struct kxld_exports *kernel, const char *name, const char *of,
		      const struct component_log *log, struct kxld_exports *x,
		      struct err *e)
{
	const struct symdict_entry *found;
	const char *target;
	struct macho_symbol s;
	int r = macho_symbol(iface, i, &s, e);

	if (r || macho_sym_is_stab(&s))
		return r;
	if ((s.type & N_TYPE) == N_INDR)
		target = kx_alias_target(iface, &s);
	else if (macho_sym_is_undefined(&s))
		target = s.name;
	else
		return 0;
	if (!target)
		return err_set(e, E_CORRUPT, "alias %s: target outside the string table",
			       s.name);
	found = symdict_get(&kernel->syms, target);
	if (!found) {
		say_missing(log, name, of, &s, target);
		return 0;
	}
	return symdict_set(&x->syms, s.name, found->value, s.desc & N_DESC_DISCARDED, e);
}

int kxld_exports_interface(const struct macho *iface, const struct kxld_exports *kernel,
			   const char *name, const char *of,
			   const struct component_log *log, struct kxld_exports *x,
			   struct err *e)
{
	memset(x, 0, sizeof(*x));
	x->through = kernel;
	for (uint32_t i = 0; i < iface->nsyms; i++) {
		int r = export_one(iface, i, kernel, name, of, log, x, e);

		if (r) {
			kxld_exports_release(x);
			return err_ctx(e, "%s", name);
		}
	}
	return 0;
}
