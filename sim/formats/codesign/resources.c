/* SPDX-License-Identifier: MIT */
/* Walking over a bundle's files by the rules. */
#define _GNU_SOURCE
#include "sim/formats/codesign/resources.h"

#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/base/fsio.h"
#include "sim/formats/codesign/osstatus.h"

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

int cs_rules_exclude_parts(struct cs_rules *rules, const struct cs_code *c, struct err *e)
{
	static const char *const always[] = {CS_META_FOLDER, CS_RESOURCES_FILE,
					     "_MASReceipt"};
	const char *exec = *c->executable ? c->executable : c->info_path;
	size_t below = fsio_below(exec, c->base);
	int r = 0;

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]) && !r; i++)
		r = cs_rules_exclude(rules, always[i], e);
	if (!r && below && exec[below])
		r = cs_rules_exclude(rules, exec + below + 1, e);
	return r;
}

struct walk {
	const struct cs_rules *rules;
	const struct cs_walk *w;
	size_t prefix; /* of the base in paths */
	size_t n;
	int *status;
	struct err *e;
};

static int refuse(struct walk *k, int status, const FTSENT *ent, const char *why)
{
	*k->status = status;
	err_set(k->e, E_CORRUPT, "%s: %s", ent->fts_path + k->prefix, why);
	return 0;
}

static int tell(struct walk *k, const FTSENT *ent, unsigned flags)
{
	struct cs_found f = {
		.rel = ent->fts_path + k->prefix,
		.path = ent->fts_path,
		.flags = flags,
		.is_link = ent->fts_info == FTS_SL || ent->fts_info == FTS_SLNONE,
	};

	if (++k->n > CS_FILES_MAX)
		return err_set(k->e, E_OVERFLOW, "more than %d files", CS_FILES_MAX);
	return k->w->found(k->w->ctx, &f, k->e);
}

static int on_file(struct walk *k, const FTSENT *ent)
{
	unsigned flags = 0;
	bool link = ent->fts_info == FTS_SL || ent->fts_info == FTS_SLNONE;

	if (link && !strcasecmp(ent->fts_name, ".DS_Store"))
		return refuse(k, CS_DS_STORE_SYMLINK, ent, "a symbolic link");
	if (!cs_rules_find(k->rules, ent->fts_path + k->prefix, &flags) ||
	    (flags & (CS_RULE_OMITTED | CS_RULE_EXCLUDED)))
		return 0;
	/* A link is never code. */
	return tell(k, ent, link ? flags & ~CS_RULE_NESTED : flags);
}

static int on_folder(struct walk *k, FTS *fts, FTSENT *ent)
{
	unsigned flags = 0;

	if (ent->fts_level == 0 ||
	    !cs_rules_find(k->rules, ent->fts_path + k->prefix, &flags))
		return 0;
	if (flags & CS_RULE_EXCLUDED)
		return fts_set(fts, ent, FTS_SKIP);
	/* In a place for code, a folder with an extension is a bundle. */
	if (!(flags & CS_RULE_NESTED) || !strchr(ent->fts_name, '.'))
		return 0;
	fts_set(fts, ent, FTS_SKIP);
	return tell(k, ent, flags);
}

static int on_entry(struct walk *k, FTS *fts, FTSENT *ent)
{
	switch (ent->fts_info) {
	case FTS_F:
	case FTS_SL:
	case FTS_SLNONE:
		return on_file(k, ent);
	case FTS_D:
		return on_folder(k, fts, ent);
	case FTS_DP:
		return 0;
	case FTS_DNR:
	case FTS_NS:
	case FTS_ERR:
		return refuse(k, CS_SIGNATURE_NOT_VERIFIABLE, ent, strerror(ent->fts_errno));
	default:
		return refuse(k, CS_RESOURCE_NOT_SUPPORTED, ent,
			      "neither folder nor file nor link");
	}
}

int cs_resources_walk(const struct cs_code *c, const struct cs_rules *rules,
		      const struct cs_walk *w, int *ret_status, struct err *e)
{
	char base[PATH_MAX];
	char *const paths[] = {base, NULL};
	struct walk k = {.rules = rules, .w = w, .status = ret_status, .e = e};
	FTSENT *ent;
	FTS *fts;
	int r = 0;

	memcpy(base, c->base, sizeof(base));
	k.prefix = strlen(base) + 1;
	*ret_status = CS_OK;
	fts = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	if (!fts)
		return err_sys(e, "%s", base);
	while (!r && !*ret_status && (ent = fts_read(fts)))
		r = on_entry(&k, fts, ent);
	fts_close(fts);
	return r;
}

/* ---- what differs ---- */

const char *cs_problem_text(enum cs_problem_kind kind)
{
	static const char *const texts[] = {
		[CS_ALTERED] = "file modified",
		[CS_MISSING] = "file missing",
		[CS_ADDED] = "file added",
	};

	return texts[kind];
}

void cs_problems_release(struct cs_problems *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->item[i].rel);
	*p = (struct cs_problems){.n = 0};
}

int cs_problems_add(struct cs_problems *p, enum cs_problem_kind kind, int status,
		    const char *rel, struct err *e)
{
	char *copy;

	if (p->n == CS_PROBLEMS_MAX) {
		p->more++;
		return 0;
	}
	copy = strdup(rel);
	if (!copy)
		return err_set(e, E_NOMEM, "out of memory");
	p->item[p->n++] =
		(struct cs_problem){.kind = kind, .status = status, .rel = copy};
	return 0;
}
