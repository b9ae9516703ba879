/* SPDX-License-Identifier: MIT */
/* Which value each symbol of the kext has. */
#include <stdlib.h>
#include <string.h>

#include "sim/formats/macho/kxld_internal.h"

/* Tested by kexts that have weak references (OSKextSymbolIsResolved). */
#define WEAK_TEST_SYMBOL "_gOSKextUnresolved"

static const struct symdict_entry *find(const struct kx *k, const char *name)
{
	/* A later dependency replaces what an earlier one offered under that name. */
	for (size_t i = k->rq->n_deps; i--;) {
		const struct symdict_entry *x = symdict_get(&k->rq->deps[i]->syms, name);

		if (x)
			return x;
	}
	return NULL;
}

/* Every kext has its own of these, and libkern exports the same names. */
static bool is_private(const char *name)
{
	static const char *const names[] = {"_kmod_info", "__Znwm", "__Znam", "__ZdlPv",
					    "__ZdaPv"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bool ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), t = strlen(tail);

	return n >= t && !strcmp(s + n - t, tail);
}

/*
 * The name of a class is known from the pointer to its superclass' metaclass. Each such
 * class has vtables that must be patched before symbols are worked with.
 */
static int refuse_classes(const struct kx_symbol *s, struct err *e)
{
	if (s->state != KX_DEFINED || strncmp(s->s.name, "__ZN", 4) ||
	    !ends_with(s->s.name, "10superClassE"))
		return 0;
	return err_set(
		e, E_UNSUPPORTED,
		"The kext defines C++ classes (%s), whose vtables are not patched yet.",
		s->s.name);
}

static int index_one(struct kx *k, uint32_t i, struct err *e)
{
	struct kx_symbol *s = &k->sym[i];
	uint64_t slide = 0;
	int r = macho_symbol(&k->m, i, &s->s, e);

	if (r)
		return r;
	if (macho_sym_is_common(&s->s))
		return err_set(e, E_UNSUPPORTED,
			       "Common symbols are not supported in kernel extensions. "
			       "Use -fno-common to build your kext. (%s)",
			       s->s.name);
	if (macho_sym_is_undefined(&s->s)) {
		s->state = KX_UNRESOLVED;
		return 0;
	}
	if (!macho_sym_is_defined(&s->s))
		return 0;
	s->state = KX_DEFINED;
	s->value = s->s.value;
	if ((s->s.type & N_TYPE) == N_ABS)
		return 0;
	if (!s->s.sect || s->s.sect > k->m.nsects)
		return err_set(e, E_CORRUPT, "symbol %s: no section %u", s->s.name,
			       s->s.sect);
	r = kx_section_slide(k, s->s.sect, &slide, e);
	s->value += slide;
	return r;
}

int kx_index_symbols(struct kx *k, struct err *e)
{
	k->sym = calloc(k->m.nsyms + 1, sizeof(*k->sym));
	if (!k->sym)
		return err_set(e, E_NOMEM, "out of memory");
	for (uint32_t i = 0; i < k->m.nsyms; i++) {
		int r = index_one(k, i, e);

		if (!r && !k->rq->kernel) /* the kernel's vtables are whole */
			r = refuse_classes(&k->sym[i], e);
		if (r)
			return r;
	}
	return 0;
}

/* Is @s a strong definition that a dependency has as well? */
static bool is_duplicate(const struct kx *k, const struct kx_symbol *s)
{
	return s->state == KX_DEFINED && macho_sym_is_external(&s->s) &&
	       !(s->s.desc & N_WEAK_DEF) && !is_private(s->s.name) && find(k, s->s.name);
}

static void bind(struct kx *k, struct kx_symbol *s)
{
	const struct symdict_entry *x = find(k, s->s.name);

	if (x) {
		if (x->flags & N_DESC_DISCARDED)
			clog_say(k->rq->log, CLOG_WARNING,
				 "This kext uses obsolete symbol %s.", s->s.name);
		s->value = x->value;
		s->state = KX_BOUND;
	} else if (s->s.desc & N_WEAK_REF) {
		s->value = KXLD_WEAK_UNRESOLVED;
		s->state = KX_WEAK;
	}
}

static bool is_unresolved(const struct kx *k, const struct kx_symbol *s)
{
	(void)k;
	return s->state == KX_UNRESOLVED;
}

/* An error with the names of all symbols for which @bad holds; 0 when there are none. */
static int refuse(const struct kx *k,
		  bool (*bad)(const struct kx *, const struct kx_symbol *),
		  enum err_code code, const char *what, struct err *e)
{
	struct buf list = BUF_INIT;
	int r = 0;

	for (uint32_t i = 0; !r && i < k->m.nsyms; i++)
		if (bad(k, &k->sym[i]))
			r = buf_printf(&list, e, "\n\t%s", k->sym[i].s.name);
	if (!r && list.len)
		r = err_set(e, code, "%s%s", what, buf_str(&list));
	buf_release(&list);
	return r;
}

static int check_weak(const struct kx *k, struct err *e)
{
	bool weak = false, tests = false;

	for (uint32_t i = 0; i < k->m.nsyms; i++) {
		const struct kx_symbol *s = &k->sym[i];

		if ((s->state == KX_BOUND || s->state == KX_WEAK) &&
		    (s->s.desc & N_WEAK_REF))
			weak = true;
		if (!strcmp(s->s.name ? s->s.name : "", WEAK_TEST_SYMBOL))
			tests = true;
	}
	if (weak && !tests)
		return err_set(
			e, E_NOTFOUND,
			"This kext has weak references but does not test for them. Test "
			"for weak references with OSKextSymbolIsResolved(). (found in "
			"<libkern/OSKextLib.h>)");
	return 0;
}

int kx_resolve(struct kx *k, struct err *e)
{
	int r = refuse(k, is_duplicate, E_EXISTS,
		       "The following symbols were defined more than once:", e);

	if (r)
		return r;
	for (uint32_t i = 0; i < k->m.nsyms; i++)
		if (k->sym[i].state == KX_UNRESOLVED)
			bind(k, &k->sym[i]);
	r = refuse(k, is_unresolved, E_NOTFOUND,
		   "The following symbols are unresolved for this kext:", e);
	if (!r)
		r = check_weak(k, e);
	return r;
}
