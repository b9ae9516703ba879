/* SPDX-License-Identifier: MIT */
#include "components/kextd/mounts.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/buf.h"
#include "sim/base/fsio.h"
#include "sim/formats/plist/pl.h"

#define LIST_MAX (1u << 20) /* bytes */

static int add_volume(struct mounts *m, plist_t dict, struct err *e)
{
	const char *path = NULL;
	bool read_only = false;

	if (!dict || plist_get_node_type(dict) != PLIST_DICT)
		return err_set(e, E_CORRUPT, "a volume is not a dictionary");
	if (pl_opt_string(dict, "MountPoint", &path, e) ||
	    pl_opt_bool(dict, "ReadOnly", &read_only, e))
		return -(int)e->code;
	if (!path || !*path)
		return 0;
	if (m->n == MOUNTS_MAX)
		return err_set(e, E_OVERFLOW, "more than %d volumes", MOUNTS_MAX);
	m->at[m->n].path = strdup(path);
	m->at[m->n].read_only = read_only;
	if (!m->at[m->n].path)
		return err_set(e, E_NOMEM, "volumes");
	m->n++;
	return 0;
}

int mounts_read(struct mounts *m, const char *list, struct err *e)
{
	struct buf b = BUF_INIT;
	plist_t array = NULL;
	int r;

	m->n = 0;
	r = fsio_read(list, LIST_MAX, &b, e);
	if (!r)
		r = pl_parse(b.data, b.len, list, &array, e);
	if (!r && plist_get_node_type(array) != PLIST_ARRAY)
		r = err_set(e, E_CORRUPT, "%s: not an array", list);
	for (uint32_t i = 0; !r && i < plist_array_get_size(array); i++)
		r = add_volume(m, plist_array_get_item(array, i), e);
	plist_free(array);
	buf_release(&b);
	return r ? err_ctx(e, "volumes") : 0;
}

void mounts_release(struct mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->at[i].path);
	m->n = 0;
}

bool mounts_qualifies(const struct mounts *m, size_t i)
{
	return !m->at[i].read_only || !strcmp(m->at[i].path, "/");
}

bool mounts_has(const struct mounts *m, const char *path)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->at[i].path, path))
			return mounts_qualifies(m, i);
	return false;
}
