/* SPDX-License-Identifier: MIT */
#include "components/common/test/volumes_fixture.h"

#include <stdio.h>

#include "sim/base/test.h"
#include "sim/formats/plist/pl.h"

const struct snapshot_row snapshot_of_the_root = {
	.name = "com.apple.os.update-AA",
	.uuid = "11111111-2222-3333-4444-555555555555",
	.device = "disk3s1s1",
	.mount_point = "/",
	.sealed = "Yes",
	.xid = 2,
	.root = true,
};

static void put(plist_t d, const char *key, const char *text)
{
	plist_dict_set_item(d, key, plist_new_string(text ? text : ""));
}

static void put_optional(plist_t d, const char *key, const char *text)
{
	if (text)
		put(d, key, text);
}

static void put_flag(plist_t d, const char *key, bool flag)
{
	plist_dict_set_item(d, key, plist_new_bool(flag));
}

static plist_t snapshot_dict(const struct snapshot_row *s)
{
	plist_t d = plist_new_dict();

	put(d, "Name", s->name);
	put(d, "UUID", s->uuid);
	put(d, "Device", s->device);
	put(d, "MountPoint", s->mount_point);
	put(d, "Sealed", s->sealed);
	plist_dict_set_item(d, "XID", plist_new_uint(s->xid));
	put_flag(d, "Purgeable", false);
	put_flag(d, "Root", s->root);
	put_flag(d, "Pending", false);
	return d;
}

static plist_t volume_dict(const struct volume_row *v)
{
	plist_t d = plist_new_dict(), list = plist_new_array();

	put(d, "Device", v->device);
	put(d, "Name", v->name);
	put(d, "Role", v->role);
	put(d, "UUID", v->uuid);
	put(d, "Group", v->group);
	put(d, "MountPoint", v->mount_point);
	put_optional(d, "Container", v->container);
	put_optional(d, "Sealed", v->sealed);
	put_flag(d, "ReadOnly", v->read_only);
	put_flag(d, "FileVault", v->filevault);
	put_flag(d, "Locked", v->locked);
	for (size_t i = 0; i < v->n_snapshots; i++)
		plist_array_append_item(list, snapshot_dict(&v->snapshots[i]));
	if (v->n_snapshots)
		plist_dict_set_item(d, "Snapshots", list);
	else
		plist_free(list);
	return d;
}

void volumes_write(const struct volume_row *v, size_t n, char *path, size_t size)
{
	plist_t list = plist_new_array();
	struct err e = ERR_INIT;

	for (size_t i = 0; i < n; i++)
		plist_array_append_item(list, volume_dict(&v[i]));
	snprintf(path, size, "%s/volumes.plist", test_tmpdir());
	ASSERT_OK(pl_write_xml(list, path, 0644, &e), &e);
	plist_free(list);
}
