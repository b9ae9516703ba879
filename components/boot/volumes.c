/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memmem */
#include "components/boot/volumes.h"

#include <stdio.h>
#include <string.h>

#include "sim/formats/apfs/reader.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/filevault.h"
#include "sim/platform/paths.h"

static void fill_volume(struct boot_volume *v, const struct apfs_volume_info *info)
{
	*v = (struct boot_volume){.slot = info->slot, .role = info->role};
	snprintf(v->device, sizeof(v->device), "disk1s%u", info->slot + 1);
	snprintf(v->name, sizeof(v->name), "%s", info->name);
	snprintf(v->uuid, sizeof(v->uuid), "%s", info->uuid);
	snprintf(v->group, sizeof(v->group), "%s", info->group);
}

static int read_list(struct volumes *vs, struct apfs *c, struct err *e)
{
	for (unsigned slot = 0; slot < apfs_slots(c); slot++) {
		struct apfs_volume_info info;
		int r = apfs_volume_get_info(c, slot, &info, e);

		if (r == -E_NOTFOUND) {
			err_clear(e);
			continue;
		}
		if (r)
			return r;
		if (vs->n == BOOT_VOLUMES_MAX)
			return err_set(e, E_OVERFLOW, "more than %d volumes",
				       BOOT_VOLUMES_MAX);
		fill_volume(&vs->v[vs->n++], &info);
	}
	return 0;
}

static struct boot_volume *by_role(struct volumes *vs, uint16_t role, const char *group)
{
	for (size_t i = 0; i < vs->n; i++)
		if (vs->v[i].role == role && (!group || !strcmp(vs->v[i].group, group)))
			return &vs->v[i];
	return NULL;
}

static int read_from(struct apfs *c, unsigned slot, const char *path, size_t max,
		     struct buf *out, struct err *e)
{
	struct apfs_volume *v = NULL;
	int r = apfs_volume_open(c, slot, NULL, &v, e);

	if (!r)
		r = apfs_read_path(v, path, max, out, e);
	if (v)
		apfs_volume_close(v);
	return r;
}

/* A group whose folder on Preboot lists crypto users is encrypted. */
static int read_crypto_users(struct volumes *vs, struct apfs *c, struct err *e)
{
	const struct boot_volume *preboot = by_role(vs, APFS_ROLE_PREBOOT, NULL);
	const struct boot_volume *system = by_role(vs, APFS_ROLE_SYSTEM, NULL);
	char path[BOOT_PATH_BUF];
	int r;

	if (!preboot || !system || !system->group[0])
		return 0;
	snprintf(path, sizeof(path), "/%s/" FILEVAULT_PREBOOT_PATH, system->group);
	r = read_from(c, preboot->slot, path, FILEVAULT_FILE_MAX, &vs->crypto_users, e);
	if (r == -E_NOTFOUND) {
		err_clear(e);
		return 0;
	}
	if (r)
		return err_ctx(e, "Preboot: %s", path);
	for (size_t i = 0; i < vs->n; i++)
		if (!strcmp(vs->v[i].group, system->group))
			vs->v[i].filevault = vs->v[i].locked = true;
	return 0;
}

int volumes_read(struct volumes *vs, const char *disk, struct err *e)
{
	struct apfs *c;
	int r;

	*vs = (struct volumes){.n = 0};
	r = apfs_open_path(disk, &c, e);
	if (r)
		return r;
	r = read_list(vs, c, e);
	if (!r)
		r = read_crypto_users(vs, c, e);
	apfs_close(c);
	return r;
}

void volumes_release(struct volumes *vs)
{
	buf_release(&vs->crypto_users);
	vs->n = 0;
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

int volumes_choose(struct volumes *vs, const struct nvram *nv, struct boot_choice *ret,
		   struct err *e)
{
	struct boot_volume *system = named_by_nvram(vs, nv);

	if (!system)
		system = by_role(vs, APFS_ROLE_SYSTEM, NULL);
	if (!system)
		return err_set(e, E_NOTFOUND, "no volume has the role System");
	*ret = (struct boot_choice){
	    .recovery = nvram_get_apple(nv, NVRAM_RECOVERY) != NULL,
	    .system = system,
	    .data = system->group[0] ? by_role(vs, APFS_ROLE_DATA, system->group) : NULL,
	    .vm = by_role(vs, APFS_ROLE_VM, NULL),
	    .recovery_volume = by_role(vs, APFS_ROLE_RECOVERY, NULL),
	};
	if (ret->recovery && !ret->recovery_volume)
		return err_set(e, E_NOTFOUND, "no volume has the role Recovery");
	return 0;
}

int volumes_read_file(const char *disk, const struct boot_volume *v, const char *path,
		      size_t max, struct buf *out, struct err *e)
{
	struct apfs *c;
	int r = apfs_open_path(disk, &c, e);

	if (r)
		return r;
	r = read_from(c, v->slot, path, max, out, e);
	apfs_close(c);
	return r ? err_ctx(e, "%s: %s", v->name, path) : 0;
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
	char role[16];
	plist_t d = plist_new_dict();

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

int volumes_plist(const struct volumes *vs, struct buf *out, struct err *e)
{
	plist_t array = plist_new_array();
	int r;

	for (size_t i = 0; i < vs->n; i++)
		plist_array_append_item(array, volume_dict(&vs->v[i]));
	r = pl_to_xml(array, out, e);
	plist_free(array);
	return r;
}
