/* SPDX-License-Identifier: MIT */
#include "images/compose.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "images/firmlinks.h"
#include "images/manifest.h"
#include "sim/base/buf.h"
#include "sim/base/idtext.h"
#include "sim/formats/apfs/raw.h"
#include "sim/platform/paths.h"
#include "sim/platform/rootless.h"

#define ROOTLESS_CONF_MAX (1u << 20)

/* A globbed row marks entries that are there at installation by an attribute. */
static int mark_entry(const struct rootless_conf *conf, struct fs_node *n, const char *path,
		      struct err *e)
{
	const struct rootless_rule *rule = rootless_nearest(conf, path, true);
	const char *cls;

	if (!rule || rule->exception)
		return 0;
	n->bsd_flags |= SF_RESTRICTED;
	if (!rule->entries)
		return 0;
	cls = rule->class_ ? rule->class_ : "";
	return fs_node_set_xattr(n, ROOTLESS_XATTR, cls, strlen(cls), e);
}

static int mark_restricted(const struct rootless_conf *conf, struct fs_tree *t,
			   struct err *e)
{
	char path[PATH_MAX];

	for (struct fs_node *n = t->root; n; n = fs_tree_next(t, n)) {
		int r;

		if (n->link) /* its flags are those of its content */
			continue;
		r = mark_entry(conf, n, fs_node_path(n, path, sizeof(path)), e);
		if (r)
			return r;
	}
	return 0;
}

/* System and Data are one tree to rootless.conf: a firmlink and its target share a path. */
static int protect(struct disk_trees *v, struct err *e)
{
	const struct fs_node *n = fs_tree_find(&v->tree[VOLUME_SYSTEM], PATH_ROOTLESS_CONF);
	struct rootless_conf conf = {0};
	struct buf text = BUF_INIT;
	int r;

	if (!n)
		return err_set(e, E_SCHEMA, "the system volume has no " PATH_ROOTLESS_CONF);
	r = fs_node_content(n, ROOTLESS_CONF_MAX, &text, e);
	if (!r)
		r = rootless_parse(&conf, (const char *)text.data, text.len, e);
	if (!r)
		r = mark_restricted(&conf, &v->tree[VOLUME_SYSTEM], e);
	if (!r)
		r = mark_restricted(&conf, &v->tree[VOLUME_DATA], e);
	rootless_release(&conf);
	buf_release(&text);
	return r ? err_ctx(e, PATH_ROOTLESS_CONF) : 0;
}

/*
 * Where the files of a release are, the most particular folder first: a release says how
 * it differs from the one before.
 */
#define TREE_FOLDERS_MAX 3

static const struct {
	const char *tree;
	const char *folders[TREE_FOLDERS_MAX];
} tree_folders[] = {
	{"catalina", {"catalina", "common"}},
	{"bigsur", {"bigsur", "common"}},
	{"monterey", {"monterey", "bigsur", "common"}},
};

struct folders {
	char text[TREE_FOLDERS_MAX][PATH_MAX];
	const char *list[TREE_FOLDERS_MAX + 1]; /* ends with NULL */
};

static int find_folders(const struct generator *g, struct folders *f, struct err *e)
{
	const char *tree = g->spec->release->tree;
	size_t row = 0, n = 0;

	while (row < sizeof(tree_folders) / sizeof(tree_folders[0]) &&
	       strcmp(tree_folders[row].tree, tree) != 0)
		row++;
	if (row == sizeof(tree_folders) / sizeof(tree_folders[0]))
		return err_set(e, E_UNSUPPORTED, "there are no files of '%s'", tree);
	while (n < TREE_FOLDERS_MAX && tree_folders[row].folders[n]) {
		snprintf(f->text[n], PATH_MAX, "%s/images/trees/%s", g->env->source_dir,
			 tree_folders[row].folders[n]);
		f->list[n] = f->text[n];
		n++;
	}
	f->list[n] = NULL;
	return 0;
}

static int compose_volumes(struct generator *g, struct disk_trees *v,
			   const struct manifest_env *env, struct err *e)
{
	for (enum volume i = 0; i < VOLUME_MAX; i++) {
		const struct volume_kind *k = &volume_kinds[i];
		int r;

		if (!layout_has(v->layout, i))
			continue;
		if (g->env->progress)
			g->env->progress(g->env->progress_ctx, k->label);
		g->for_recovery = k->role == APFS_ROLE_RECOVERY;
		r = manifest_load(&v->tree[i], env, k->manifest, e);
		if (r)
			return err_ctx(e, "%s", k->label);
	}
	return 0;
}

static const char *const arch_names[] = {
	[MACHO_X86_64] = "x86_64",
	[MACHO_ARM64E] = "arm64e",
};

#define KERNEL_NAME_MAX 64

/* "kernel.release.t6000" of the build RELEASE_ARM64_T6000; Intel's has a name of its own. */
static void kernel_name(const struct machine_model *m, char out[static KERNEL_NAME_MAX])
{
	const char *chip = strrchr(m->kernel, '_') + 1;
	int n;

	if (!m->apple_silicon) {
		snprintf(out, KERNEL_NAME_MAX, "kernel");
		return;
	}
	n = snprintf(out, KERNEL_NAME_MAX, "kernel.release.%s", chip);
	for (int i = 0; i < n && i < KERNEL_NAME_MAX; i++)
		out[i] = (char)tolower((unsigned char)out[i]);
}

static int compose_all(struct generator *g, struct disk_trees *v, struct err *e)
{
	const struct release *release = g->spec->release;
	const struct machine_model *m = disk_machine(g->spec);
	char group[UUID_TEXT_MAX], kernel[KERNEL_NAME_MAX], love[RELEASE_BANNER_MAX];
	struct folders folders;
	const struct manifest_var vars[] = {
		{"GROUP", group},
		{"ARCH", arch_names[m->arch]},
		{"KERNEL", kernel},
		{"BUILD", release->build},
		{"PRODUCT_VERSION", release->product_version},
		{"LOVE", love},
		{NULL, NULL},
	};
	const struct manifest_env env = {
		.dirs = folders.list,
		.guest_dir = g->guest_dir,
		.vars = vars,
		.generate = generate,
		.ctx = g,
	};
	int r = find_folders(g, &folders, e);

	uuid_text(v->uuid[VOLUME_DATA], group);
	kernel_name(m, kernel);
	release_love(release, love);
	if (!r)
		r = compose_volumes(g, v, &env, e);
	return r ? r : protect(v, e);
}

int disk_trees_compose(const struct image_env *env, const struct disk_spec *spec,
		       struct disk_trees *v, struct err *e)
{
	int r;

	memset(v, 0, sizeof(*v));
	v->made.scratch = SCRATCH_INIT;
	r = disk_layout(spec, &v->layout, e);
	for (enum volume i = 0; i < VOLUME_MAX && !r; i++) {
		if (!layout_has(v->layout, i))
			continue;
		r = fs_tree_init(&v->tree[i], spec->release->date * 1000000000, e);
		if (!r)
			r = volume_uuid(i, v->uuid[i], e);
	}
	if (r)
		return r;
	r = generator_init(&v->made, env, spec, e);
	return r ? r : compose_all(&v->made, v, e);
}

void disk_trees_release(struct disk_trees *v)
{
	for (enum volume i = 0; i < VOLUME_MAX; i++)
		fs_tree_release(&v->tree[i]);
	generator_release(&v->made);
}
