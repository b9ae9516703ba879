/* SPDX-License-Identifier: MIT */
#include "components/diskutil/volume_list.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/base/buf.h"
#include "sim/base/fsio.h"
#include "sim/formats/plist/pl.h"

static const struct {
	const char *key;
	size_t offset; /* of a char * in struct volume_entry */
} texts[] = {
	{"Device", offsetof(struct volume_entry, device)},
	{"Name", offsetof(struct volume_entry, name)},
	{"Role", offsetof(struct volume_entry, role)},
	{"UUID", offsetof(struct volume_entry, uuid)},
	{"Group", offsetof(struct volume_entry, group)},
	{"MountPoint", offsetof(struct volume_entry, mount_point)},
};

#define N_TEXTS (sizeof(texts) / sizeof(texts[0]))

static char **text_at(struct volume_entry *v, size_t i)
{
	return (char **)(void *)((char *)v + texts[i].offset);
}

static int read_entry(struct volume_entry *v, plist_t dict, struct err *e)
{
	int r = 0;

	if (plist_get_node_type(dict) != PLIST_DICT)
		return err_set(e, E_CORRUPT, "a volume is not a dictionary");
	for (size_t i = 0; !r && i < N_TEXTS; i++) {
		const char *s;

		r = pl_string(dict, texts[i].key, &s, e);
		if (!r && !(*text_at(v, i) = strdup(s)))
			r = err_set(e, E_NOMEM, "out of memory");
	}
	if (!r)
		r = pl_bool(dict, "ReadOnly", &v->read_only, e);
	if (!r)
		r = pl_bool(dict, "FileVault", &v->filevault, e);
	return r ? r : pl_bool(dict, "Locked", &v->locked, e);
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

void volume_list_release(struct volume_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		for (size_t t = 0; t < N_TEXTS; t++)
			free(*text_at(&l->v[i], t));
	l->n = 0;
}

static bool is_called(const struct volume_entry *v, const char *what, unsigned how)
{
	switch (how) {
	case 0: return !strcmp(v->device, strncmp(what, "/dev/", 5) ? what : what + 5);
	case 1: return !strcasecmp(v->uuid, what);
	case 2: return v->mount_point[0] && !strcmp(v->mount_point, what);
	default: return !strcmp(v->name, what);
	}
}

const struct volume_entry *volume_list_find(const struct volume_list *l, const char *what)
{
	for (unsigned how = 0; how < 4; how++)
		for (size_t i = 0; i < l->n; i++)
			if (is_called(&l->v[i], what, how))
				return &l->v[i];
	return NULL;
}
