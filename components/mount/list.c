/* SPDX-License-Identifier: MIT */
/* What is mounted, as mount(8) lists it. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/statvfs.h>

#include "components/mount/mount_tool.h"

/* A volume or a snapshot of it, where it is mounted. */
struct mounted {
	const struct mount_env *env;
	const struct volume_entry *volume;
	const char *device, *point, *sealed;
	unsigned long flags;
};

static bool is_sealed(const struct mounted *m)
{
	return !strcmp(m->sealed, "Yes");
}

static bool always(const struct mounted *m)
{
	(void)m;
	return true;
}

static bool is_noexec(const struct mounted *m)
{
	return m->flags & ST_NOEXEC;
}

static bool is_read_only(const struct mounted *m)
{
	return m->flags & ST_RDONLY;
}

static bool is_noatime(const struct mounted *m)
{
	return m->flags & ST_NOATIME;
}

/* Volumes of the system itself are hidden from people. */
static bool is_hidden(const struct mounted *m)
{
	return strcmp(m->point, "/") && strncmp(m->point, "/Volumes/", 9);
}

static bool is_protected(const struct mounted *m)
{
	return m->env->protects_data && !strcmp(m->volume->role, "Data");
}

/* In the order in which a Mac has them. */
static const struct {
	const char *text;
	bool (*holds)(const struct mounted *m);
} words[] = {
	{"sealed", is_sealed},	   {"local", always},	  {"noexec", is_noexec},
	{"read-only", is_read_only}, {"journaled", always}, {"noatime", is_noatime},
	{"nobrowse", is_hidden},   {"protect", is_protected},
};

static int list_one(const struct mounted *m, struct buf *out, struct err *e)
{
	int r = buf_printf(out, e, "/dev/%s on %s (apfs", m->device, m->point);

	for (size_t i = 0; !r && i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].holds(m))
			r = buf_printf(out, e, ", %s", words[i].text);
	return r ? r : buf_append(out, ")\n", 2, e);
}

/* The root alone, or all others. */
static int list_volume(const struct mount_env *env, const struct volume_entry *v,
		       bool root, struct buf *out, struct err *e)
{
	int r = 0;

	for (size_t k = 0; !r && k <= v->n_snapshots; k++) {
		const struct volume_snapshot *s = k ? &v->snapshots[k - 1] : NULL;
		struct mounted m = {
			.env = env,
			.volume = v,
			.device = s ? s->device : v->device,
			.point = s ? s->mount_point : v->mount_point,
			.sealed = s ? s->sealed : v->sealed,
		};

		if (!m.point[0] || root != !strcmp(m.point, "/"))
			continue;
		m.flags = env->flags(m.point);
		r = list_one(&m, out, e);
	}
	return r;
}

int mount_list_text(const struct mount_env *env, const struct volume_list *l,
		    struct buf *out, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < l->n; i++)
		r = list_volume(env, &l->v[i], true, out, e);
	if (!r)
		r = buf_printf(out, e, "devfs on /dev (devfs, local, nobrowse)\n");
	for (size_t i = 0; !r && i < l->n; i++)
		r = list_volume(env, &l->v[i], false, out, e);
	return r;
}
