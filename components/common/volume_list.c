/* SPDX-License-Identifier: MIT */
#include "components/common/volume_list.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/base/buf.h"
#include "sim/base/fsio.h"
#include "sim/formats/plist/pl.h"

/* A text of a struct: its key in the list, and where the char * is. */
struct text_row {
	const char *key;
	size_t offset;
	bool optional;
};

#define ROW(type, member) offsetof(struct type, member)

static const struct text_row volume_texts[] = {
	{"Device", ROW(volume_entry, device), false},
	{"Name", ROW(volume_entry, name), false},
	{"Role", ROW(volume_entry, role), false},
	{"UUID", ROW(volume_entry, uuid), false},
	{"Group", ROW(volume_entry, group), false},
	{"MountPoint", ROW(volume_entry, mount_point), false},
	{"Container", ROW(volume_entry, container), true},
	{"Sealed", ROW(volume_entry, sealed), true},
	{NULL, 0, false},
};

static const struct text_row snapshot_texts[] = {
	{"Name", ROW(volume_snapshot, name), false},
	{"UUID", ROW(volume_snapshot, uuid), false},
	{"Device", ROW(volume_snapshot, device), false},
	{"MountPoint", ROW(volume_snapshot, mount_point), false},
	{"Sealed", ROW(volume_snapshot, sealed), false},
	{NULL, 0, false},
};

static char **text_at(void *obj, const struct text_row *row)
{
	return (char **)(void *)((char *)obj + row->offset);
}

static int read_texts(void *obj, const struct text_row *row, plist_t dict, struct err *e)
{
	for (; row->key; row++) {
		const char *s = "";
		int r = row->optional ? pl_opt_string(dict, row->key, &s, e)
				      : pl_string(dict, row->key, &s, e);

		if (r)
			return r;
		*text_at(obj, row) = strdup(s);
		if (!*text_at(obj, row))
			return err_set(e, E_NOMEM, "out of memory");
	}
	return 0;
}

static void free_texts(void *obj, const struct text_row *row)
{
	for (; row->key; row++)
		free(*text_at(obj, row));
}

static int read_snapshot(struct volume_snapshot *s, plist_t dict, struct err *e)
{
	int r;

	if (plist_get_node_type(dict) != PLIST_DICT)
		return err_set(e, E_CORRUPT, "a snapshot is not a dictionary");
	r = read_texts(s, snapshot_texts, dict, e);
	if (!r)
		r = pl_uint(dict, "XID", &s->xid, e);
	if (!r)
		r = pl_bool(dict, "Purgeable", &s->purgeable, e);
	if (!r)
		r = pl_bool(dict, "Root", &s->root, e);
	return r ? r : pl_bool(dict, "Pending", &s->pending, e);
}

static int read_snapshots(struct volume_entry *v, plist_t dict, struct err *e)
{
	plist_t array = NULL;
	int r = pl_opt_array(dict, "Snapshots", &array, e);
	uint32_t n = !r && array ? plist_array_get_size(array) : 0;

	if (r || !n)
		return r;
	if (n > VOLUME_SNAPSHOTS_MAX)
		return err_set(e, E_OVERFLOW, "more than %d snapshots",
			       VOLUME_SNAPSHOTS_MAX);
	v->snapshots = calloc(n, sizeof(*v->snapshots));
	if (!v->snapshots)
		return err_set(e, E_NOMEM, "out of memory");
	while (!r && v->n_snapshots < n) {
		size_t i = v->n_snapshots++;

		r = read_snapshot(&v->snapshots[i],
				  plist_array_get_item(array, (uint32_t)i), e);
	}
	return r;
}

static int read_entry(struct volume_entry *v, plist_t dict, struct err *e)
{
	int r;

	if (plist_get_node_type(dict) != PLIST_DICT)
		return err_set(e, E_CORRUPT, "a volume is not a dictionary");
	r = read_texts(v, volume_texts, dict, e);
	if (!r)
		r = pl_bool(dict, "ReadOnly", &v->read_only, e);
	if (!r)
		r = pl_bool(dict, "FileVault", &v->filevault, e);
	if (!r)
		r = pl_bool(dict, "Locked", &v->locked, e);
	return r ? r : read_snapshots(v, dict, e);
}

static int read_all(struct volume_list *l, plist_t array, struct err *e)
{
	int r = 0;

	if (plist_get_node_type(array) != PLIST_ARRAY)
		return err_set(e, E_CORRUPT, "not an array");
	for (uint32_t i = 0; !r && i < plist_array_get_size(array); i++) {
		if (l->n == VOLUME_LIST_MAX)
			return err_set(e, E_OVERFLOW, "more than %d volumes",
				       VOLUME_LIST_MAX);
		r = read_entry(&l->v[l->n++], plist_array_get_item(array, i), e);
	}
	return r;
}

int volume_list_read(struct volume_list *l, const char *path, struct err *e)
{
	struct buf b = BUF_INIT;
	plist_t array = NULL;
	int r;

	*l = (struct volume_list){.n = 0};
	r = fsio_read(path, VOLUME_LIST_MAX_BYTES, &b, e);
	if (!r)
		r = pl_parse(b.data, b.len, path, &array, e);
	if (!r) {
		r = read_all(l, array, e);
		if (r)
			err_ctx(e, "%s", path);
	}
	plist_free(array);
	buf_release(&b);
	return r;
}

static void release_entry(struct volume_entry *v)
{
	for (size_t i = 0; i < v->n_snapshots; i++)
		free_texts(&v->snapshots[i], snapshot_texts);
	free(v->snapshots);
	free_texts(v, volume_texts);
}

void volume_list_release(struct volume_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		release_entry(&l->v[i]);
	l->n = 0;
}

static const char *without_dev(const char *what)
{
	return strncmp(what, "/dev/", 5) ? what : what + 5;
}

const struct volume_snapshot *volume_find_mounted(const struct volume_entry *v,
						  const char *what)
{
	for (size_t i = 0; i < v->n_snapshots; i++) {
		const struct volume_snapshot *s = &v->snapshots[i];

		if (s->device[0] && (!strcmp(s->device, without_dev(what)) ||
				     !strcmp(s->mount_point, what)))
			return s;
	}
	return NULL;
}

#define WAYS 5

static bool is_called(const struct volume_entry *v, const char *what, unsigned how)
{
	switch (how) {
	case 0: return !strcmp(v->device, without_dev(what));
	case 1: return !strcasecmp(v->uuid, what);
	case 2: return v->mount_point[0] && !strcmp(v->mount_point, what);
	case 3: return volume_find_mounted(v, what);
	default: return !strcmp(v->name, what);
	}
}

const struct volume_entry *volume_list_find(const struct volume_list *l, const char *what)
{
	for (unsigned how = 0; how < WAYS; how++)
		for (size_t i = 0; i < l->n; i++)
			if (is_called(&l->v[i], what, how))
				return &l->v[i];
	return NULL;
}

/* How much of @path the mount point @at covers; 0 when @path is not below it. */
static size_t covered(const char *at, const char *path)
{
	size_t n = strlen(at);

	if (!n || !strcmp(at, "/"))
		return n;
	return !strncmp(at, path, n) && (!path[n] || path[n] == '/') ? n : 0;
}

const struct volume_entry *volume_list_at(const struct volume_list *l, const char *path,
					  const struct volume_snapshot **ret_snapshot)
{
	const struct volume_snapshot *snapshot = NULL;
	const struct volume_entry *found = NULL;
	size_t best = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct volume_entry *v = &l->v[i];

		for (size_t k = 0; k <= v->n_snapshots; k++) {
			const struct volume_snapshot *s = k ? &v->snapshots[k - 1] : NULL;
			size_t n = covered(s ? s->mount_point : v->mount_point, path);

			if (n <= best)
				continue;
			best = n;
			found = v;
			snapshot = s;
		}
	}
	if (ret_snapshot)
		*ret_snapshot = snapshot;
	return found;
}
