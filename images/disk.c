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
#include "sim/base/bytes.h"
#include "sim/base/fsio.h"
#include "sim/formats/apfs/writer.h"
#include "sim/platform/nvram.h"
#include "sim/platform/paths.h"

static const enum volume orders[][VOLUME_MAX] = {
	[VOLUME_ORDER_UPGRADED] = {VOLUME_DATA, VOLUME_PREBOOT, VOLUME_RECOVERY, VOLUME_VM,
				   VOLUME_SYSTEM},
	[VOLUME_ORDER_CLEAN] = {VOLUME_SYSTEM, VOLUME_DATA, VOLUME_PREBOOT, VOLUME_RECOVERY,
				VOLUME_VM},
};

static const struct {
	const char *name; /* NULL: follows from the system volume's */
	uint16_t role;
	bool in_group;
} kinds[VOLUME_MAX] = {
	[VOLUME_SYSTEM] = {NULL, APFS_ROLE_SYSTEM, true},
	[VOLUME_DATA] = {NULL, APFS_ROLE_DATA, true},
	[VOLUME_PREBOOT] = {"Preboot", APFS_ROLE_PREBOOT, false},
	[VOLUME_RECOVERY] = {"Recovery", APFS_ROLE_RECOVERY, false},
	[VOLUME_VM] = {"VM", APFS_ROLE_VM, false},
};

static int write_container(int fd, const struct disk_spec *spec, struct disk_trees *v,
			   struct err *e)
{
	const char *system = spec->system_name ? spec->system_name : "Macintosh HD";
	struct apfs_volume_spec vols[VOLUME_MAX];
	struct apfs_container_spec c = {
		.size = GPT_CONTAINER_SIZE,
		.time_ns = spec->release->date * 1000000000,
		.volumes = vols,
		.n_volumes = VOLUME_MAX,
	};
	char data[256];

	if (snprintf(data, sizeof(data), "%s - Data", system) >= (int)sizeof(data))
		return err_set(e, E_INVAL, "volume name too long: %s", system);
	memcpy(c.uuid, v->uuid[VOLUME_DATA], 16);
	c.uuid[15] ^= 0xff; /* the container's own, derived like the volumes' */
	memcpy(c.group_uuid, v->uuid[VOLUME_DATA], 16);
	for (int i = 0; i < VOLUME_MAX; i++) {
		enum volume k = orders[spec->order][i];

		vols[i] = (struct apfs_volume_spec){
			.name = k == VOLUME_SYSTEM ? system
				: k == VOLUME_DATA ? data
						   : kinds[k].name,
			.role = kinds[k].role,
			.in_group = kinds[k].in_group,
			.tree = &v->tree[k],
		};
		memcpy(vols[i].uuid, v->uuid[k], 16);
	}
	return apfs_write(fd, GPT_CONTAINER_OFFSET, &c, e);
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
		r = write_container(fd, spec, &v, e);
	if (!r && fsync(fd))
		r = err_sys(e, "writing %s", path);
	disk_trees_release(&v);
	close(fd);
	return r;
}

int image_build_disk(const struct image_env *env, const struct disk_spec *spec,
		     const char *path, struct err *e)
{
	char layout[IMAGE_PATH_MAX];
	int r;

	r = gpt_layout(env, layout, e);
	if (!r)
		r = sparse_copy(layout, path, e);
	if (r)
		return r;
	r = fill_disk(env, spec, path, e);
	if (r)
		unlink(path);
	return r;
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
		    char ret_path[static IMAGE_PATH_MAX], bool *ret_built, struct err *e)
{
	struct base_disk b = {env, spec};
	const struct made_once m = {ret_path, "the base disk", make_base_disk, &b};
	char key[CACHE_KEY_LEN], dir[PATH_MAX - 128];
	int r;

	snprintf(dir, sizeof(dir), "%s/cache/disks", env->build_dir);
	r = fsio_mkdirs(dir, 0755, e);
	if (!r)
		r = image_cache_key(env, spec, key, e);
	if (r)
		return r;
	snprintf(ret_path, IMAGE_PATH_MAX, "%s/%s-%s.raw", dir, spec->release->name, key);
	r = made_once(env, &m, ret_built, e);
	return r ? err_ctx(e, "building the disk") : 0;
}

int image_build_nvram(const char *path, uint32_t csr, struct err *e)
{
	struct nvram nv;
	uint8_t value[4];
	int r = 0;

	nvram_init(&nv);
	put_le32(value, csr);
	if (csr) /* a Mac on which csrutil was never used has no such variable */
		r = nvram_set_apple(&nv, NVRAM_CSR_CONFIG, value, sizeof(value), e);
	if (!r)
		r = nvram_store_file(&nv, path, e);
	nvram_release(&nv);
	return r;
}
