/* SPDX-License-Identifier: MIT */
/* Which value each symbol of the kext has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/macho/kxld_internal.h"

/* Tested by kexts that have weak references (OSKextSymbolIsResolved). */
#define WEAK_TEST_SYMBOL "_gOSKextUnresolved"

/*
 * Names that were changed in the kernel, while kexts of before still use the old one: a
 * slot that OSMetaClassBase had in reserve became Dispatch in 10.15.
 */
static const struct {
	const char *old, *now;
} renamed[] = {
	{"__ZN15OSMetaClassBase25_RESERVEDOSMetaClassBase3Ev",
	 "__ZN15OSMetaClassBase8DispatchE5IORPC"},
};

const struct symdict_entry *kx_find(const struct kx *k, const char *name)
{
	const uint32_t hash = symdict_hash(name);

	/* A later dependency replaces what an earlier one offered under that name. */
	for (size_t i = k->rq->n_deps; i--;) {
		const struct symdict_entry *x =
			symdict_find(&k->rq->deps[i]->syms, name, hash);

		if (x)
			return x;
	}
	return NULL;
}

static const char *name_now(const char *name)
{
	for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++)
		if (!strcmp(renamed[i].old, name))
			return renamed[i].now;
	return name;
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

static int index_one(struct kx *k, uint32_t i, struct err *e)
{
	struct kx_symbol *s = &k->sym[i];
	uint64_t slide = 0;
	int r = macho_symbol(&k->m, i, &s->s, e);

	if (r)
		return r;
	if (macho_sym_is_stab(&s->s))
		return 0;
	if ((s->s.type & N_TYPE) == N_INDR) {
		s->alias = kx_alias_target(&k->m, &s->s);
		if (!s->alias)
			return err_set(e, E_CORRUPT,
				       "alias %s: target outside the string table",
				       s->s.name);
	}
	s->state = KX_UNRESOLVED;
	if ((s->s.type & N_TYPE) == N_UNDF)
		s->s.name = name_now(s->s.name);
	if (s->alias || (s->s.type & N_TYPE) == N_UNDF)
		return 0;
	if (!macho_sym_is_defined(&s->s))
		return kx_error(k, E_CORRUPT,
				"The Mach-O file is malformed: Invalid symbol type: %u.",
				s->s.type & N_TYPE);
	if (!k->rq->kernel && is_private(s->s.name))
		s->s.type |= N_PEXT;
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
	k->sym = calloc(k->m.nsyms + 1u, sizeof(*k->sym));
	if (!k->sym)
		return err_set(e, E_NOMEM, "out of memory");
	k->n_sym = k->m.nsyms;
	k->cap_sym = k->m.nsyms + 1u;
	for (uint32_t i = 0; i < k->m.nsyms; i++) {
		int r = index_one(k, i, e);

		if (r)
			return r;
	}
	return 0;
}

/* An error with a line for each symbol that @line finds something to say about. */
static int refuse(struct kx *k,
		  bool (*line)(const struct kx *, const struct kx_symbol *, struct buf *),
		  enum err_code code, const char *what, struct err *e)
{
	struct buf list = BUF_INIT;
	int r = 0;

	for (uint32_t i = 0; i < k->n_sym; i++)
		if (k->sym[i].s.name && !line(k, &k->sym[i], &list))
			r = err_set(e, E_NOMEM, "out of memory");
	if (!r && list.len) {
		list.data[--list.len] = '\0'; /* the last newline */
		r = kx_error(k, code, "%s\n%s", what, (const char *)list.data);
	}
	buf_release(&list);
	return r;
}

static bool put_name(struct buf *list, const struct kx_symbol *s, const char *tail)
{
	char *room = NULL;
	int r = buf_printf(list, NULL, "\t%s%s\n", kxn_demangle(s->s.name, &room), tail);

	free(room);
	return !r;
}

static bool list_common(const struct kx *k, const struct kx_symbol *s, struct buf *list)
{
	(void)k;
	return !macho_sym_is_common(&s->s) || put_name(list, s, "");
}

/* A definition that a dependency has as well, with another value. */
static bool list_duplicate(const struct kx *k, const struct kx_symbol *s,
			   struct buf *list)
{
	const struct symdict_entry *x = NULL;
	char tail[64];

	if (s->state == KX_DEFINED && macho_sym_is_external(&s->s))
		x = kx_find(k, s->s.name);
	if (!x || x->value == s->value)
		return true;
	snprintf(tail, sizeof(tail), ": 0x%llx - 0x%llx", (unsigned long long)s->value,
		 (unsigned long long)x->value);
	return put_name(list, s, tail);
}

static bool list_unresolved(const struct kx *k, const struct kx_symbol *s,
			    struct buf *list)
{
	(void)k;
	return s->state != KX_UNRESOLVED || (s->replaced && !s->alias) ||
	       put_name(list, s, "");
}

static bool tests_for_weak(const struct kx *k)
{
	for (uint32_t i = 0; i < k->m.nsyms; i++)
		if (k->sym[i].s.name && !strcmp(k->sym[i].s.name, WEAK_TEST_SYMBOL))
			return true;
	return false;
}

static int bind_weak(struct kx *k, struct kx_symbol *s)
{
	if (!tests_for_weak(k))
		return kx_error(
			k, E_NOTFOUND,
			"This kext has weak references but does not test for them. Test "
			"for weak references with OSKextSymbolIsResolved(). (found in "
			"<libkern/OSKextLib.h>)");
	s->value = KXLD_WEAK_UNRESOLVED;
	s->state = KX_WEAK;
	return 0;
}

static int bind(struct kx *k, struct kx_symbol *s)
{
	const char *name = s->alias ? s->alias : s->s.name;
	const struct symdict_entry *x = kx_find(k, name);
	char *room = NULL;

	if (!x) /* what is not weak may still be replaced in a vtable */
		return s->s.desc & N_WEAK_REF ? bind_weak(k, s) : 0;
	if (x->flags & N_DESC_DISCARDED)
		clog_say(k->rq->log, CLOG_WARNING,
			 "kxld[%s]: This kext uses obsolete symbol %s.", k->rq->name,
			 kxn_demangle(name, &room));
	free(room);
	s->value = x->value;
	s->state = KX_BOUND;
	return 0;
}

int kx_resolve(struct kx *k, struct err *e)
{
	int r = refuse(k, list_duplicate, E_EXISTS,
		       "The following symbols were defined more than once:", e);

	if (!r)
		r = refuse(k, list_common, E_UNSUPPORTED,
			   "Common symbols are not supported in kernel extensions. Use "
			   "-fno-common to build your kext. The following are common "
			   "symbols:",
			   e);
	for (uint32_t i = 0; !r && i < k->m.nsyms; i++)
		if (k->sym[i].state == KX_UNRESOLVED)
			r = bind(k, &k->sym[i]);
	return r;
}

int kx_check_resolved(struct kx *k, struct err *e)
{
	return refuse(k, list_unresolved, E_NOTFOUND,
		      "The following symbols are unresolved for this kext:", e);
}
