/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "harness/scenario.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/base/fsio.h"
#include "sim/platform/csr.h"

static const char *const security_words[] = {"full", "reduced", "permissive", NULL};
static const char *const order_words[] = {"upgraded", "clean", NULL};

int scenario_parse_sip(const char *text, uint32_t *ret_csr, struct err *e)
{
	char *end;
	unsigned long v;

	if (!strcmp(text, "enabled") || !strcmp(text, "on")) {
		*ret_csr = 0;
		return 0;
	}
	if (!strcmp(text, "disabled") || !strcmp(text, "off")) {
		*ret_csr = CSR_DISABLE_CATALINA;
		return 0;
	}
	v = strtoul(text, &end, 16);
	if (strncmp(text, "0x", 2) || *end || v & ~(unsigned long)CSR_KNOWN_FLAGS)
		return err_set(
			e, E_INVAL,
			"sip: '%s' is neither enabled, disabled nor flags like 0x77",
			text);
	*ret_csr = (uint32_t)v;
	return 0;
}

static int read_machine(struct binder *b, const struct ynode *n, void *field,
			struct err *e)
{
	char hint[NEAREST_HINT_MAX];
	int r = schema_want(n, YNODE_SCALAR, "machine", e);

	(void)b;
	if (r)
		return r;
	*(const struct machine_model **)field = machine_by_name(n->text);
	if (*(const struct machine_model **)field)
		return 0;
	return ynode_error(n, e, "unknown machine '%s'%s", n->text,
			   machine_hint(n->text, hint));
}

static int read_sip(struct binder *b, const struct ynode *n, void *field, struct err *e)
{
	struct err sub = ERR_INIT;
	int r = schema_want(n, YNODE_SCALAR, "sip", e);

	(void)b;
	if (r)
		return r;
	if (scenario_parse_sip(n->text, field, &sub))
		return ynode_error(n, e, "%s", sub.msg);
	return 0;
}

static int read_clock(struct binder *b, const struct ynode *n, void *field, struct err *e)
{
	struct tm tm = {.tm_isdst = 0};
	const char *end;
	int r = schema_want(n, YNODE_SCALAR, "clock", e);

	(void)b;
	if (r)
		return r;
	end = strptime(n->text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || *end || tm.tm_year < 100 || tm.tm_year > 190)
		return ynode_error(n, e,
				   "clock: '%s' is not a time like 2019-10-10T11:00:31Z",
				   n->text);
	*(int64_t *)field = (int64_t)timegm(&tm) * 1000000000;
	return 0;
}

static int read_bundles(struct binder *b, const struct ynode *n, void *field,
			struct err *e)
{
	struct scn_settings *s = field;
	size_t i = 0;
	int r = schema_want(n, YNODE_MAP, "bundles", e);

	if (r)
		return r;
	s->bundles = arena_array(b->arena, n->n, sizeof(*s->bundles), e);
	if (!s->bundles)
		return -(int)e->code;
	for (const struct ynode *c = n->first; c && !r; c = c->next) {
		r = schema_want(c, YNODE_SCALAR, "bundle", e);
		s->bundles[i++] = (struct scn_bundle){c->key->text, c->text, c};
	}
	s->n_bundles = i;
	return r;
}

const struct schema_key scn_kext_keys[] = {
	{"bundle", SCHEMA_TEXT, true, offsetof(struct scn_kext, bundle),
	 .doc = "`@name` of a bundle, or a path from the scenario's folder"},
	{"to", SCHEMA_TEXT, .offset = offsetof(struct scn_kext, to),
	 .doc = "folder on the Mac; /Library/Extensions when absent"},
	{NULL},
};

static int read_disk_kexts(struct binder *b, const struct ynode *n, void *field,
			   struct err *e)
{
	struct scn_settings *s = field;
	size_t i = 0;
	int r = schema_want(n, YNODE_LIST, "kexts", e);

	if (r)
		return r;
	s->kexts = arena_array(b->arena, n->n, sizeof(*s->kexts), e);
	if (!s->kexts)
		return -(int)e->code;
	for (const struct ynode *c = n->first; c && !r; c = c->next) {
		s->kexts[i].at = c;
		r = schema_bind(b, c, scn_kext_keys, &s->kexts[i++], e);
	}
	s->n_kexts = i;
	return r;
}

static int read_approved(struct binder *b, const struct ynode *n, void *field, struct err *e)
{
	struct scn_settings *s = field;
	size_t i = 0;
	int r = schema_want(n, YNODE_LIST, "approved", e);

	if (r)
		return r;
	s->approved_at = n;
	s->approved.items = arena_array(b->arena, n->n, sizeof(*s->approved.items), e);
	if (!s->approved.items)
		return -(int)e->code;
	for (const struct ynode *c = n->first; c && !r; c = c->next) {
		r = schema_want(c, YNODE_SCALAR, "approved", e);
		s->approved.items[i++] = c->text;
	}
	s->approved.n = i;
	return r;
}

#define SETTING(field) .offset = offsetof(struct scn_settings, field)

const struct schema_key volumes_keys[] = {
	{"system_name", SCHEMA_TEXT, SETTING(volumes.system_name),
	 .doc = "name of the System volume; Macintosh HD when absent"},
	{"order", SCHEMA_WORD, SETTING(volumes.order), .words = order_words,
	 .doc = "System last, as on a Mac that was updated to Catalina, or first"},
	{"sleepimage_mib", SCHEMA_UINT, SETTING(volumes.sleepimage_mib), .max = 3072,
	 .doc = "size of /private/var/vm/sleepimage, to fill the container of 3072 MiB"},
	{NULL},
};

const struct schema_key filevault_keys[] = {
	{"user", SCHEMA_TEXT, true, SETTING(filevault.user), .doc = "who may unlock it"},
	{"passphrase", SCHEMA_TEXT, true, SETTING(filevault.passphrase),
	 .doc = "with what"},
	{NULL},
};

const struct schema_key settings_keys[] = {
	{"machine", SCHEMA_CUSTOM, SETTING(machine), .read = read_machine,
	 .type = "name of a machine", .doc = "the simulated Mac; intel when absent"},
	{"release", SCHEMA_CUSTOM, SETTING(release), .read = release_read,
	 .type = "name of a release", .doc = "macOS on the disk"},
	{"system", SCHEMA_TEXT, SETTING(system),
	 .doc = "folder with System/Library/Kernels/kernel and System/Library/Extensions "
		"of a "
		"real Mac (docs/own-system.md); kextlab's stand-ins when absent or "
		"empty"},
	{"sip", SCHEMA_CUSTOM, SETTING(csr), .read = read_sip,
	 .type = "enabled, disabled, or flags like 0x77",
	 .doc = "System Integrity Protection; enabled when absent"},
	{"security", SCHEMA_WORD, SETTING(security), .words = security_words,
	 .doc = "level of the LocalPolicy on Apple silicon; full when absent. Flags of "
		"`sip` need permissive"},
	{"clock", SCHEMA_CUSTOM, SETTING(clock_ns), .read = read_clock,
	 .type = "time like 2019-10-10T11:00:31Z",
	 .doc = "of the Mac at its first boot; a day after the release when absent"},
	{"time_factor", SCHEMA_NUMBER, SETTING(time_factor),
	 .doc = "the Mac's own waits are multiplied by it; 0.01 when absent"},
	{"timeout_s", SCHEMA_UINT, SETTING(timeout_s), .min = 1, .max = 7200,
	 .doc = "for the whole run, in seconds of the host; 600 when absent"},
	{"volumes", SCHEMA_MAP, .keys = volumes_keys, .doc = "the volumes of the disk"},
	{"filevault", SCHEMA_MAP, .keys = filevault_keys,
	 .doc = "encrypts System and Data"},
	{"bundles", SCHEMA_CUSTOM, .read = read_bundles, .type = "map of name to path",
	 .doc = "names for kext bundles"},
	{"kexts", SCHEMA_CUSTOM, .read = read_disk_kexts, .type = "list of maps",
	 .doc = "kexts that the disk's first kernel has"},
	{"approved", SCHEMA_CUSTOM, .read = read_approved, .type = "list of bundles",
	 .doc = "bundles that the user of the Mac has allowed before; all of the "
		"scenario "
		"when absent"},
	{NULL},
};

/*
 * A list of maps of @size bytes each, read by @one. The array and its length stand
 * beside each other in the struct scenario.
 */
static int read_list(struct binder *b, const struct ynode *n, size_t size, size_t max,
		     int (*one)(struct binder *, const struct ynode *, void *,
				struct err *),
		     void *ret_items, size_t *ret_n, struct err *e)
{
	int r = schema_want(n, YNODE_LIST, n->key->text, e);
	char *p;

	if (r)
		return r;
	if (n->n > max)
		return ynode_error(n, e, "%s: more than %zu", n->key->text, max);
	p = arena_array(b->arena, n->n, size, e);
	if (!p)
		return -(int)e->code;
	*(void **)ret_items = p;
	for (const struct ynode *c = n->first; c && !r; c = c->next, p += size) {
		r = one(b, c, p, e);
		(*ret_n)++;
	}
	return r;
}

static int read_step(struct binder *b, const struct ynode *n, void *obj, struct err *e)
{
	return step_read(b, n, obj, e);
}

static int read_steps(struct binder *b, const struct ynode *n, void *field, struct err *e)
{
	struct scenario *s = field;

	return read_list(b, n, sizeof(*s->steps), STEPS_MAX, read_step, &s->steps,
			 &s->n_steps, e);
}

const struct schema_key variant_keys[] = {
	{"name", SCHEMA_TEXT, true, offsetof(struct scn_variant, name),
	 .doc = "for `kextlab run SCENARIO/NAME` and for `only`"},
	{"summary", SCHEMA_TEXT, .offset = offsetof(struct scn_variant, summary),
	 .doc = "one line"},
	{"expect", SCHEMA_CUSTOM, .offset = offsetof(struct scn_variant, expect),
	 .read = expect_read, .type = "map of expectations",
	 .doc = "holds at the end, in addition to the scenario's own"},
	{NULL},
};

/* The settings are bound once here, so that a mistake is found without a plan. */
static int read_variant(struct binder *b, const struct ynode *n, void *obj, struct err *e)
{
	struct scn_variant *v = obj;
	struct scn_settings scratch = {.release = NULL};

	v->at = n;
	return schema_bind2(b, n, variant_keys, v, settings_keys, &scratch, e);
}

static int read_variants(struct binder *b, const struct ynode *n, void *field,
			 struct err *e)
{
	struct scenario *s = field;

	return read_list(b, n, sizeof(*s->variants), VARIANTS_MAX, read_variant,
			 &s->variants, &s->n_variants, e);
}

static int read_node(struct binder *b, const struct ynode *n, void *field, struct err *e)
{
	(void)b;
	*(const struct ynode **)field = n;
	return schema_want(n, YNODE_MAP, n->key->text, e);
}

const struct schema_key control_keys[] = {
	{"name", SCHEMA_TEXT, true, offsetof(struct scn_control, name),
	 .doc = "what is taken away; for `--control NAME`"},
	{"variant", SCHEMA_TEXT, .offset = offsetof(struct scn_control, variant),
	 .doc = "variant to run; the first when absent"},
	{"set", SCHEMA_CUSTOM, .offset = offsetof(struct scn_control, set),
	 .read = read_node, .type = "map of settings", .doc = "settings to change"},
	{"without", SCHEMA_TEXTS, .offset = offsetof(struct scn_control, without),
	 .doc = "ids of steps to leave out"},
	{"replace", SCHEMA_CUSTOM, .offset = offsetof(struct scn_control, replace),
	 .read = read_node, .type = "map of step id to arguments",
	 .doc = "steps to do with other arguments"},
	{"fails", SCHEMA_TEXTS, true, offsetof(struct scn_control, fails),
	 .doc = "beginnings of the names of checks; each must fail then"},
	{NULL},
};

static int read_control(struct binder *b, const struct ynode *n, void *obj, struct err *e)
{
	struct scn_control *c = obj;
	struct scn_settings scratch = {.release = NULL};
	int r;

	c->at = n;
	r = schema_bind(b, n, control_keys, c, e);
	if (!r && c->set)
		r = schema_bind(b, c->set, settings_keys, &scratch, e);
	if (!r && !c->set && !c->replace && !c->without.n)
		r = ynode_error(
			n, e, "a control takes something away: set, without or replace");
	return r;
}

static int read_controls(struct binder *b, const struct ynode *n, void *field,
			 struct err *e)
{
	struct scenario *s = field;

	return read_list(b, n, sizeof(*s->controls), VARIANTS_MAX, read_control,
			 &s->controls, &s->n_controls, e);
}

#define SCN(field) offsetof(struct scenario, field)

const struct schema_key scenario_keys[] = {
	{"name", SCHEMA_TEXT, true, SCN(name),
	 .doc = "as the file is called, without .yaml"},
	{"summary", SCHEMA_TEXT, true, SCN(summary), .doc = "one line: what it shows"},
	{"source", SCHEMA_TEXT, .offset = SCN(source), .doc = "where this was observed"},
	{"tags", SCHEMA_TEXTS, .offset = SCN(tags), .doc = "words for `--tag`"},
	{"show_boot", SCHEMA_BOOL, .offset = SCN(show_boot),
	 .doc = "print the last boot: its stages with their times, and the log"},
	{"steps", SCHEMA_CUSTOM, true, 0, .read = read_steps, .type = "list of steps",
	 .doc = "what happens"},
	{"expect", SCHEMA_CUSTOM, .offset = SCN(expect), .read = expect_read,
	 .type = "map of expectations",
	 .doc = "what holds in the end, with the power off"},
	{"variants", SCHEMA_CUSTOM, .offset = 0, .read = read_variants,
	 .type = "list of maps", .doc = "the same steps with other settings"},
	{"controls", SCHEMA_CUSTOM, .offset = 0, .read = read_controls,
	 .type = "list of maps", .doc = "negative controls: see below"},
	{NULL},
};

static bool good_name(const char *s)
{
	if (!*s || strlen(s) > 80 || *s == '-' || *s == '.')
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-_.", *s))
			return false;
	return true;
}

static int check_names(const struct scenario *s, struct err *e)
{
	const struct ynode *name = ynode_get(s->doc.root, "name");

	if (!good_name(s->name))
		return ynode_error(name, e,
				   "name '%s': letters, digits, '-', '_' and '.' only",
				   s->name);
	for (size_t i = 0; i < s->n_variants; i++) {
		if (!good_name(s->variants[i].name))
			return ynode_error(s->variants[i].at, e, "bad name of a variant");
		for (size_t k = 0; k < i; k++)
			if (!strcmp(s->variants[i].name, s->variants[k].name))
				return ynode_error(s->variants[i].at, e,
						   "variant '%s' is there twice",
						   s->variants[i].name);
	}
	return 0;
}

static const struct scn_variant *find_variant(const struct scenario *s, const char *name)
{
	for (size_t i = 0; i < s->n_variants; i++)
		if (!strcmp(s->variants[i].name, name))
			return &s->variants[i];
	return NULL;
}

static bool has_step(const struct scenario *s, const char *id)
{
	for (size_t i = 0; i < s->n_steps; i++)
		if (s->steps[i].id && !strcmp(s->steps[i].id, id))
			return true;
	return false;
}

/* Names that mean nothing would make a step that nobody has. */
static int check_whose(const struct scenario *s, const struct step *st, struct err *e)
{
	char hint[NEAREST_HINT_MAX];

	for (size_t k = 0; k < st->only.n; k++)
		if (!find_variant(s, st->only.items[k]))
			return ynode_error(st->at, e, "only: no variant '%s'",
					   st->only.items[k]);
	for (size_t k = 0; k < st->machines.n; k++)
		if (!machine_by_name(st->machines.items[k]))
			return ynode_error(st->at, e, "machines: no machine '%s'%s",
					   st->machines.items[k],
					   machine_hint(st->machines.items[k], hint));
	for (size_t k = 0; k < st->releases.n; k++)
		if (!release_by_name(st->releases.items[k]))
			return ynode_error(st->at, e, "releases: no release '%s'%s",
					   st->releases.items[k],
					   release_hint(st->releases.items[k], hint));
	return 0;
}

static int check_steps(const struct scenario *s, struct err *e)
{
	for (size_t i = 0; i < s->n_steps; i++) {
		const struct step *st = &s->steps[i];

		if (check_whose(s, st, e))
			return -(int)e->code;
		for (size_t k = 0; st->id && k < i; k++)
			if (s->steps[k].id && !strcmp(s->steps[k].id, st->id))
				return ynode_error(st->at, e, "id '%s' is there twice",
						   st->id);
	}
	return 0;
}

static int check_controls(const struct scenario *s, struct err *e)
{
	for (size_t i = 0; i < s->n_controls; i++) {
		const struct scn_control *c = &s->controls[i];

		if (c->variant && !find_variant(s, c->variant))
			return ynode_error(c->at, e, "no variant '%s'", c->variant);
		for (size_t k = 0; k < c->without.n; k++)
			if (!has_step(s, c->without.items[k]))
				return ynode_error(c->at, e, "no step has the id '%s'",
						   c->without.items[k]);
		for (const struct ynode *r = c->replace ? c->replace->first : NULL; r;
		     r = r->next)
			if (!has_step(s, r->key->text))
				return ynode_error(r->key, e, "no step has the id '%s'",
						   r->key->text);
	}
	return 0;
}

static int check_scenario(const struct scenario *s, struct err *e)
{
	int r;

	if (!s->settings.release && !s->n_variants)
		return ynode_error(s->doc.root, e, "key 'release' is missing");
	r = check_names(s, e);
	if (!r)
		r = check_steps(s, e);
	if (!r)
		r = check_controls(s, e);
	return r;
}

static void settings_init(struct scn_settings *s)
{
	*s = (struct scn_settings){
		.machine = machine_by_name("intel"),
		.clock_ns = INT64_MIN,
		.time_factor = 0.01,
		.timeout_s = 600,
		.volumes = {.system_name = "Macintosh HD",
			    .order = VOLUME_ORDER_UPGRADED},
	};
}

static int bind_scenario(struct scenario *s, const char *file, const void *text,
			 size_t len, struct err *e)
{
	struct binder b = {.arena = &s->doc.arena};
	const char *slash = strrchr(file, '/');
	int r = ydoc_parse(&s->doc, file, text, len, e);

	if (r)
		return r;
	s->file = arena_strdup(b.arena, file, e);
	s->folder = slash ? arena_strndup(b.arena, file, (size_t)(slash - file), e)
			  : arena_strdup(b.arena, ".", e);
	if (!s->file || !s->folder)
		return -(int)e->code;
	settings_init(&s->settings);
	r = schema_bind2(&b, s->doc.root, scenario_keys, s, settings_keys, &s->settings,
			 e);
	return r ? r : check_scenario(s, e);
}

int scenario_parse(const char *file, const void *text, size_t len, struct scenario **ret,
		   struct err *e)
{
	struct scenario *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_set(e, E_NOMEM, "out of memory");
	r = bind_scenario(s, file, text, len, e);
	if (r)
		scenario_free(s);
	else
		*ret = s;
	return r;
}

int scenario_load(const char *path, struct scenario **ret, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = fsio_read(path, YDOC_SIZE_MAX, &b, e);

	if (!r)
		r = scenario_parse(path, b.data ? (const void *)b.data : "", b.len, ret,
				   e);
	buf_release(&b);
	return r;
}

void scenario_free(struct scenario *s)
{
	if (!s)
		return;
	ydoc_release(&s->doc);
	free(s);
}
