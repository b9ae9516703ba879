/* SPDX-License-Identifier: MIT */
#include "components/mount/mount_tool.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

int mount_exit_status(int error)
{
	switch (error) {
	case EPERM:
	case EACCES: return EX_NOPERM;
	case ENOENT:
	case ENOTDIR: return EX_NOINPUT;
	case EINVAL: return EX_DATAERR;
	default: return EX_TEMPFAIL;
	}
}

/* Volumes of the system itself are hidden from people. */
static const char *extra_words(const struct volume_entry *v)
{
	bool own = strcmp(v->mount_point, "/") && strncmp(v->mount_point, "/Volumes/", 9);

	return own ? ", nobrowse" : "";
}

static int list_volume(const struct volume_entry *v, bool (*read_only)(const char *path),
		       struct buf *out, struct err *e)
{
	return buf_printf(out, e, "/dev/%s on %s (apfs, local,%s journaled%s)\n",
			  v->device, v->mount_point,
			  read_only(v->mount_point) ? " read-only," : "", extra_words(v));
}

int mount_list_text(const struct volume_list *l, bool (*read_only)(const char *path),
		    struct buf *out, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < l->n; i++)
		if (!strcmp(l->v[i].mount_point, "/"))
			r = list_volume(&l->v[i], read_only, out, e);
	if (!r)
		r = buf_printf(out, e, "devfs on /dev (devfs, local, nobrowse)\n");
	for (size_t i = 0; !r && i < l->n; i++)
		if (l->v[i].mount_point[0] && strcmp(l->v[i].mount_point, "/") != 0)
			r = list_volume(&l->v[i], read_only, out, e);
	return r;
}
