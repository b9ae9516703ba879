/* SPDX-License-Identifier: MIT */
/* diskutil apfs listSnapshots and deleteSnapshot. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "components/common/kernel_call.h"
#include "components/common/mac_errors.h"
#include "components/diskutil/internal.h"

/* The last one is drawn with blanks: nothing follows below it. */
static int list_one(struct diskutil_session *s, const struct volume_snapshot *snap,
		    bool last, struct err *e)
{
	const char *bar = last ? " " : "|";

	return buf_printf(s->out, e,
			  "|\n"
			  "+-- %s\n"
			  "%s   Name:        %s\n"
			  "%s   XID:         %llu\n"
			  "%s   Purgeable:   %s\n",
			  snap->uuid, bar, snap->name, bar, (unsigned long long)snap->xid,
			  bar, snap->purgeable ? "Yes" : "No");
}

int diskutil_list_snapshots(struct diskutil_session *s, int argc, char **argv,
			    struct err *e)
{
	int r = 0;
	const struct volume_entry *v = diskutil_find(s, argv[0], &r, e);
	const struct volume_snapshot *mounted;
	const char *device;

	(void)argc;
	if (!v)
		return r;
	mounted = volume_find_mounted(v, argv[0]);
	device = mounted ? mounted->device : v->device;
	if (!v->n_snapshots)
		return buf_printf(s->out, e, "No snapshots for %s\n", device);
	r = buf_printf(s->out, e, "Snapshot%s for %s (%zu found)\n",
		       v->n_snapshots == 1 ? "" : "s", device, v->n_snapshots);
	for (size_t i = 0; i < v->n_snapshots && !r; i++)
		r = list_one(s, &v->snapshots[i], i + 1 == v->n_snapshots, e);
	return r;
}

static bool is_meant(const struct volume_snapshot *snap, const char *how,
		     const char *what)
{
	char *end;

	if (!strcmp(how, "-uuid"))
		return !strcasecmp(snap->uuid, what);
	if (!strcmp(how, "-name"))
		return !strcmp(snap->name, what);
	return strtoull(what, &end, 10) == snap->xid && *what && !*end;
}

static const struct volume_snapshot *find_snapshot(const struct volume_entry *v,
						   const char *how, const char *what)
{
	for (size_t i = 0; i < v->n_snapshots; i++)
		if (is_meant(&v->snapshots[i], how, what))
			return &v->snapshots[i];
	return NULL;
}

/* -69863 is DiskManagement's; numbers of the other failures are not known. */
static int deletion_failed(struct diskutil_session *s, int error, struct err *e)
{
	if (error == EPERM)
		return tool_fail(&s->end, EXIT_FAILURE, e,
				 "Error: -69863: Insufficient privileges");
	return tool_fail(&s->end, EXIT_FAILURE, e,
			 "Error: Deletion of the snapshot failed: %s", mac_strerror(error));
}

int diskutil_delete_snapshot(struct diskutil_session *s, int argc, char **argv,
			     struct err *e)
{
	const char *how = argc == 3 ? argv[1] : "";
	const struct volume_snapshot *snap;
	const struct volume_entry *v;
	struct err why = ERR_INIT;
	int r = 0, error;

	if (strcmp(how, "-uuid") && strcmp(how, "-name") && strcmp(how, "-xid"))
		return tool_fail(&s->end, EXIT_FAILURE, e,
				 "Usage:  diskutil apfs deleteSnapshot <volumeDevice> "
				 "-uuid <snapshotUUID> | -xid <XID> | -name <name>");
	v = diskutil_find(s, argv[0], &r, e);
	if (!v)
		return r;
	snap = find_snapshot(v, how, argv[2]);
	if (!snap)
		return tool_fail(&s->end, EXIT_FAILURE, e,
				 "%s does not have such a snapshot", v->device);
	r = buf_printf(s->out, e,
		       "Deleting APFS Snapshot %s \"%s\" from APFS Volume %s\n"
		       "Started APFS operation\n",
		       snap->uuid, snap->name, v->device);
	if (r)
		return r;
	error = kernel_call_errno(kernel_snapshot(s->paths->kernel, SNAPSHOT_DELETE,
						  v->device, snap->name, &why),
				  &why);
	return error ? deletion_failed(s, error, e)
		     : buf_printf(s->out, e, "Finished APFS operation\n");
}
