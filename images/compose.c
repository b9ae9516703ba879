/* SPDX-License-Identifier: MIT */
#include "images/compose.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "images/firmlinks.h"
#include "images/manifest.h"
#include "sim/base/fsio.h"
#include "sim/base/idtext.h"
#include "sim/platform/paths.h"
#include "sim/platform/rootless.h"

static const struct {
	const char *manifest, *label;
} parts[VOLUME_MAX] = {
	[VOLUME_SYSTEM] = {"system.mtree", "system volume"},
	[VOLUME_DATA] = {"data.mtree", "data volume"},
	[VOLUME_PREBOOT] = {"preboot.mtree", "preboot volume"},
	[VOLUME_RECOVERY] = {"recovery.mtree", "recovery volume"},
	[VOLUME_VM] = {"vm.mtree", "VM volume"},
};

/* UUIDs follow from the volume's kind, so that a disk's bytes depend on its spec alone. */
static int make_uuid(const char *label, uint8_t out[16], struct err *e)
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (!EVP_Digest(label, strlen(label), digest, NULL, EVP_sha256(), NULL))
		return err_set(e, E_IO, "SHA-256 failed");
	memcpy(out, digest, 16);
	out[6] = (uint8_t)((out[6] & 0x0f) | 0x50); /* version 5: by name */
	out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
	return 0;
}

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
static int protect(const char *conf_path, struct disk_trees *v, struct err *e)
{
	struct rootless_conf conf = {0};
	struct buf text = BUF_INIT;
	int r;

	r = fsio_read(conf_path, 1 << 20, &text, e);
	if (!r)
		r = rootless_parse(&conf, (const char *)text.data, text.len, e);
	if (!r)
		r = mark_restricted(&conf, &v->tree[VOLUME_SYSTEM], e);
	if (!r)
		r = mark_restricted(&conf, &v->tree[VOLUME_DATA], e);
	rootless_release(&conf);
	buf_release(&text);
	return r ? err_ctx(e, "%s", conf_path) : 0;
}

static int compose_all(struct generator *g, struct disk_trees *v, struct err *e)
{
	char dir[PATH_MAX - 64], conf[PATH_MAX], group[UUID_TEXT_MAX];
	const struct manifest_var vars[] = {
		{"GROUP", group},
		{"BUILD", g->spec->release->build},
		{"PRODUCT_VERSION", g->spec->release->product_version},
		{NULL, NULL},
	};
	const struct manifest_env env = {
		.dir = dir,
		.guest_dir = g->guest_dir,
		.vars = vars,
		.generate = generate,
		.ctx = g,
	};

	uuid_text(v->uuid[VOLUME_DATA], group);
	snprintf(dir, sizeof(dir), "%s/images/trees/%s", g->env->source_dir,
		 g->spec->release->tree);
	for (enum volume i = 0; i < VOLUME_MAX; i++) {
		int r;

		if (g->env->progress)
			g->env->progress(g->env->progress_ctx, parts[i].label);
		g->for_recovery = i == VOLUME_RECOVERY;
		r = manifest_load(&v->tree[i], &env, parts[i].manifest, e);
		if (r)
			return err_ctx(e, "%s", parts[i].label);
	}
	snprintf(conf, sizeof(conf), "%s/files/rootless.conf", dir);
	return protect(conf, v, e);
}

int disk_trees_compose(const struct image_env *env, const struct disk_spec *spec,
		    struct disk_trees *v, struct err *e)
{
	int r = 0;

	memset(v, 0, sizeof(*v));
	for (enum volume i = 0; i < VOLUME_MAX && !r; i++) {
		r = fs_tree_init(&v->tree[i], spec->release->date * 1000000000, e);
		if (!r)
			r = make_uuid(parts[i].label, v->uuid[i], e);
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
