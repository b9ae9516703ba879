/* SPDX-License-Identifier: MIT */
/* diskutil list and apfs list. */
#include <stdio.h>
#include <string.h>

#include "components/diskutil/internal.h"

/* Before macOS 11 the kernel's list does not name it: there is one. */
static const char *container_of(const struct volume_entry *v)
{
	return v->container[0] ? v->container : "disk1";
}

/* Is @i the first volume of its container? */
static bool begins_container(const struct volume_list *l, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(container_of(&l->v[k]), container_of(&l->v[i])))
			return false;
	return true;
}

static size_t count_containers(const struct volume_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += begins_container(l, i);
	return n;
}

/* The snapshot that the system runs from, or would. */
static const struct volume_snapshot *boot_snapshot(const struct volume_entry *v)
{
	const struct volume_snapshot *found = NULL;

	for (size_t i = 0; i < v->n_snapshots; i++)
		if (v->snapshots[i].mount_point[0])
			return &v->snapshots[i];
		else if (v->snapshots[i].root)
			found = &v->snapshots[i];
	return found;
}

/* ---- list ---- */

static int list_rows(struct diskutil_session *s, const char *container, struct err *e)
{
	size_t number = 0;
	int r = 0;

	for (size_t i = 0; !r && i < s->list.n; i++) {
		const struct volume_entry *v = &s->list.v[i];

		if (strcmp(container_of(v), container))
			continue;
		r = buf_printf(s->out, e, "%4zu:                APFS Volume %-23s %s\n",
			       ++number, v->name, v->device);
		for (size_t k = 0; !r && k < v->n_snapshots; k++)
			if (v->snapshots[k].device[0])
				r = buf_printf(s->out, e,
					       "%4zu:              APFS Snapshot %-23s "
					       "%s\n",
					       ++number, v->snapshots[k].name,
					       v->snapshots[k].device);
	}
	return r;
}

int diskutil_list(struct diskutil_session *s, int argc, char **argv, struct err *e)
{
	int r = 0;

	(void)argc;
	(void)argv;
	for (size_t i = 0; !r && i < s->list.n; i++) {
		const char *container = container_of(&s->list.v[i]);

		if (!begins_container(&s->list, i))
			continue;
		r = buf_printf(s->out, e,
			       "/dev/%s (synthesized):\n"
			       "   #:                       TYPE NAME                    "
			       "IDENTIFIER\n"
			       "   0:      APFS Container Scheme -                       "
			       "%s\n"
			       "                                 Physical Store disk0s2\n",
			       container, container);
		if (!r)
			r = list_rows(s, container, e);
		if (!r)
			r = buf_append(s->out, "\n", 1, e);
	}
	return r;
}

/* ---- apfs list ---- */

static const char *filevault_words(const struct volume_entry *v)
{
	if (!v->filevault)
		return "No";
	return v->locked ? "Yes (Locked)" : "Yes (Unlocked)";
}

static int list_boot_snapshot(struct diskutil_session *s, const struct volume_entry *v,
			      struct err *e)
{
	const struct volume_snapshot *b = boot_snapshot(v);

	if (!b)
		return 0;
	return buf_printf(s->out, e,
			  "    |   |\n"
			  "    |   Snapshot:                  %s\n"
			  "    |   Snapshot Disk:             %s\n"
			  "    |   Snapshot Mount Point:      %s\n"
			  "    |   Snapshot Sealed:           %s\n",
			  b->uuid, b->device[0] ? b->device : "Not Mounted",
			  b->mount_point[0] ? b->mount_point : "Not Mounted", b->sealed);
}

static int list_volume(struct diskutil_session *s, const struct volume_entry *v,
		       struct err *e)
{
	int r = buf_printf(
		s->out, e,
		"    |\n"
		"    +-> Volume %s %s\n"
		"    |   ---------------------------------------------------\n"
		"    |   APFS Volume Disk (Role):   %s (%s)\n"
		"    |   Name:                      %s\n"
		"    |   Mount Point:               %s\n",
		v->device, v->uuid, v->device,
		!strcmp(v->role, "none") ? "No specific role" : v->role, v->name,
		v->mount_point[0] ? v->mount_point : "Not Mounted");

	if (!r && v->sealed[0])
		r = buf_printf(s->out, e, "    |   Sealed:                    %s\n",
			       v->sealed);
	if (!r)
		r = buf_printf(s->out, e, "    |   FileVault:                 %s\n",
			       filevault_words(v));
	return r ? r : list_boot_snapshot(s, v, e);
}

static int list_container(struct diskutil_session *s, const char *container,
			  struct err *e)
{
	int r = buf_printf(s->out, e,
			   "|\n"
			   "+-- Container %s\n"
			   "    ====================================================\n"
			   "    APFS Container Reference:     %s\n",
			   container, container);

	for (size_t i = 0; !r && i < s->list.n; i++)
		if (!strcmp(container_of(&s->list.v[i]), container))
			r = list_volume(s, &s->list.v[i], e);
	return r;
}

int diskutil_apfs_list(struct diskutil_session *s, int argc, char **argv, struct err *e)
{
	size_t n = count_containers(&s->list);
	int r = buf_printf(s->out, e, "APFS Container%s (%zu found)\n", n == 1 ? "" : "s", n);

	(void)argc;
	(void)argv;
	for (size_t i = 0; !r && i < s->list.n; i++)
		if (begins_container(&s->list, i))
			r = list_container(s, container_of(&s->list.v[i]), e);
	return r;
}
