/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/bless/bless.h"

#include <errno.h>
#include <limits.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "components/bless/options.h"
#include "components/common/kernel_call.h"
#include "components/common/mac_errors.h"
#include "components/common/tool_end.h"
#include "components/common/volume_list.h"
#include "sim/base/idtext.h"

/* Exit statuses of bless's modeFolder. */
enum { BLESS_OK = 0, BLESS_USAGE = 1, BLESS_VOLUME = 2, BLESS_SNAPSHOT = 4 };

struct session {
	const struct bless_env *env;
	struct bless_options o;
	struct buf *out;
	struct tool_end end;
	struct volume_list list;
	const struct volume_entry *volume; /* borrowed from list */
	char mount_point[PATH_MAX];	   /* as the messages name it */
};

/* ---- which volume ---- */

static int find_volume(struct session *s, struct err *e)
{
	const char *path = s->o.mount ? s->o.mount : s->o.folder;
	const struct volume_snapshot *snap = NULL;
	struct err why = ERR_INIT;
	char real[PATH_MAX];

	if (!realpath(path, real))
		return tool_fail(&s->end, BLESS_USAGE, e, "Can't statfs %s", path);
	if (volume_list_read(&s->list, s->env->volumes, &why))
		return tool_fail(&s->end, BLESS_VOLUME, e,
				 "Couldn't get role for volume %s: %s", path, why.msg);
	s->volume = volume_list_at(&s->list, real, &snap);
	if (!s->volume)
		return tool_fail(&s->end, BLESS_VOLUME, e,
				 "Couldn't get role for volume %s", path);
	snprintf(s->mount_point, sizeof(s->mount_point), "%s",
		 snap ? snap->mount_point : s->volume->mount_point);
	return 0;
}

static bool manipulates_snapshots(const struct bless_options *o)
{
	return o->create_snapshot || o->last_sealed;
}

/* An "ARV volume" has a seal, intact or not: its system could be authenticated. */
static bool is_arv(const struct volume_entry *v)
{
	return v->sealed[0] && strcmp(v->sealed, "No");
}

/* In the order in which bless finds fault. */
static int check(struct session *s, struct err *e)
{
	const struct bless_options *o = &s->o;

	if (!manipulates_snapshots(o))
		return 0;
	if (strcmp(s->volume->role, "System"))
		return tool_fail(
			&s->end, BLESS_VOLUME, e,
			"Can't use last-sealed-snapshot or create-snapshot on non "
			"system volume");
	if (!is_arv(s->volume))
		return tool_fail(
			&s->end, BLESS_VOLUME, e,
			"Can't use last-sealed-snapshot or create-snapshot on non "
			"ARV volume");
	if (o->bootefi_file)
		return tool_fail(
			&s->end, BLESS_USAGE, e,
			"Can't use last-sealed-snapshot or create-snapshot along with "
			"an argument to --bootefi.");
	if (!o->bootefi && !s->env->apple_silicon)
		return tool_fail(
			&s->end, BLESS_USAGE, e,
			"Can't use last-sealed-snapshot or create-snapshot without "
			"--bootefi.");
	return 0;
}

/* ---- what is done ---- */

static int manipulation_failed(struct session *s, const char *what, const struct err *why,
			       struct err *e)
{
	int r = tool_fail(&s->end, BLESS_USAGE, e,
			  "Couldn't %s snapshot on volume %s: %s", what, s->mount_point,
			  mac_err_text(why));

	return r ? r
		 : tool_fail(&s->end, BLESS_USAGE, e, "Snapshot manipulation failed ");
}

static int make_name(char out[64], struct err *e)
{
	uint8_t uuid[16];
	char text[UUID_TEXT_MAX];

	if (RAND_bytes(uuid, sizeof(uuid)) != 1)
		return err_set(e, E_IO, "no random bytes");
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	uuid_text(uuid, text);
	snprintf(out, 64, "com.apple.bless.%s", text);
	return 0;
}

/* BLCreateAndSetSnapshotBoot: of the volume as it is now, and the next start is from it.
 */
static int create_snapshot(struct session *s, struct err *e)
{
	const char *kernel = s->env->kernel, *device = s->volume->device;
	struct err why = ERR_INIT;
	char name[64];
	int r = make_name(name, e);

	if (r)
		return r;
	if (kernel_snapshot(kernel, SNAPSHOT_CREATE, device, name, &why))
		return manipulation_failed(s, "create", &why, e);
	if (kernel_snapshot(kernel, SNAPSHOT_ROOT, device, name, &why))
		return manipulation_failed(s, "root", &why, e);
	return s->o.verbose
		       ? buf_printf(s->out, e, "Volume %s will boot from snapshot %s\n",
				    s->mount_point, name)
		       : 0;
}

/* No snapshot is named any more: the kernel takes the one that the root hash names. */
static int last_sealed_snapshot(struct session *s, struct err *e)
{
	struct err why = ERR_INIT;

	if (kernel_snapshot(s->env->kernel, SNAPSHOT_ROOT, s->volume->device, "", &why))
		return manipulation_failed(s, "root", &why, e);
	return s->o.verbose ? buf_printf(s->out, e,
					 "Volume %s will boot from its last sealed "
					 "snapshot\n",
					 s->mount_point)
			    : 0;
}

static const char *name_of(const struct volume_entry *v, const char *uuid)
{
	for (size_t i = 0; i < v->n_snapshots; i++)
		if (!strcasecmp(v->snapshots[i].uuid, uuid))
			return v->snapshots[i].name;
	return NULL;
}

/* BLSetAPFSSnapshotBlessData. An empty UUID is the live file system. */
static int set_snapshot(struct session *s, struct err *e)
{
	const char *uuid = s->o.snapshot ? s->o.snapshot : "";
	const char *name = s->o.snapshot_name ? s->o.snapshot_name
			   : *uuid	      ? name_of(s->volume, uuid)
					      : "";
	const char *called = s->o.snapshot_name ? s->o.snapshot_name
			     : *uuid		? uuid
						: "live file system";
	struct err why = ERR_INIT;

	if (!name)
		return tool_fail(&s->end, BLESS_SNAPSHOT, e,
				 "Can't set bless data for APFS snapshot %s: %s", called,
				 mac_strerror(ENOENT));
	if (kernel_snapshot(s->env->kernel, SNAPSHOT_ROOT, s->volume->device, name, &why))
		return tool_fail(&s->end, BLESS_SNAPSHOT, e,
				 "Can't set bless data for APFS snapshot %s: %s", called,
				 mac_err_text(&why));
	return s->o.verbose ? buf_printf(s->out, e, "blessed snapshot = %s\n", called)
			    : 0;
}

static int act(struct session *s, struct err *e)
{
	if (s->o.create_snapshot)
		return create_snapshot(s, e);
	if (s->o.last_sealed)
		return last_sealed_snapshot(s, e);
	if (s->o.snapshot || s->o.snapshot_name)
		return set_snapshot(s, e);
	return 0;
}

static int carry_out(struct session *s, int argc, char **argv, struct err *e)
{
	const struct bless_options *o = &s->o;
	const char *bad;
	int r;

	if (!bless_options_parse(argc, argv, &s->o, &bad))
		return tool_fail(
			&s->end, BLESS_USAGE, e,
			"Usage: bless --folder|--mount PATH [--bootefi] "
			"[--create-snapshot | --last-sealed-snapshot | --snapshot UUID | "
			"--snapshotname NAME] [--setBoot] [--verbose]%s%s",
			bad ? "\nbless: unrecognized option " : "", bad ? bad : "");
	if (o->create_snapshot + o->last_sealed + (o->snapshot || o->snapshot_name) > 1)
		return tool_fail(&s->end, BLESS_USAGE, e,
				 "Only one of the snapshot options can be specified");
	if (!s->env->root)
		return tool_fail(&s->end, BLESS_USAGE, e, "Not run as root");
	r = find_volume(s, e);
	if (!r && !s->end.status)
		r = check(s, e);
	return r || s->end.status ? r : act(s, e);
}

int bless_run(const struct bless_env *env, int argc, char **argv, struct buf *out,
	      struct buf *err_out, int *ret_status, struct err *e)
{
	struct session s = {.env = env, .out = out, .end = {.err_out = err_out}};
	int r = carry_out(&s, argc, argv, e);

	volume_list_release(&s.list);
	*ret_status = r ? BLESS_USAGE : s.end.status;
	return r;
}
