/* SPDX-License-Identifier: MIT */
/* The kext bundles of a plan: where they are, and what they are. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/plan_impl.h"
#include "sim/base/fsio.h"
#include "sim/base/nearest.h"
#include "sim/formats/fstree/fstree.h"
#include "sim/formats/kext/kext.h"

/* The carrier takes 32 MiB (sim/carrier/control.h), and an archive has an end. */
#define INSTALL_MAX (31u << 20)
#define BUNDLES_MAX 64	     /* that an error message considers */
#define UPDATE "update" /* the bundle that --kext replaces */

int plan_host_path(struct plan *p, const struct plan_options *o, const char *path,
		   const char **ret, struct err *e)
{
	const char *build = o->build_dir ? o->build_dir : "build";
	char *out;

	if (path[0] == '/') {
		*ret = path;
		return 0;
	}
	out = !strncmp(path, "fixtures/", 9)
		      ? arena_printf(&p->arena, e, "%s/%s", build, path)
		      : arena_printf(&p->arena, e, "%s/%s", p->scn->folder, path);
	*ret = out;
	return out ? 0 : -(int)e->code;
}

/*
 * Fixtures come in versions, as .kext and .kext; on a Mac the new version of a
 * bundle takes the place of the old one.
 */
static int set_mac_name(struct plan *p, struct plan_bundle *b, struct err *e)
{
	const char *slash = strrchr(b->path, '/'), *name = slash ? slash + 1 : b->path;
	const char *dot = strrchr(name, '.'), *dash = strrchr(name, '-');

	if (dot && dash && dash > name && dash + 1 < dot &&
	    strspn(dash + 1, "0123456789.") >= (size_t)(dot - dash - 1))
		b->mac_name = arena_printf(&p->arena, e, "%.*s%s", (int)(dash - name),
					   name, dot);
	else
		b->mac_name = name;
	return b->mac_name ? 0 : -(int)e->code;
}

/* A kext that a user brings is judged before a machine is started for it. */
static int judge(struct kext *k, struct err *e)
{
	bool valid = kext_validate(k);
	const struct kext_diag *d = k->diags.n ? &k->diags.item[0] : NULL;

	if (!valid)
		return err_set(e, E_CORRUPT, "not a valid kext: %s%s%s",
			       d ? kext_fault_text(d->fault) : "Info.plist",
			       d && d->subject ? ": " : "",
			       d && d->subject ? d->subject : "");
	switch (kext_arch(k)) {
	case KEXT_ARCH_NO:
		return err_set(e, E_UNSUPPORTED, "its executable has no code for %s",
			       KEXT_ARCH);
	case KEXT_ARCH_BAD:
		return err_set(e, E_CORRUPT, "its executable is no Mach-O file");
	default:
		return 0;
	}
}

/* As large as an archive of its files that the step `install` sends. */
static uint64_t archive_size(const struct fs_tree *t)
{
	uint64_t size = 0;

	for (const struct fs_node *n = t->root; n; n = fs_tree_next(t, n))
		size += 512 + (n->host_path ? (n->size + 511) / 512 * 512 : 0);
	return size;
}

/* What cannot be installed is found here, not after the machine was started for it. */
static int check_files(const char *path, bool users, struct err *e)
{
	struct fs_tree t;
	int r = fs_tree_init(&t, 0, e);

	if (r)
		return r;
	r = fs_tree_import(&t, "/bundle", path, e);
	if (!r && users && archive_size(&t) > INSTALL_MAX)
		r = err_set(e, E_UNSUPPORTED, "larger than %u MiB, too large to install",
			    INSTALL_MAX >> 20);
	fs_tree_release(&t);
	return r;
}

static int open_bundle(struct plan *p, struct plan_bundle *b, bool users, struct err *e)
{
	struct kext *k = NULL;
	struct stat st;
	int r;

	if (stat(b->path, &st))
		return err_sys(e, "kext '%s'", b->path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, E_CORRUPT, "kext '%s': not a bundle (a folder)",
			       b->path);
	r = check_files(b->path, users, e);
	if (!r)
		r = kext_open(b->path, &k, e);
	if (!r && users)
		r = judge(k, e);
	if (!r && (!k->id[0] || !k->version_string[0]))
		r = err_set(e, E_CORRUPT, "no CFBundleIdentifier or CFBundleVersion");
	if (!r) {
		b->id = arena_strdup(&p->arena, k->id, e);
		b->version = arena_strdup(&p->arena, k->version_string, e);
		r = b->id && b->version ? 0 : -(int)e->code;
	} else {
		err_ctx(e, "kext '%s'", b->path);
	}
	kext_free(k);
	return r;
}

static int add(struct plan *p, const struct plan_options *o, const char *name,
	       const char *path, struct err *e)
{
	struct plan_bundle *b = &p->bundles[p->n_bundles];
	bool users = o->kext && name && !strcmp(name, UPDATE);
	int r = 0;

	b->name = name;
	b->ref = path;
	if (users)
		b->path = o->kext;
	else
		r = plan_host_path(p, o, path, &b->path, e);
	if (!r)
		r = set_mac_name(p, b, e);
	if (!r && !o->no_bundles)
		r = open_bundle(p, b, users, e);
	if (!r)
		p->n_bundles++;
	return r;
}

static int no_such_bundle(const struct plan *p, const char *name, const struct ynode *at,
			  struct err *e)
{
	const char *names[BUNDLES_MAX];
	char hint[NEAREST_HINT_MAX];
	size_t n = 0;

	for (size_t i = 0; i < p->n_bundles && n < BUNDLES_MAX; i++)
		if (p->bundles[i].name)
			names[n++] = p->bundles[i].name;
	nearest_hint(name, names, n, hint);
	return ynode_error(at, e, "no bundle is called '@%s'%s", name, hint);
}

/* "@name" has to be there already; a path is a bundle of its own. */
static int add_ref(struct plan *p, const struct plan_options *o, const struct ynode *at,
		   const char *ref, struct err *e)
{
	if (ref[0] != '@')
		return add(p, o, NULL, ref, e);
	for (size_t i = 0; i < p->n_bundles; i++)
		if (p->bundles[i].name && !strcmp(p->bundles[i].name, ref + 1))
			return 0;
	return no_such_bundle(p, ref + 1, at, e);
}

int plan_bundles(struct plan *p, const struct plan_options *o, struct err *e)
{
	size_t max = p->s.n_bundles + p->s.n_kexts + p->s.approved.n + p->n_steps;
	bool update = false;
	int r = 0;

	p->bundles = arena_array(&p->arena, max, sizeof(*p->bundles), e);
	if (!p->bundles)
		return -(int)e->code;
	for (size_t i = 0; i < p->s.n_bundles && !r; i++) {
		update |= !strcmp(p->s.bundles[i].name, UPDATE);
		r = add(p, o, p->s.bundles[i].name, p->s.bundles[i].path, e);
	}
	if (!r && o->kext && !update)
		r = err_set(e, E_INVAL,
			    "%s installs no bundle called '" UPDATE
			    "' that --kext could replace",
			    p->scn->name);
	for (size_t i = 0; i < p->s.n_kexts && !r; i++)
		r = add_ref(p, o, p->s.kexts[i].at, p->s.kexts[i].bundle, e);
	for (size_t i = 0; i < p->s.approved.n && !r; i++)
		r = add_ref(p, o, p->s.approved_at, p->s.approved.items[i], e);
	for (size_t i = 0; i < p->n_steps && !r; i++)
		if (p->steps[i].type->run == step_run_allow_kext)
			r = add_ref(p, o, p->steps[i].at,
				    ((struct step_allow_kext *)p->steps[i].args)->bundle,
				    e);
	for (size_t i = 0; i < p->n_steps && !r; i++)
		if (p->steps[i].type->run == step_run_install)
			r = add_ref(p, o, p->steps[i].at,
				    ((struct step_install *)p->steps[i].args)->bundle, e);
	return r;
}

int plan_bundle(const struct plan *p, const char *ref, const struct plan_bundle **ret,
		struct err *e)
{
	for (size_t i = 0; i < p->n_bundles; i++) {
		const struct plan_bundle *b = &p->bundles[i];

		if (b->name ? ref[0] == '@' && !strcmp(b->name, ref + 1)
			    : !strcmp(b->ref, ref)) {
			*ret = b;
			return 0;
		}
	}
	return err_set(e, E_SCHEMA, "no bundle is called '%s'", ref);
}
