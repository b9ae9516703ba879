/* SPDX-License-Identifier: MIT */
/* A plan in words: the command that runs it again, and JSON. */
#include <stdio.h>
#include <string.h>

#include "harness/plan_impl.h"

/* @text as one word of a shell command. */
static int add_word(struct buf *b, const char *text, struct err *e)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-_./=,:@+";
	int r;

	if (*text && strspn(text, safe) == strlen(text))
		return buf_printf(b, e, " %s", text);
	r = buf_printf(b, e, " '");
	for (; *text && !r; text++)
		r = *text == '\'' ? buf_printf(b, e, "'\\''") : buf_append(b, text, 1, e);
	return r ? r : buf_printf(b, e, "'");
}

static int add_option(struct buf *b, const char *option, const char *value, struct err *e)
{
	int r = value ? buf_printf(b, e, " %s", option) : 0;

	return r || !value ? r : add_word(b, value, e);
}

/* Scenarios of the house go by their names, others by their files. */
static bool in_house(const struct plan *p, const char *source_dir)
{
	const char *folder = p->scn->folder;
	size_t len = source_dir ? strlen(source_dir) : 0;

	if (len && strcmp(source_dir, ".")) {
		if (strncmp(folder, source_dir, len) || folder[len] != '/')
			return false;
		folder += len + 1;
	}
	return !strcmp(folder, "scenarios");
}

static int add_options(struct buf *b, const struct plan *p, const struct plan_options *o,
		       struct err *e)
{
	int r = add_word(b, o->program ? o->program : "build/kextlab", e);

	if (!r)
		r = buf_printf(b, e, " run --keep");
	if (!r)
		r = add_option(b, "--release", o->release, e);
	if (!r)
		r = add_option(b, "--sip", o->sip, e);
	if (!r)
		r = add_option(b, "--machine", o->machine, e);
	if (!r)
		r = add_option(b, "--kext", o->kext, e);
	if (!r)
		r = add_option(b, "--system", o->system, e);
	for (size_t i = 0; i < o->sets.n && !r; i++)
		r = add_option(b, "--set", o->sets.items[i], e);
	for (size_t i = 0; i < o->without.n && !r; i++)
		r = add_option(b, "--without", o->without.items[i], e);
	if (!r && o->control)
		r = add_option(b, "--control", o->control->name, e);
	return r ? r
		 : add_word(b, in_house(p, o->source_dir) ? p->name : p->scn->file, e);
}

int plan_reproduce(struct plan *p, const struct plan_options *o, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = add_options(&b, p, o, e);

	if (!r) {
		/* Without the space in front of the first word. */
		p->reproduce = arena_strdup(&p->arena, buf_str(&b) + 1, e);
		r = p->reproduce ? 0 : -(int)e->code;
	}
	buf_release(&b);
	return r;
}

static json_t *steps_json(const struct plan *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n_steps; i++) {
		const struct step *s = &p->steps[i];
		char title[128];

		step_title(s, title, sizeof(title));
		json_array_append_new(
			list, json_pack("{s:i, s:s, s:s, s:s*, s:I, s:i}", "number",
					(int)i + 1, "step", s->type->name, "title", title,
					"id", s->id, "timeout_s",
					(json_int_t)(s->timeout_s ? s->timeout_s
								  : s->type->timeout_s),
					"line", (int)s->at->line));
	}
	return list;
}

static json_t *bundles_json(const struct plan *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n_bundles; i++) {
		const struct plan_bundle *b = &p->bundles[i];

		json_array_append_new(list, json_pack("{s:s*, s:s, s:s*, s:s*}", "name",
						      b->name, "path", b->path, "id",
						      b->id, "version", b->version));
	}
	return list;
}

json_t *plan_json(const struct plan *p)
{
	static const char *const orders[] = {"upgraded", "clean"};
	char csr[16];

	snprintf(csr, sizeof(csr), "0x%x", p->s.csr);
	return json_pack(
		"{s:s, s:s, s:s, s:s*, s:s, s:s, s:s, s:s, s:f, s:I, s:{s:s, s:s},"
		" s:b, s:s*, s:o, s:o, s:s}",
		"name", p->name, "file", p->scn->file, "summary", p->scn->summary,
		"control", p->control ? p->control->name : NULL, "machine",
		p->s.machine->name, "release", p->s.release->name, "build",
		p->s.release->build, "csr_active_config", csr, "time_factor",
		p->s.time_factor, "timeout_s", (json_int_t)p->s.timeout_s, "volumes",
		"system_name", p->s.volumes.system_name, "order",
		orders[p->s.volumes.order], "filevault", p->s.filevault.user != NULL,
		"system", p->system, "bundles", bundles_json(p), "steps", steps_json(p),
		"reproduce", p->reproduce);
}
