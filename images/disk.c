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

static int write_container(int fd, const struct disk_spec *spec, struct disk_trees *v,
			   const struct disk_container *c, struct err *e)
{
	const struct gpt_slot *part = layout_partition(v->layout, c);
	struct apfs_volume_spec vols[LAYOUT_VOLUMES_MAX];
	char names[LAYOUT_VOLUMES_MAX][VOLUME_NAME_MAX];
	struct apfs_container_spec cs = {
		.size = part->size,
		.time_ns = spec->release->date * 1000000000,
		.volumes = vols,
		.n_volumes = c->n_volumes,
	};

	container_uuid(c, v, cs.uuid);
	memcpy(cs.group_uuid, v->uuid[VOLUME_DATA], 16);
	for (size_t i = 0; i < c->n_volumes; i++) {
		enum volume k = c->volumes[i];
		int r = volume_name(v->layout, k, spec->system_name, names[i], e);

		if (r)
			return r;
		vols[i] = (struct apfs_volume_spec){
			.name = names[i],
			.role = volume_kinds[k].role,
			.in_group = volume_kinds[k].in_group,
			.tree = &v->tree[k],
			.sealed = k == VOLUME_SYSTEM && spec->release->sealed_system,
		};
		/* Nothing on the disk says that it is the root: its name follows from the
		 * root hash that is to be booted. */
		if (vols[i].sealed && spec->release->snapshot_root)
			vols[i].snapshot = APFS_SNAPSHOT_OF_ROOT_HASH;
		memcpy(vols[i].uuid, v->uuid[k], 16);
	}
	return apfs_write(fd, part->offset, &cs, e);
}

static int write_containers(int fd, const struct disk_spec *spec, struct disk_trees *v,
			    struct err *e)
{
	for (size_t i = 0; i < v->layout->n_containers; i++) {
		const struct disk_container *c = &v->layout->containers[i];
		int r = write_container(fd, spec, v, c, e);

		if (r)
			return err_ctx(e, "%s", layout_partition(v->layout, c)->name);
	}
	return 0;
}

static int fill_disk(const struct image_env *env, const struct disk_spec *spec,
		     const char *path, struct err *e)
{
	struct disk_trees v;
	int fd, r;

	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "opening %s", path);
	r = disk_trees_compose(env, spec, &v, e);
	if (!r && env->progress)
		env->progress(env->progress_ctx, "APFS container");
	if (!r)
		r = write_containers(fd, spec, &v, e);
	if (!r && fsync(fd))
		r = err_sys(e, "writing %s", path);
	disk_trees_release(&v);
	close(fd);
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
