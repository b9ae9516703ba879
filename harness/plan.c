/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "harness/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/plan_impl.h"
#include "sim/base/nearest.h"

#define TEXT_MAX (64u * 1024)

/*
 * --set a.b=c becomes the document {"a": {"b": c}}, bound like a variant. @label stands
 * for the file in messages.
 */
static int apply_set(struct plan *p, const char *label, const char *set, struct err *e)
{
	struct binder b = {.arena = &p->arena};
	struct ydoc *d = &p->set_docs[p->n_set_docs];
	const char *eq = strchr(set, '='),
		   *dot = memchr(set, '.', eq ? (size_t)(eq - set) : 0);
	char *text;
	int r;

	if (!eq || eq == set)
		return err_set(e, E_INVAL, "--set %s: expected KEY=VALUE", set);
	if (dot)
		text = arena_printf(&p->arena, e, "{%.*s: {%.*s: %s}}", (int)(dot - set),
				    set, (int)(eq - dot - 1), dot + 1, eq + 1);
	else
		text = arena_printf(&p->arena, e, "{%.*s: %s}", (int)(eq - set), set,
				    eq + 1);
	if (!text)
		return -(int)e->code;
	p->n_set_docs++;
	r = ydoc_parse_option(d, label, text, e);
	return r ? r : schema_bind(&b, d->root, settings_keys, &p->s, e);
}

static int apply_option(struct plan *p, const char *key, const char *value, struct err *e)
{
	char label[32], *set;

	if (!value)
		return 0;
	set = arena_printf(&p->arena, e, "%s=\"%s\"", key, value);
	if (!set)
		return -(int)e->code;
	if (strpbrk(value, "\"\\\n"))
		return err_set(e, E_INVAL, "%s: '%s' is not a name", key, value);
	snprintf(label, sizeof(label), "--%s", key);
	return apply_set(p, label, set, e);
}

static bool in_list(const struct text_list *l, const char *text)
{
	for (size_t i = 0; text && i < l->n; i++)
		if (!strcmp(l->items[i], text))
			return true;
	return false;
}

/* Does a step of the scenario name the machine? */
static bool names_machine(const struct scenario *scn, const char *machine)
{
	for (size_t i = 0; i < scn->n_steps; i++)
		if (in_list(&scn->steps[i].machines, machine))
			return true;
	return false;
}

/*
 * A machine that the scenario names comes with the first macOS that was made for it, when
 * the scenario's is older and nobody asked for another.
 */
static void fit_release(struct plan *p, const struct plan_options *o,
			const struct release *own)
{
	if (!o->machine || !own || p->s.release != own ||
	    !names_machine(p->scn, p->s.machine->name))
		return;
	for (size_t i = 0; !machine_runs(p->s.machine, p->s.release) && release_at(i);
	     i++)
		p->s.release = release_at(i);
}

/* Defaults < scenario < variant < control < command line. */
static int settle_settings(struct plan *p, const struct plan_options *o, struct err *e)
{
	struct binder b = {.arena = &p->arena};
	struct scn_variant scratch;
	const struct release *own;
	int r = 0;

	p->s = p->scn->settings;
	p->set_docs = arena_array(&p->arena, o->sets.n + 3, sizeof(*p->set_docs), e);
	if (!p->set_docs)
		return -(int)e->code;
	if (o->variant)
		r = schema_bind2(&b, o->variant->at, variant_keys, &scratch,
				 settings_keys, &p->s, e);
	if (!r && o->control && o->control->set)
		r = schema_bind(&b, o->control->set, settings_keys, &p->s, e);
	own = o->release ? NULL : p->s.release;
	if (!r)
		r = apply_option(p, "release", o->release, e);
	if (!r)
		r = apply_option(p, "sip", o->sip, e);
	if (!r)
		r = apply_option(p, "machine", o->machine, e);
	for (size_t i = 0; i < o->sets.n && !r; i++)
		r = apply_set(p, "--set", o->sets.items[i], e);
	if (!r)
		fit_release(p, o, own);
	if (!r && !p->s.release)
		r = ynode_error(p->scn->doc.root, e, "key 'release' is missing");
	if (!r && !machine_runs(p->s.machine, p->s.release))
		r = ynode_error(p->scn->doc.root, e,
				"macOS %s was not made for the machine %s",
				p->s.release->name, p->s.machine->name);
	if (!r && p->s.csr & ~p->s.release->csr_flags)
		r = ynode_error(p->scn->doc.root, e,
				"sip: macOS %s does not know the flags 0x%x",
				p->s.release->name, p->s.csr & ~p->s.release->csr_flags);
	if (!r && p->s.machine->csr_in_local_policy && p->s.csr &&
	    p->s.security != SB_PERMISSIVE)
		r = ynode_error(
			p->scn->doc.root, e,
			"sip: flags of a LocalPolicy need `security: permissive`");
	return r;
}

/* Each word of --without must be the id or number of a step: else it has no effect. */
static int check_without(const struct plan *p, const struct plan_options *o,
			 struct err *e)
{
	const size_t n = p->scn->n_steps;
	char hint[NEAREST_HINT_MAX];

	for (size_t i = 0; i < o->without.n; i++) {
		const char *word = o->without.items[i], *ids[STEPS_MAX];
		size_t n_ids = 0, number = strspn(word, "0123456789") == strlen(word)
						   ? strtoul(word, NULL, 10)
						   : 0;
		bool found = number >= 1 && number <= n;

		for (size_t k = 0; k < n && !found; k++)
			if (p->scn->steps[k].id) {
				ids[n_ids++] = p->scn->steps[k].id;
				found = !strcmp(ids[n_ids - 1], word);
			}
		if (!found)
			return err_set(e, E_INVAL, "--without %s: no step of %s%s", word,
				       p->scn->name,
				       nearest_hint(word, ids, n_ids, hint));
	}
	return 0;
}

/* Is @text one of them? Without a list all are meant. */
static bool is_meant(const struct text_list *l, const char *text)
{
	return !l->n || in_list(l, text);
}

static bool wanted(const struct plan *p, const struct plan_options *o,
		   const struct step *s, size_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", number);
	if (in_list(&o->without, s->id) || in_list(&o->without, text))
		return false;
	if (o->control && in_list(&o->control->without, s->id))
		return false;
	return is_meant(&s->only, o->variant ? o->variant->name : NULL) &&
	       is_meant(&s->machines, p->s.machine->name) &&
	       is_meant(&s->releases, p->s.release->name);
}

static int settle_steps(struct plan *p, const struct plan_options *o, struct err *e)
{
	struct binder b = {.arena = &p->arena};

	if (check_without(p, o, e))
		return -(int)e->code;
	p->steps = arena_array(&p->arena, p->scn->n_steps, sizeof(*p->steps), e);
	if (!p->steps)
		return -(int)e->code;
	for (size_t i = 0; i < p->scn->n_steps; i++) {
		const struct ynode *other = NULL;
		struct step *s = &p->steps[p->n_steps];
		int r;

		if (!wanted(p, o, &p->scn->steps[i], i + 1))
			continue;
		*s = p->scn->steps[i];
		p->n_steps++;
		if (o->control && o->control->replace && s->id)
			other = ynode_get(o->control->replace, s->id);
		r = other ? step_read_args(&b, other, s, e) : 0;
		if (r)
			return r;
	}
	return 0;
}

/* Walk through the steps as the power goes on and off. */
static int check_power(struct plan *p, struct err *e)
{
	static const char *const names[] = {"off", "on"};
	enum power_state now = POWER_OFF;

	for (size_t i = 0; i < p->n_steps; i++) {
		const struct step *s = &p->steps[i];
		const struct step_boot *boot = s->args;

		if (s->type->needs != POWER_ANY && s->type->needs != now)
			return ynode_error(s->at, e, "%s: the machine is %s here",
					   s->type->name, names[now]);
		if (s->type->leaves != POWER_ANY)
			now = s->type->leaves;
		if (s->type->run == step_run_boot && boot->refused)
			now = POWER_OFF;
		if (s->type->run == step_run_expect) {
			const struct expect *x = s->args;

			if (x->running.n && now == POWER_OFF)
				return ynode_error(s->at, e,
						   "running: the machine is off here");
			if ((x->n_nvram || x->seal) && now == POWER_ON)
				return ynode_error(s->at, e, "%s: the machine is on here",
						   x->seal ? "seal" : "nvram");
		}
	}
	p->ends_on = now == POWER_ON;
	if (p->scn->expect && p->scn->expect->running.n)
		return ynode_error(
			p->scn->doc.root, e,
			"expect: running needs a machine that is on; use a step");
	return 0;
}

/* Every @{name} of the file must mean something, also where it is not used. */
static int check_references(struct plan *p, const struct ynode *n, struct err *e)
{
	struct err sub = ERR_INIT;
	const char *text;
	int r = 0;

	if (n->kind == YNODE_SCALAR && strstr(n->text, "@{") &&
	    plan_expand(p, n->text, &p->arena, &text, &sub))
		return ynode_error(n, e, "%s", sub.msg);
	/* The document's depth is bounded when it is parsed. */
	for (const struct ynode *c = n->first; c && !r; c = c->next)
		r = check_references(p, c, e);
	return r;
}

static int settle_names(struct plan *p, const struct plan_options *o, struct err *e)
{
	p->name = o->variant ? arena_printf(&p->arena, e, "%s/%s", p->scn->name,
					    o->variant->name)
			     : p->scn->name;
	if (!p->name)
		return -(int)e->code;
	return plan_reproduce(p, o, e);
}

int plan_make(const struct scenario *scn, const struct plan_options *opts,
	      struct plan **ret, struct err *e)
{
	struct plan *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_set(e, E_NOMEM, "out of memory");
	p->scn = scn;
	p->variant = opts->variant;
	p->control = opts->control;
	r = settle_settings(p, opts, e);
	if (!r)
		r = settle_steps(p, opts, e);
	if (!r)
		r = check_power(p, e);
	if (!r)
		r = plan_system(p, opts, e);
	if (!r)
		r = plan_bundles(p, opts, e);
	if (!r)
		r = check_references(p, scn->doc.root, e);
	if (!r)
		r = settle_names(p, opts, e);
	if (r)
		plan_free(p);
	else
		*ret = p;
	return r;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_set_docs; i++)
		ydoc_release(&p->set_docs[i]);
	arena_release(&p->arena);
	free(p);
}

struct var {
	const char *name;
	const char *value;
};

static const char *plan_var(const struct plan *p, const char *name, struct arena *a,
			    struct err *e)
{
	const struct release *r = p->s.release;
	const struct var vars[] = {
		{"release", r->name},
		{"release.product_version", r->product_version},
		{"release.build", r->build},
		{"release.darwin", p->darwin},
		{"release.xnu", p->xnu},
		{"release.kext_tools", r->kext_tools},
		{"machine", p->s.machine->name},
		{"system", p->s.volumes.system_name},
	};
	const char *dot = strchr(name, '.');

	for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++)
		if (!strcmp(vars[i].name, name))
			return vars[i].value;
	if (!strcmp(name, "data"))
		return arena_printf(a, e, "%s - Data", p->s.volumes.system_name);
	for (size_t i = 0; dot && i < p->n_bundles; i++) {
		const struct plan_bundle *b = &p->bundles[i];

		if (!b->name || strlen(b->name) != (size_t)(dot - name) ||
		    strncmp(b->name, name, (size_t)(dot - name)))
			continue;
		if (!strcmp(dot, ".id"))
			return b->id ? b->id : "";
		if (!strcmp(dot, ".version"))
			return b->version ? b->version : "";
		if (!strcmp(dot, ".file"))
			return b->mac_name;
	}
	err_set(e, E_SCHEMA, "unknown reference '@{%s}'", name);
	return NULL;
}

int plan_expand(const struct plan *p, const char *text, struct arena *a, const char **ret,
		struct err *e)
{
	struct buf out = BUF_INIT;
	int r = 0;

	while (*text && !r) {
		const char *ref = strstr(text, "@{"),
			   *end = ref ? strchr(ref, '}') : NULL;
		size_t plain = end ? (size_t)(ref - text) : strlen(text);
		const char *value = "";

		r = buf_append(&out, text, plain, e);
		text += plain;
		if (r || !end)
			continue;
		text = arena_strndup(a, ref + 2, (size_t)(end - ref - 2), e);
		value = text ? plan_var(p, text, a, e) : NULL;
		r = value ? buf_append(&out, value, strlen(value), e) : -(int)e->code;
		text = end + 1;
		if (!r && out.len > TEXT_MAX)
			r = err_set(e, E_SCHEMA, "text too long");
	}
	if (!r) {
		*ret = arena_strndup(a, out.data ? (char *)out.data : "", out.len, e);
		r = *ret ? 0 : -(int)e->code;
	}
	buf_release(&out);
	return r;
}
