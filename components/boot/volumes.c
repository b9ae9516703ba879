/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memmem */
#include "components/boot/volumes.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "sim/formats/apfs/reader.h"
#include "sim/formats/gpt/gpt.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/filevault.h"
#include "sim/platform/paths.h"

/* Which partitions hold containers, and what the machine calls those. */
static const struct {
	const char *type;
	size_t disk; /* offset of the number in struct machine_model */
} partitions[] = {
	{GPT_TYPE_APFS, offsetof(struct machine_model, main_disk)},
	{GPT_TYPE_APFS_ISC, offsetof(struct machine_model, isc_disk)},
	{GPT_TYPE_APFS_RECOVERY, offsetof(struct machine_model, recovery_disk)},
};

static unsigned disk_number(const struct machine_model *m, size_t kind)
{
	unsigned n;

	memcpy(&n, (const char *)m + partitions[kind].disk, sizeof(n));
	return n;
}

static void add_container(struct volumes *vs, unsigned disk, unsigned partition,
			  uint64_t offset, uint64_t size)
{
	vs->container[vs->n_containers++] = (struct boot_container){
		.disk = disk, .partition = partition, .offset = offset, .size = size};
}

/* The partitions by number, or the whole disk when it has no table. */
static int find_containers(struct volumes *vs, struct vdisk *d, struct err *e)
{
	struct gpt g;
	int r = gpt_read(d, &g, e);

	if (r == -E_NOTFOUND) {
		err_clear(e);
		add_container(vs, vs->machine->main_disk, 0, 0, d->size);
		return 0;
	}
	if (r)
		return r;
	for (size_t k = 0; k < sizeof(partitions) / sizeof(partitions[0]); k++) {
		const struct gpt_part *p = gpt_find(&g, partitions[k].type, 0);

		if (p && disk_number(vs->machine, k))
			add_container(vs, disk_number(vs->machine, k), p->number,
				      p->offset, p->size);
	}
	gpt_release(&g);
	if (!vs->n_containers || vs->container[0].disk != vs->machine->main_disk)
		return err_set(e, E_NOTFOUND, "no partition holds an APFS container");
	return 0;
}

static int fill_volume(struct volumes *vs, size_t container,
		       const struct apfs_volume_info *info, struct err *e)
{
	struct boot_volume *v = &vs->v[vs->n];

	if (vs->n == BOOT_VOLUMES_MAX)
		return err_set(e, E_OVERFLOW, "more than %d volumes", BOOT_VOLUMES_MAX);
	vs->n++;
	*v = (struct boot_volume){
		.container = (unsigned)container,
		.disk = vs->container[container].disk,
		.partition = vs->container[container].partition,
		.slot = info->slot,
		.role = info->role,
		.sealed = info->sealed,
		.root_to_xid = info->root_to_xid,
	};
	snprintf(v->device, sizeof(v->device), "disk%us%u", v->disk, info->slot + 1);
	snprintf(v->name, sizeof(v->name), "%s", info->name);
	snprintf(v->uuid, sizeof(v->uuid), "%s", info->uuid);
	snprintf(v->group, sizeof(v->group), "%s", info->group);
	return 0;
}

static int read_list(struct volumes *vs, size_t container, struct apfs *c, struct err *e)
{
	int r = 0;

	for (unsigned slot = 0; !r && slot < apfs_slots(c); slot++) {
		struct apfs_volume_info info;

		r = apfs_volume_get_info(c, slot, &info, e);
		if (r == -E_NOTFOUND) {
			err_clear(e);
			r = 0;
			continue;
		}
		if (!r)
			r = fill_volume(vs, container, &info, e);
	}
	return r;
}

struct boot_volume *volumes_by_role(struct volumes *vs, unsigned disk, uint16_t role,
				    const char *group)
{
	for (size_t i = 0; i < vs->n; i++)
		if (vs->v[i].disk == disk && vs->v[i].role == role &&
		    (!group || !strcmp(vs->v[i].group, group)))
			return &vs->v[i];
	return NULL;
}

static struct boot_volume *by_role(struct volumes *vs, uint16_t role, const char *group)
{
	return volumes_by_role(vs, vs->machine->main_disk, role, group);
}

int volumes_open(const struct volumes *vs, const struct boot_volume *v, uint64_t xid,
		 struct apfs_volume **ret, struct err *e)
{
	struct apfs *c = vs->container[v->container].apfs;

	if (!c)
		return err_set(e, E_INVAL, "%s: the disk is not open", v->device);
	return xid ? apfs_volume_open_xid(c, v->slot, xid, ret, e)
		   : apfs_volume_open(c, v->slot, NULL, ret, e);
}

int volumes_read_file(const struct volumes *vs, const struct boot_volume *v,
		      const char *path, size_t max, struct buf *out, struct err *e)
{
	struct apfs_volume *av;
	int r = volumes_open(vs, v, 0, &av, e);

	if (r)
		return r;
	r = apfs_read_path(av, path, max, out, e);
	apfs_volume_close(av);
	return r ? err_ctx(e, "%s: %s", v->name, path) : 0;
}

/* A group whose folder on Preboot lists crypto users is encrypted. */
static int read_crypto_users(struct volumes *vs, struct err *e)
{
	const struct boot_volume *preboot = by_role(vs, APFS_ROLE_PREBOOT, NULL);
	const struct boot_volume *system = by_role(vs, APFS_ROLE_SYSTEM, NULL);
	char path[BOOT_PATH_BUF];
	int r;

	if (!preboot || !system || !system->group[0])
		return 0;
	snprintf(path, sizeof(path), "/%s/" FILEVAULT_PREBOOT_PATH, system->group);
	r = volumes_read_file(vs, preboot, path, FILEVAULT_FILE_MAX, &vs->crypto_users,
			      e);
	if (r == -E_NOTFOUND) {
		err_clear(e);
		return 0;
	}
	if (r)
		return r;
	for (size_t i = 0; i < vs->n; i++)
		if (!strcmp(vs->v[i].group, system->group))
			vs->v[i].filevault = vs->v[i].locked = true;
	return 0;
}

static int read_container(struct volumes *vs, size_t i, struct err *e)
{
	struct boot_container *c = &vs->container[i];
	int r = apfs_open(vs->disk, c->offset, c->size, 0, &c->apfs, e);

	if (!r)
		r = read_list(vs, i, c->apfs, e);
	return r ? err_ctx(e, "disk%u", c->disk) : 0;
}

int volumes_read(struct volumes *vs, const char *disk, const struct machine_model *m,
		 struct err *e)
{
	int r;

	*vs = (struct volumes){.machine = m};
	r = vdisk_open(disk, &vs->disk, e);
	if (!r)
		r = find_containers(vs, vs->disk, e);
	for (size_t i = 0; !r && i < vs->n_containers; i++)
		r = read_container(vs, i, e);
	return r ? r : read_crypto_users(vs, e);
}

void volumes_close_disk(struct volumes *vs)
{
	for (size_t i = 0; i < vs->n_containers; i++) {
		apfs_close(vs->container[i].apfs);
		vs->container[i].apfs = NULL;
	}
	vdisk_close(vs->disk);
	vs->disk = NULL;
}

void volumes_release(struct volumes *vs)
{
	volumes_close_disk(vs);
	buf_release(&vs->crypto_users);
	vs->n = vs->n_containers = 0;
}

/* On a Mac the variable is XML that holds the UUID; what else it says is of no use here.
 */
static struct boot_volume *named_by_nvram(struct volumes *vs, const struct nvram *nv)
{
	const struct nvram_var *var = nvram_get_apple(nv, NVRAM_BOOT_DEVICE);

	for (size_t i = 0; var && i < vs->n; i++)
		if (vs->v[i].role == APFS_ROLE_SYSTEM &&
		    memmem(var->value, var->len, vs->v[i].uuid, strlen(vs->v[i].uuid)))
			return &vs->v[i];
	return NULL;
}

void volumes_choose_system(struct volumes *vs, struct boot_volume *system,
			   struct boot_choice *ret)
{
	*ret = (struct boot_choice){
	    .system = system,
	    .data = system->group[0] ? by_role(vs, APFS_ROLE_DATA, system->group) : NULL,
	    .vm = by_role(vs, APFS_ROLE_VM, NULL),
	    .recovery_volume = by_role(vs, APFS_ROLE_RECOVERY, NULL),
	};
}

int volumes_choose(struct volumes *vs, const struct nvram *nv, struct boot_choice *ret,
		   struct err *e)
{
	struct boot_volume *system = named_by_nvram(vs, nv);

	if (!system)
		system = by_role(vs, APFS_ROLE_SYSTEM, NULL);
	if (!system)
		return err_set(e, E_NOTFOUND, "no volume has the role System");
	volumes_choose_system(vs, system, ret);
	return 0;
}

int volumes_obey_recovery(const struct nvram *nv, struct boot_choice *c, struct err *e)
{
	c->recovery = nvram_get_apple(nv, NVRAM_RECOVERY) != NULL;
	if (c->recovery && !c->recovery_volume)
		return err_set(e, E_NOTFOUND, "no volume has the role Recovery");
	return 0;
}

struct boot_volume *volumes_by_device(struct volumes *vs, const char *device)
{
	if (!strncmp(device, "/dev/", 5))
		device += 5;
	for (size_t i = 0; i < vs->n; i++)
		if (!strcmp(vs->v[i].device, device))
			return &vs->v[i];
	return NULL;
}

static plist_t volume_dict(const struct boot_volume *v)
{
	char role[16], container[16];
	plist_t d = plist_new_dict();

	snprintf(container, sizeof(container), "disk%u", v->disk);
	plist_dict_set_item(d, "Container", plist_new_string(container));
	plist_dict_set_item(d, "Device", plist_new_string(v->device));
	plist_dict_set_item(d, "Name", plist_new_string(v->name));
	plist_dict_set_item(d, "Role", plist_new_string(apfs_role_name(v->role, role)));
	plist_dict_set_item(d, "UUID", plist_new_string(v->uuid));
	plist_dict_set_item(d, "Group", plist_new_string(v->group));
	plist_dict_set_item(d, "MountPoint", plist_new_string(v->mount_point));
	plist_dict_set_item(d, "ReadOnly", plist_new_bool(v->read_only));
	plist_dict_set_item(d, "FileVault", plist_new_bool(v->filevault));
	plist_dict_set_item(d, "Locked", plist_new_bool(v->locked));
	return d;
}

int volumes_plist(const struct volumes *vs,
		  void (*add)(void *ctx, const struct boot_volume *v, plist_t dict),
		  void *ctx, struct buf *out, struct err *e)
{
	plist_t array = plist_new_array();
	int r;

	for (size_t i = 0; i < vs->n; i++) {
		plist_t dict = volume_dict(&vs->v[i]);

		if (add)
			add(ctx, &vs->v[i], dict);
		plist_array_append_item(array, dict);
	}
	r = pl_to_xml(array, out, e);
	plist_free(array);
	return r;
}
