/* SPDX-License-Identifier: MIT */
/* Judging expectations: kernels, files, what runs, NVRAM. */
#include <stdio.h>
#include <string.h>

#include "harness/engine_impl.h"
#include "harness/expect_judge.h"
#include "harness/kernel_place.h"
#include "harness/match.h"
#include "sim/base/idtext.h"

static const char *const kernel_names[] = {"system_kernel", "staged_kernel",
					   "booted_kernel"};

static int read_file(struct engine *en, struct macfs *fs, const char *path,
		     struct kernel_info *ret, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = macfs_read(fs, path, KERNEL_FILE_MAX, &b, e);

	if (!r)
		r = en->cfg->read_kernel
			    ? en->cfg->read_kernel(b.data, b.len, &en->arena, ret, e)
			    : kernel_info_read(b.data, b.len, &en->arena, ret, e);
	buf_release(&b);
	return r == -E_NOTFOUND ? r : r ? err_ctx(e, "%s", path) : 0;
}

/* The group is that of the disk: a running Mac is not asked for it. */
static int find_kernel(struct engine *en, struct macfs *fs, enum kernel_which which,
		       char path[static MACFS_PATH_MAX], struct err *e)
{
	int r = en->group[0] || en->on ? 0 : macfs_group(fs, en->group, e);

	return r ? r
		 : kernel_place(fs, en->release, en->plan->s.machine, en->group, which,
				path, e);
}

int engine_kernel(struct engine *en, enum kernel_which which, struct kernel_info *ret,
		  struct err *e)
{
	char path[MACFS_PATH_MAX];
	struct macfs *fs;
	int r;

	if (which == KERNEL_BOOTED) {
		*ret = en->booted;
		return 0;
	}
	*ret = (struct kernel_info){.sha256 = "", .kcid = "", .darwin = ""};
	r = engine_files(en, &fs, e);
	if (!r)
		r = find_kernel(en, fs, which, path, e);
	if (!r)
		r = read_file(en, fs, path, ret, e);
	if (r != -E_NOTFOUND)
		return r;
	err_clear(e); /* that there is none is an answer */
	return 0;
}

/*
 * "@update": "@previous" asks for update's id and for the version that previous gives
 * this id; a bundle of another id gives it none.
 */
static int resolve_want(struct engine *en, const struct kext_want *w, const char **ret_id,
			const char **ret_version, struct err *e)
{
	const struct plan_bundle *b;
	int r;

	if (w->id[0] == '@' && w->id[1] != '{') {
		r = plan_bundle(en->plan, w->id, &b, e);
		*ret_id = r ? "" : b->id;
	} else {
		r = engine_text(en, w->id, ret_id, e);
	}
	if (r)
		return r;
	if (w->version[0] != '@' || w->version[1] == '{')
		return engine_text(en, w->version, ret_version, e);
	r = plan_bundle(en->plan, w->version, &b, e);
	if (!r)
		*ret_version = strcmp(b->id, *ret_id) ? "absent" : b->version;
	return r;
}

/* Versions of kexts in @k; the checks are called @name.kexts.ID. */
static int expect_kexts(struct engine *en, const char *name,
			const struct kext_wants *wants, const struct kernel_info *k,
			struct err *e)
{
	for (size_t i = 0; i < wants->n; i++) {
		const char *id, *version, *got;
		char check[256];
		int r = resolve_want(en, &wants->items[i], &id, &version, e);

		if (r)
			return r;
		got = kernel_info_version(k, id);
		snprintf(check, sizeof(check), "%s.kexts.%s", name, id);
		r = engine_check(en, check, !strcmp(got, version), version, e, "%s", got);
		if (r)
			return r;
	}
	return 0;
}

static int expect_same(struct engine *en, const char *name, const char *what, bool id,
		       const struct kernel_info *k, const struct kernel_info *other,
		       const char *other_name, bool want, struct err *e)
{
	const char *a = id ? k->kcid : k->sha256, *b = id ? other->kcid : other->sha256;
	char check[64], expected[256];

	snprintf(check, sizeof(check), "%s.%s", name, what);
	snprintf(expected, sizeof(expected), "%s that of %s, %.100s", want ? "" : "not",
		 other_name, b[0] ? b : "which is missing");
	return engine_check(en, check,
			    !(k->exists && other->exists && !strcmp(a, b)) == !want,
			    expected + (want ? 1 : 0), e, "%s", a[0] ? a : "missing");
}

static int expect_equal(struct engine *en, const char *name,
			const struct kernel_expect *x, const struct kernel_info *k,
			struct err *e)
{
	struct kernel_info other;
	int r = 0;

	if (x->equal_to) {
		r = engine_kernel(en, (enum kernel_which)(x->equal_to - 1), &other, e);
		if (!r)
			r = expect_same(en, name, "equal_to", false, k, &other,
					kernel_names[x->equal_to - 1], true, e);
	}
	if (!r && x->same_id_as) {
		r = engine_kernel(en, (enum kernel_which)(x->same_id_as - 1), &other, e);
		if (!r)
			r = expect_same(en, name, "same_id_as", true, k, &other,
					kernel_names[x->same_id_as - 1], true, e);
	}
	return r;
}

static int expect_kernel(struct engine *en, enum kernel_which which,
			 const struct kernel_expect *x, struct err *e)
{
	const char *name = kernel_names[which], *want;
	struct kernel_info k;
	char check[64];
	int r = engine_kernel(en, which, &k, e);

	if (r)
		return r;
	snprintf(check, sizeof(check), "%s.exists", name);
	r = engine_check(en, check, k.exists == (x->exists != 0),
			 x->exists ? "present" : "absent", e, "%s",
			 k.exists ? "present" : "absent");
	if (r || !k.exists)
		return r;
	r = expect_kexts(en, name, &x->kexts, &k, e);
	if (!r)
		r = expect_equal(en, name, x, &k, e);
	if (!r && x->unchanged >= 0)
		r = expect_same(en, name, "unchanged", false, &k, &en->before[which],
				"the one before the first boot", x->unchanged, e);
	snprintf(check, sizeof(check), "%s.verify", name);
	if (!r && x->verify)
		r = engine_check(en, check, match_like(x->verify, k.bad ? k.bad : "ok"),
				 x->verify, e, "%s", k.bad ? k.bad : "ok");
	snprintf(check, sizeof(check), "%s.darwin", name);
	if (!r && x->darwin) {
		r = engine_text(en, x->darwin, &want, e);
		if (!r)
			r = engine_check(en, check, match_like(want, k.darwin), want, e,
					 "%s", k.darwin);
	}
	return r;
}

int engine_match(struct engine *en, const char *name, const struct text_match *m,
		 const char *text, struct err *e)
{
	const char *want;
	char check[320];
	bool ok = false;
	int r;

	snprintf(check, sizeof(check), "%s.equals", name);
	r = engine_text(en, m->equals, &want, e);
	if (!r && want)
		r = engine_check(en, check, match_equals(want, text), want, e, "%s",
				 text);
	snprintf(check, sizeof(check), "%s.contains", name);
	if (!r)
		r = engine_text(en, m->contains, &want, e);
	if (!r && want)
		r = engine_check(en, check, strstr(text, want) != NULL, want, e, "%s",
				 text);
	snprintf(check, sizeof(check), "%s.like", name);
	if (!r)
		r = engine_text(en, m->like, &want, e);
	if (!r && want)
		r = engine_check(en, check, match_like_line(want, text), want, e, "%s",
				 text);
	snprintf(check, sizeof(check), "%s.regex", name);
	if (!r)
		r = engine_text(en, m->regex, &want, e);
	if (!r && want)
		r = match_regex(want, text, &ok, e);
	if (!r && want)
		r = engine_check(en, check, ok, want, e, "%s", text);
	return r;
}

/* kextstat(8): "  12    0 0xffff... 0x6000 0x6000 com.example.filter (2.0) UUID <1 3>" */
static int parse_kextstat(char *text, struct arena *a, struct kernel_info *k,
			  struct err *e)
{
	size_t max = 0;
	char *save = NULL;

	for (const char *p = text; *p; p++)
		max += *p == '\n';
	k->kexts = arena_array(a, max + 1, sizeof(*k->kexts), e);
	if (!k->kexts)
		return -(int)e->code;
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *open = strstr(line, " ("), *close = open ? strchr(open, ')') : NULL;
		char *id;

		if (!close)
			continue;
		*open = *close = 0;
		id = strrchr(line, ' ');
		k->kexts[k->n_kexts].id = arena_strdup(a, id ? id + 1 : line, e);
		k->kexts[k->n_kexts].version = arena_strdup(a, open + 2, e);
		if (!k->kexts[k->n_kexts].id || !k->kexts[k->n_kexts].version)
			return -(int)e->code;
		k->n_kexts++;
	}
	return 0;
}

static int expect_running(struct engine *en, const struct kext_wants *wants,
			  struct err *e)
{
	const char *const argv[] = {"/usr/sbin/kextstat", NULL};
	const struct machine_exec x = {.argv = argv, .timeout_ms = 30000};
	struct machine_result res = {.status = 0};
	struct kernel_info k = {.exists = true};
	int r = wants->n ? engine_exec(en, &x, &res, e) : 0;

	if (wants->n && !r && !res.gone) {
		(void)buf_str(&res.out);
		if (res.out.data)
			r = parse_kextstat((char *)res.out.data, &en->arena, &k, e);
		if (!r)
			r = expect_kexts(en, "running", wants, &k, e);
	}
	machine_result_release(&res);
	return r;
}

static int expect_nvram(struct engine *en, const struct nvram_want *w, struct err *e)
{
	struct buf b = BUF_INIT;
	char got[1024] = "absent", check[128];
	int r = en->machine->ops->nvram_get(en->machine->m, w->name, &b, e);

	if (r && r != -E_NOTFOUND)
		return r;
	if (!r)
		hex_text(b.data, b.len < sizeof(got) / 2 ? b.len : sizeof(got) / 2 - 1, got);
	buf_release(&b);
	err_clear(e);
	snprintf(check, sizeof(check), "nvram.%s", w->name);
	return engine_check(en, check, !strcmp(got, w->hex), w->hex, e, "%s", got);
}

int engine_expect(struct engine *en, const struct expect *x, struct err *e)
{
	int r = 0;

	for (unsigned k = 0; k < KERNEL_WHICH_MAX && !r; k++)
		if (x->kernel[k])
			r = expect_kernel(en, (enum kernel_which)k, x->kernel[k], e);
	if (!r)
		r = expect_running(en, &x->running, e);
	for (size_t i = 0; i < x->n_files && !r; i++)
		r = expect_file(en, &x->files[i], e);
	if (!r && x->console)
		r = expect_console(en, x->console, e);
	for (size_t i = 0; i < x->n_events && !r; i++)
		r = expect_event(en, &x->events[i], e);
	for (size_t i = 0; i < x->n_nvram && !r; i++)
		r = expect_nvram(en, &x->nvram[i], e);
	if (!r && x->seal)
		r = expect_seal(en, x->seal, e);
	return r;
}

int step_run_expect(struct engine *en, const struct step *s, struct err *e)
{
	/* What is on a running Mac may have changed since the last look. */
	engine_drop_files(en);
	return engine_expect(en, s->args, e);
}
