/* SPDX-License-Identifier: MIT */
#include "harness/disk_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/containers.h"
#include "images/seal_place.h"
#include "sim/base/fsio.h"
#include "sim/formats/apfs/reader.h"

static const struct {
	const char *name;
	uint16_t role;
} roles[] = {
	{"System", APFS_ROLE_SYSTEM},	{"Data", APFS_ROLE_DATA},
	{"Preboot", APFS_ROLE_PREBOOT}, {"Recovery", APFS_ROLE_RECOVERY},
	{"VM", APFS_ROLE_VM},		{"Update", APFS_ROLE_UPDATE},
};

#define N_ROLES (sizeof(roles) / sizeof(roles[0]))

struct disk {
	struct apfs *container;
	struct apfs_volume *volumes[N_ROLES]; /* opened when first asked for */
};

static void disk_free(void *ctx)
{
	struct disk *d = ctx;

	for (size_t i = 0; i < N_ROLES; i++)
		apfs_volume_close(d->volumes[i]);
	apfs_close(d->container);
	free(d);
}

static int volume(struct disk *d, const char *role, struct apfs_volume **ret,
		  struct err *e)
{
	unsigned slot;
	int r;

	for (size_t i = 0; i < N_ROLES; i++) {
		if (strcmp(roles[i].name, role))
			continue;
		if (!d->volumes[i]) {
			r = apfs_volume_find_role(d->container, roles[i].role, &slot, e);
			if (!r)
				r = seal_root_open(d->container, slot, &d->volumes[i], e);
			if (r)
				return err_ctx(e, "%s volume", role);
		}
		*ret = d->volumes[i];
		return 0;
	}
	return err_set(e, E_NOTFOUND, "no volume has the role %s", role);
}

static int lookup(struct disk *d, const char *role, const char *path,
		  struct apfs_volume **ret_volume, struct apfs_inode *ret, struct err *e)
{
	int r = volume(d, role, ret_volume, e);

	return r ? r : apfs_lookup(*ret_volume, path, 0, ret, e);
}

static int disk_stat(void *ctx, const char *role, const char *path,
		     struct macfs_stat *out, struct err *e)
{
	struct apfs_volume *v;
	struct apfs_inode ino;
	int r = lookup(ctx, role, path, &v, &ino, e);

	if (!r)
		*out = (struct macfs_stat){.mode = ino.mode,
					   .uid = ino.uid,
					   .gid = ino.gid,
					   .size = ino.size,
					   .mtime_ns = ino.mod_ns};
	return r;
}

static int disk_read(void *ctx, const char *role, const char *path, size_t max,
		     struct buf *out, struct err *e)
{
	struct apfs_volume *v;
	struct apfs_inode ino;
	int r = lookup(ctx, role, path, &v, &ino, e);

	if (r)
		return r;
	return S_ISLNK(ino.mode) ? apfs_readlink(v, &ino, out, e)
				 : apfs_read_inode(v, &ino, max, out, e);
}

static int disk_group(void *ctx, char out[static UUID_TEXT_MAX], struct err *e)
{
	struct apfs_volume *v;
	int r = volume(ctx, "System", &v, e);

	if (!r)
		memcpy(out, apfs_volume_info_of(v)->group, UUID_TEXT_MAX);
	return r;
}

int disk_files(const char *path, struct macfs **ret, struct err *e)
{
	static const struct volume_ops ops = {false, disk_stat, disk_read, disk_group,
					      disk_free};
	struct disk *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return err_set(e, E_NOMEM, "out of memory");
	r = apfs_open_path(path, &d->container, e);
	if (r) {
		disk_free(d);
		return r;
	}
	return macfs_new(&ops, d, ret, e);
}

#define COPY_STEP (1u << 20)

static int copy_range(struct vdisk *d, uint64_t start, uint64_t end, uint64_t base,
		      int fd, uint8_t *buf, struct err *e)
{
	int r = 0;

	while (start < end && !r) {
		size_t n = end - start < COPY_STEP ? end - start : COPY_STEP;

		r = vdisk_read(d, start, buf, n, e);
		if (!r)
			r = fsio_pwrite_all(fd, buf, n, start - base,
					    "copy of the container", e);
		start += n;
	}
	return r;
}

static int copy_container(struct vdisk *d, const struct mac_container *c, int fd,
			  struct err *e)
{
	uint64_t off = c->offset, limit = c->offset + c->size, start, end;
	uint8_t *buf = malloc(COPY_STEP);
	int r = buf ? 0 : err_set(e, E_NOMEM, "out of memory");

	if (!r && ftruncate(fd, (off_t)c->size))
		r = err_sys(e, "copy of the container");
	while (!r && off < limit) {
		r = vdisk_data(d, off, &start, &end, e);
		if (r || start >= limit || start == end)
			break;
		if (end > limit)
			end = limit;
		r = copy_range(d, start, end, c->offset, fd, buf, e);
		off = end;
	}
	free(buf);
	return r;
}

/* Does a volume name the snapshot that it is to be rooted from? */
static int find_tag(struct apfs *c, bool *ret, struct err *e)
{
	struct apfs_volume_info info;

	for (unsigned slot = 0; slot < apfs_slots(c); slot++) {
		int r = apfs_volume_get_info(c, slot, &info, e);

		if (r && r != -E_NOTFOUND)
			return r;
		*ret |= !r && info.root_to_xid;
		err_clear(e);
	}
	return 0;
}

static int export_one(struct containers *cs, size_t i, const char *to,
		      struct machine_container *ret, struct err *e)
{
	struct apfs *apfs;
	int fd, r;

	if (i >= cs->n)
		return err_set(e, E_NOTFOUND, "no more containers");
	*ret = (struct machine_container){.main = i == cs->main};
	snprintf(ret->device, sizeof(ret->device), "disk%u", cs->v[i].disk);
	r = containers_get(cs, i, &apfs, e);
	if (!r)
		r = find_tag(apfs, &ret->tagged, e);
	if (r)
		return r;
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "making '%s'", to);
	r = copy_container(cs->disk, &cs->v[i], fd, e);
	close(fd);
	return r;
}

int disk_export_container(const char *path, size_t i, const char *to,
			  struct machine_container *ret, struct err *e)
{
	struct containers cs;
	int r = containers_open(&cs, path, e);

	if (!r)
		r = export_one(&cs, i, to, ret, e);
	containers_close(&cs);
	return r;
}
