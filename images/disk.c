/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "images/disk.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "images/cachekey.h"
#include "images/compose.h"
#include "images/gpt.h"
#include "images/made_once.h"
#include "images/signing.h"
#include "images/sparse.h"
#include "sim/base/fsio.h"
#include "sim/formats/apfs/writer.h"

/* Its UUID is derived from one of its volumes', and not the same. */
static void container_uuid(const struct disk_container *c, const struct disk_trees *v,
			   uint8_t out[16])
{
	memcpy(out, v->uuid[c->uuid_of], 16);
	out[15] ^= 0xff;
}

/* A disk while it is made. */
struct making {
	const struct disk_spec *spec;
	struct disk_trees trees;
	struct signer signer; /* of a disk with a chip */
	int fd;
};

/* The system has its root hash: what boots it can be signed, before it is written. */
static int on_sealed(void *ctx, size_t index, const struct apfs_sealed *s, struct err *e)
{
	struct making *d = ctx;

	(void)index; /* System is the only one */
	return signer_install(&d->signer, d->spec, &d->trees, s->root_hash, e);
}

static int fill_volume(struct making *d, enum volume k, char name[VOLUME_NAME_MAX],
		       struct apfs_volume_spec *ret, struct err *e)
{
	const struct release *release = d->spec->release;

	*ret = (struct apfs_volume_spec){
		.name = name,
		.role = volume_kinds[k].role,
		.in_group = volume_kinds[k].in_group,
		.tree = &d->trees.tree[k],
		.sealed = k == VOLUME_SYSTEM && release->sealed_system,
	};
	/* Nothing on the disk says that it is the root: its name follows from the root
	 * hash that is to be booted. */
	if (ret->sealed && release->snapshot_root)
		ret->snapshot = APFS_SNAPSHOT_OF_ROOT_HASH;
	memcpy(ret->uuid, d->trees.uuid[k], sizeof(ret->uuid));
	return volume_name(d->trees.layout, k, d->spec->system_name, name, e);
}

static int write_container(struct making *d, const struct disk_container *c, struct err *e)
{
	const struct gpt_slot *part = layout_partition(d->trees.layout, c);
	struct apfs_volume_spec vols[LAYOUT_VOLUMES_MAX];
	char names[LAYOUT_VOLUMES_MAX][VOLUME_NAME_MAX];
	struct apfs_container_spec cs = {
		.size = part->size,
		.time_ns = d->spec->release->date * 1000000000,
		.volumes = vols,
		.n_volumes = c->n_volumes,
		.sealed = on_sealed,
		.ctx = d,
	};
	int r = 0;

	container_uuid(c, &d->trees, cs.uuid);
	memcpy(cs.group_uuid, d->trees.uuid[VOLUME_DATA], 16);
	for (size_t i = 0; i < c->n_volumes && !r; i++)
		r = fill_volume(d, c->volumes[i], names[i], &vols[i], e);
	return r ? r : apfs_write(d->fd, part->offset, &cs, e);
}

static int write_containers(struct making *d, struct err *e)
{
	const struct disk_layout *l = d->trees.layout;

	for (size_t i = 0; i < l->n_containers; i++) {
		int r = write_container(d, &l->containers[i], e);

		if (r)
			return err_ctx(e, "%s", layout_partition(l, &l->containers[i])->name);
	}
	if (fsync(d->fd))
		return err_sys(e, "writing the disk");
	return 0;
}

static int write_signed(const struct image_env *env, struct making *d, const char *path,
			struct err *e)
{
	char chip[IMAGE_PATH_MAX];
	int r = signer_init(&d->signer, env->build_dir, e);

	if (!r)
		r = signer_new_chip(&d->signer, d->spec, e);
	if (!r)
		r = write_containers(d, e);
	if (!r && snprintf(chip, sizeof(chip), "%s" IMAGE_CHIP_SUFFIX, path) >=
			  (int)sizeof(chip))
		r = err_set(e, E_OVERFLOW, "path too long: %s", path);
	if (!r)
		r = sb_chip_store_file(&d->signer.chip, chip, e);
	signer_release(&d->signer);
	return r;
}

static int fill_disk(const struct image_env *env, const struct disk_spec *spec,
		     const char *path, struct err *e)
{
	struct making d = {.spec = spec, .fd = open(path, O_RDWR | O_CLOEXEC)};
	int r;

	if (d.fd < 0)
		return err_sys(e, "opening %s", path);
	r = disk_trees_compose(env, spec, &d.trees, e);
	if (!r && env->progress)
		env->progress(env->progress_ctx, "APFS container");
	if (!r)
		r = image_has_chip(spec) ? write_signed(env, &d, path, e)
					 : write_containers(&d, e);
	disk_trees_release(&d.trees);
	close(d.fd);
	return r;
}

int image_build_disk(const struct image_env *env, const struct disk_spec *spec,
		     const char *path, struct err *e)
{
	const struct disk_layout *layout;
	char partitioned[IMAGE_PATH_MAX];
	int r = disk_layout(spec, &layout, e);

	if (!r)
		r = gpt_layout(env, layout->gpt, partitioned, e);
	if (!r)
		r = sparse_copy(partitioned, path, e);
	if (r)
		return r;
	r = fill_disk(env, spec, path, e);
	if (r)
		unlink(path);
	return r;
}

bool image_has_chip(const struct disk_spec *spec)
{
	return spec->release->sealed_system;
}

struct base_disk {
	const struct image_env *env;
	const struct disk_spec *spec;
};

static int make_base_disk(void *arg, const char *path, struct err *e)
{
	const struct base_disk *b = arg;

	return image_build_disk(b->env, b->spec, path, e);
}

int image_base_disk(const struct image_env *env, const struct disk_spec *spec,
		    struct image_base *ret, struct err *e)
{
	struct base_disk b = {env, spec};
	const struct made_once m = {ret->disk, "the base disk", make_base_disk, &b,
				    image_has_chip(spec) ? IMAGE_CHIP_SUFFIX : NULL};
	char key[CACHE_KEY_LEN], dir[PATH_MAX - 128];
	int n, r;

	snprintf(dir, sizeof(dir), "%s/cache/disks", env->build_dir);
	r = fsio_mkdirs(dir, 0755, e);
	if (!r)
		r = image_cache_key(env, spec, key, e);
	if (r)
		return r;
	n = snprintf(ret->disk, sizeof(ret->disk), "%s/%s-%s.raw", dir, spec->release->name,
		     key);
	if (n + sizeof(IMAGE_CHIP_SUFFIX) > sizeof(ret->chip))
		return err_set(e, E_OVERFLOW, "path too long: %s", dir);
	ret->chip[0] = '\0';
	if (m.beside)
		snprintf(ret->chip, sizeof(ret->chip), "%.*s%s", n, ret->disk, m.beside);
	r = made_once(env, &m, &ret->built, e);
	return r ? err_ctx(e, "building the disk") : 0;
}
