/* SPDX-License-Identifier: MIT */
/* Patching one vtable (xnu libkern/kxld/kxld_vtable.c, kxld_vtable_patch). */
#include <stdlib.h>
#include <string.h>

#include "sim/formats/macho/kxld_internal.h"

/* Two names, as programmers write them, for one message. */
struct pair {
	char *a, *b;
};

static void pair_release(struct pair *p)
{
	free(p->a);
	free(p->b);
}

static int malformed(struct kx *k, const struct kx_vtable *v)
{
	struct pair p = {NULL, NULL};
	int r = kx_error(k, E_UNSUPPORTED,
			 "The vtable '%s' is malformed. Make sure your kext has been "
			 "built against the correct headers.",
			 kxn_demangle(v->name, &p.a));

	pair_release(&p);
	return r;
}

static int out_of_date(struct kx *k, const struct kx_vtable *v,
		       const struct kx_vtable *super)
{
	struct pair p = {NULL, NULL};
	int r = kx_error(
		k, E_UNSUPPORTED,
		"The super class vtable '%s' for vtable '%s' is out of date. "
		"Make sure your kext has been built against the correct headers.",
		kxn_demangle(super->name, &p.a), kxn_demangle(v->name, &p.b));

	pair_release(&p);
	return r;
}

static int not_implemented(struct kx *k, const struct kx_vtable *v,
			   const struct kx_symbol *s)
{
	struct pair p = {NULL, NULL};
	int r = kx_error(k, E_UNSUPPORTED,
			 "The %s is unpatchable because its class declares the method "
			 "'%s' without providing an implementation.",
			 kxn_demangle(v->name, &p.a), kxn_demangle(s->s.name, &p.b));

	pair_release(&p);
	return r;
}

/* A symbol that nothing defines and whose name says that it is of the class itself. */
static bool is_unimplemented(const struct kx_vtable *v, const struct kx_symbol *s)
{
	char name[KXN_MAX], prefix[KXN_MAX];

	return s->state == KX_UNRESOLVED && kxn_class_of_vtable(v->name, name) &&
	       kxn_method_prefix(name, prefix) &&
	       !strncmp(s->s.name, prefix, strlen(prefix));
}

/*
 * Is there something to do? What the kext defines overrides, a pure virtual function is
 * meant as one, and what is a slot without a name in the parent cannot be referred to.
 */
static bool wants_patch(const struct kx *k, const struct kx_slot *child,
			const struct kx_slot *parent)
{
	const struct kx_symbol *s;

	if (child->sym == KX_NONE || !parent->name)
		return false;
	s = &k->sym[child->sym];
	return s->state != KX_DEFINED && !kxn_is_pure_virtual(s->s.name) &&
	       strcmp(s->s.name, parent->name) != 0;
}

static int add_symbol(struct kx *k, const char *name, uint64_t addr, uint32_t *ret,
		      struct err *e)
{
	if (k->n_sym == k->cap_sym) {
		uint32_t cap = 2 * k->cap_sym + 64;
		struct kx_symbol *grown = realloc(k->sym, cap * sizeof(*grown));

		if (!grown)
			return err_set(e, E_NOMEM, "out of memory");
		k->sym = grown;
		k->cap_sym = cap;
	}
	*ret = k->n_sym++;
	k->sym[*ret] = (struct kx_symbol){
		.s = {.name = name, .type = N_ABS | N_EXT},
		.value = addr,
		.state = KX_BOUND,
	};
	return symdict_set(&k->vt.defined, name, *ret, 0, e);
}

/* The slot's relocation is made one against the parent's symbol. */
static int redirect(struct kx *k, const struct kx_vtable *v, struct kx_slot *child,
		    const struct kx_slot *parent, struct err *e)
{
	const struct symdict_entry *known = symdict_get(&k->vt.defined, parent->name);
	uint32_t to = known ? (uint32_t)known->value : KX_NONE;
	struct pair p = {NULL, NULL};
	char *third = NULL;
	int r = known ? 0 : add_symbol(k, parent->name, parent->addr, &to, e);

	if (r)
		return r;
	if (k->rq->log && k->rq->log->max >= CLOG_DETAIL)
		clog_say(k->rq->log, CLOG_DETAIL,
			 "kxld[%s]: In vtable '%s', patching '%s' with '%s'.",
			 k->rq->name, kxn_demangle(v->name, &p.a),
			 kxn_demangle(k->sym[child->sym].s.name, &p.b),
			 kxn_demangle(parent->name, &third));
	pair_release(&p);
	free(third);
	k->target[child->rel] = to;
	k->sym[child->sym].replaced = true;
	child->sym = to;
	return 0;
}

static int patch_slot(struct kx *k, const struct kx_vtable *v,
		      const struct kx_vtable *super, size_t i, bool *failed,
		      struct err *e)
{
	struct kx_slot *child = &v->slot[i];
	const struct kx_slot *parent = &super->slot[i];

	if (!wants_patch(k, child, parent))
		return 0;
	/* the parent has this slot still free: the kext is of a newer system */
	if (kxn_is_padslot(parent->name))
		return out_of_date(k, v, super);
	if (is_unimplemented(v, &k->sym[child->sym])) {
		*failed = true; /* say it of all of them */
		return not_implemented(k, v, &k->sym[child->sym]) == -E_NOMEM ? -E_NOMEM
									      : 0;
	}
	return redirect(k, v, child, parent, e);
}

int kx_vtable_patch(struct kx *k, struct kx_vtable *v, const struct kx_vtable *super,
		    struct err *e)
{
	bool failed = false;

	if (v->n < super->n)
		return malformed(k, v);
	for (size_t i = 0; i < super->n; i++) {
		int r = patch_slot(k, v, super, i, &failed, e);

		if (r)
			return r;
	}
	if (failed)
		return -E_UNSUPPORTED;
	for (size_t i = 0; i < v->n; i++) {
		struct kx_slot *s = &v->slot[i];

		s->name = s->sym == KX_NONE ? NULL : k->sym[s->sym].s.name;
		s->addr = s->sym == KX_NONE ? 0 : k->sym[s->sym].value;
	}
	return kx_vtable_set_patched(k, v, e);
}
