/* SPDX-License-Identifier: MIT */
/* image_reinstall: macOS is installed over itself. */
#include <stdio.h>
#include <string.h>

#include "images/signing.h"
#include "sim/base/idtext.h"
#include "sim/formats/apfs/edit.h"
#include "sim/formats/apfs/writer.h"
#include "sim/formats/gpt/gpt.h"

/* What Preboot and iSCPreboot hold at most: they have one system, or a few. */
#define KEPT_MAX (1u << 30)

struct reinstall {
	const struct disk_spec *spec;
	int64_t time_ns;
	struct vdisk *disk;
	struct gpt gpt;
	struct disk_trees trees;
	struct signer signer;
};

/* The volume in slot i of a container is the layout's i-th: told by its role. */
static int find_slot(struct apfs_edit *ed, enum volume v, unsigned *ret, struct err *e)
{
	return apfs_volume_find_role(apfs_edit_container(ed), volume_kinds[v].role, ret, e);
}

static int begin(struct reinstall *ri, const struct disk_container *c,
		 struct apfs_edit **ret, struct err *e)
{
	const char *type = layout_partition(ri->trees.layout, c)->type;
	const struct gpt_part *part = gpt_find(&ri->gpt, type, 0);

	if (!part)
		return err_set(e, E_NOTFOUND, "no partition of type %s", type);
	return apfs_edit_begin(ri->disk, part->offset, part->size, ri->time_ns, ret, e);
}

/* What is on the volume @v now, in place of what a new disk has. */
static int keep_volume(struct reinstall *ri, struct apfs_edit *ed, enum volume v,
		       struct err *e)
{
	struct fs_tree *t = &ri->trees.tree[v];
	struct apfs_volume *now;
	unsigned slot;
	int r = find_slot(ed, v, &slot, e);

	if (!r)
		r = apfs_volume_open(apfs_edit_container(ed), slot, NULL, &now, e);
	if (r)
		return r;
	fs_tree_release(t);
	r = fs_tree_init(t, ri->time_ns, e);
	if (!r)
		r = apfs_edit_tree_from_volume(now, KEPT_MAX, t, e);
	apfs_volume_close(now);
	return r;
}

static int replace_volume(struct reinstall *ri, struct apfs_edit *ed, enum volume v,
			  struct err *e)
{
	unsigned slot;
	int r = find_slot(ed, v, &slot, e);

	return r ? r : apfs_edit_replace_tree(ed, slot, &ri->trees.tree[v],
					      APFS_EDIT_UNSEALED, NULL, e);
}

/* The snapshot of an earlier installation of the same release has the same name. */
static int take_snapshot(struct apfs_edit *ed, unsigned slot, const uint8_t *root_hash,
			 struct err *e)
{
	char name[APFS_SNAPSHOT_NAME_MAX];
	struct err gone = ERR_INIT;
	int n = snprintf(name, sizeof(name), "%s", APFS_SNAPSHOT_OF_ROOT_HASH), r;

	for (int i = 0; i < APFS_ROOT_HASH_SIZE; i++)
		n += snprintf(name + n, sizeof(name) - (size_t)n, "%02X", root_hash[i]);
	r = apfs_edit_set_root(ed, slot, NULL, e);
	if (!r && apfs_edit_snapshot_delete(ed, slot, name, &gone) && gone.code != E_NOTFOUND)
		r = err_set(e, gone.code, "%s", gone.msg);
	return r ? r : apfs_edit_snapshot_create(ed, slot, name, e);
}

/* System anew; what boots it signed, into what Preboot and iSCPreboot hold. */
static int seal_and_sign(struct reinstall *ri, struct apfs_edit *ed, struct err *e)
{
	uint8_t root_hash[APFS_ROOT_HASH_SIZE];
	unsigned slot;
	int r = find_slot(ed, VOLUME_SYSTEM, &slot, e);

	if (!r)
		r = apfs_edit_replace_tree(ed, slot, &ri->trees.tree[VOLUME_SYSTEM],
					   APFS_EDIT_SEALED, root_hash, e);
	if (!r)
		r = take_snapshot(ed, slot, root_hash, e);
	if (!r)
		r = keep_volume(ri, ed, VOLUME_PREBOOT, e);
	return r ? r : signer_install(&ri->signer, ri->spec, &ri->trees, root_hash, e);
}

static int edit_main(struct reinstall *ri, struct apfs_edit *ed, struct err *e)
{
	int r = seal_and_sign(ri, ed, e);

	if (!r)
		r = replace_volume(ri, ed, VOLUME_PREBOOT, e);
	return r ? r : replace_volume(ri, ed, VOLUME_RECOVERY, e);
}

static int edit_isc(struct reinstall *ri, struct apfs_edit *ed, struct err *e)
{
	return replace_volume(ri, ed, VOLUME_ISC_PREBOOT, e);
}

static int edit_sfr(struct reinstall *ri, struct apfs_edit *ed, struct err *e)
{
	return replace_volume(ri, ed, VOLUME_SFR_RECOVERY, e);
}

static int keep_policies(struct reinstall *ri, struct apfs_edit *ed, struct err *e)
{
	return keep_volume(ri, ed, VOLUME_ISC_PREBOOT, e);
}

/* Each step is a transaction of the container that has the volume. */
static const struct {
	enum volume in;
	int (*edit)(struct reinstall *ri, struct apfs_edit *ed, struct err *e);
} steps[] = {
	{VOLUME_ISC_PREBOOT, keep_policies}, /* read before they are signed anew */
	{VOLUME_SYSTEM, edit_main},
	{VOLUME_ISC_PREBOOT, edit_isc},
	{VOLUME_SFR_RECOVERY, edit_sfr},
};

static const struct disk_container *container_of_volume(const struct disk_layout *l,
							enum volume v)
{
	for (size_t i = 0; i < l->n_containers; i++)
		for (size_t j = 0; j < l->containers[i].n_volumes; j++)
			if (l->containers[i].volumes[j] == v)
				return &l->containers[i];
	return NULL;
}

static int run_steps(struct reinstall *ri, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !r; i++) {
		const struct disk_container *c =
			container_of_volume(ri->trees.layout, steps[i].in);
		struct apfs_edit *ed;

		if (!c)
			continue;
		r = begin(ri, c, &ed, e);
		if (r)
			break;
		r = steps[i].edit(ri, ed, e);
		if (r)
			apfs_edit_abort(ed);
		else
			r = apfs_edit_commit(ed, e);
	}
	return r;
}

static int reinstall(struct reinstall *ri, const struct image_env *env, const char *disk,
		     const char *chip, struct err *e)
{
	int r = vdisk_open_rw(disk, &ri->disk, e);

	if (!r)
		r = gpt_read(ri->disk, &ri->gpt, e);
	if (!r)
		r = disk_trees_compose(env, ri->spec, &ri->trees, e);
	if (!r)
		r = signer_init(&ri->signer, env->build_dir, e);
	if (!r)
		r = sb_chip_load_file(&ri->signer.chip, chip, e);
	if (!r)
		r = run_steps(ri, e);
	return r ? r : sb_chip_store_file(&ri->signer.chip, chip, e);
}

int image_reinstall(const struct image_env *env, const struct disk_spec *spec,
		    const char *disk, const char *chip, int64_t time_ns, struct err *e)
{
	struct reinstall ri = {.spec = spec, .time_ns = time_ns};
	int r;

	if (!image_has_chip(spec))
		return err_set(e, E_UNSUPPORTED, "macOS %s has no sealed system",
			       spec->release->name);
	ri.trees.made.scratch = SCRATCH_INIT;
	sb_chip_init(&ri.signer.chip);
	r = reinstall(&ri, env, disk, chip, e);
	signer_release(&ri.signer);
	disk_trees_release(&ri.trees);
	gpt_release(&ri.gpt);
	vdisk_close(ri.disk);
	return r ? err_ctx(e, "reinstalling") : 0;
}
