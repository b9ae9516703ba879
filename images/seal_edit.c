/* SPDX-License-Identifier: MIT */
#include "images/seal_edit.h"

#include <stdio.h>

/* Where the container is; a transaction wants it closed. */
static int locate(struct seal_edit *x, const char *path, const char *volume,
		  uint64_t *offset, uint64_t *size, struct err *e)
{
	struct seal_place p;
	int r = seal_place_open(&p, path, volume, e);

	if (!r) {
		*offset = p.cs.v[p.container].offset;
		*size = p.cs.v[p.container].size;
		x->slot = p.slot;
		snprintf(x->name, sizeof(x->name), "%s", p.volume.name);
	}
	seal_place_close(&p);
	return r;
}

int seal_edit_begin(struct seal_edit *x, const char *path, const char *volume,
		    int64_t time_ns, struct err *e)
{
	uint64_t offset = 0, size = 0;
	int r;

	*x = (struct seal_edit){.disk = NULL};
	r = locate(x, path, volume, &offset, &size, e);
	if (!r)
		r = vdisk_open_rw(path, &x->disk, e);
	if (!r)
		r = apfs_edit_begin(x->disk, offset, size, time_ns, &x->ed, e);
	return r;
}

int seal_edit_end(struct seal_edit *x, int r, struct err *e)
{
	if (!r)
		r = apfs_edit_commit(x->ed, e);
	else
		apfs_edit_abort(x->ed);
	vdisk_close(x->disk);
	*x = (struct seal_edit){.disk = NULL};
	return r;
}
