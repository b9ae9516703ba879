/* SPDX-License-Identifier: MIT */
#include "components/diskutil/diskutil.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/common/kernel_call.h"
#include "components/diskutil/internal.h"
#include "sim/base/fsio.h"

#define SAME_NAMES_MAX 100 /* "/Volumes/X 1" ... */

static const char *yes_no(bool b)
{
	return b ? "Yes" : "No";
}

/* ---- one volume ---- */

const struct volume_entry *diskutil_find(struct diskutil_session *s, const char *what,
					 int *ret, struct err *e)
{
	const struct volume_entry *v = volume_list_find(&s->list, what);

	if (!v)
		*ret = tool_fail(&s->end, EXIT_FAILURE, e, "Unable to find disk for %s",
				 what);
	return v;
}

static int run_info(struct diskutil_session *s, int argc, char **argv, struct err *e)
{
	int r = 0;
	const struct volume_entry *v = diskutil_find(s, argv[0], &r, e);

	(void)argc;
	if (!v)
		return r;
	return buf_printf(s->out, e,
			  "   Device Identifier:         %s\n"
			  "   Device Node:               /dev/%s\n"
			  "   Part of Whole:             disk1\n"
			  "\n"
			  "   Volume Name:               %s\n"
			  "   Mounted:                   %s\n"
			  "   Mount Point:               %s\n"
			  "\n"
			  "   File System Personality:   APFS\n"
			  "   Type (Bundle):             apfs\n"
			  "   Name (User Visible):       APFS\n"
			  "   Volume UUID:               %s\n"
			  "   Read-Only Volume:          %s\n"
			  "   FileVault:                 %s\n"
			  "   Locked:                    %s\n",
			  v->device, v->device, v->name, yes_no(v->mount_point[0]),
			  v->mount_point, v->uuid, yes_no(v->read_only),
			  yes_no(v->filevault), yes_no(v->locked));
}

/*
 * Make the folder for a volume: named after it, with a number behind when something is
 * in the way, as DiskArbitration does. An empty folder is taken.
 */
static int make_mount_point(struct diskutil_session *s, const struct volume_entry *v,
			    char path[PATH_MAX], struct err *e)
{
	for (int i = 0; i < SAME_NAMES_MAX; i++) {
		snprintf(path, PATH_MAX, i ? "%s/%s %d" : "%s/%s", s->paths->mount_base,
			 v->name, i);
		if (rmdir(path) && errno != ENOENT)
			continue;
		if (!mkdir(path, 0755))
			return 0;
		if (errno != EEXIST)
			return err_sys(e, "%s", path);
	}
	return err_set(e, E_EXISTS, "no free name for %s", v->name);
}

/* The live state of a sealed system is no place to write to by accident. */
static bool is_read_only(const struct volume_entry *v)
{
	return !strcmp(v->role, "System") && v->sealed[0];
}

static int mount_volume(struct diskutil_session *s, const struct volume_entry *v,
			struct err *e)
{
	char path[PATH_MAX];
	int r;

	if (v->mount_point[0])
		return 0;
	r = make_mount_point(s, v, path, e);
	if (r)
		return r;
	r = kernel_mount(s->paths->kernel, v->device, path, is_read_only(v), e);
	if (r)
		rmdir(path);
	return r;
}

static int run_mount(struct diskutil_session *s, int argc, char **argv, struct err *e)
{
	struct err why = ERR_INIT;
	int r = 0;
	const struct volume_entry *v = diskutil_find(s, argv[0], &r, e);

	(void)argc;
	if (!v)
		return r;
	if (v->locked)
		return tool_fail(&s->end, EXIT_FAILURE, e,
				 "This is an encrypted and locked APFS volume; use "
				 "\"diskutil apfs unlockVolume\"");
	if (mount_volume(s, v, &why))
		return tool_fail(&s->end, EXIT_FAILURE, e,
				 "Volume on %s failed to mount: %s", v->device, why.msg);
	return buf_printf(s->out, e, "Volume %s on %s mounted\n", v->name, v->device);
}

static int run_unmount(struct diskutil_session *s, int argc, char **argv, struct err *e)
{
	struct err why = ERR_INIT;
	int r = 0;
	const struct volume_entry *v = diskutil_find(s, argv[0], &r, e);

	(void)argc;
	if (!v)
		return r;
	if (!v->mount_point[0])
		return tool_fail(&s->end, EXIT_FAILURE, e, "%s was already unmounted",
				 v->device);
	if (kernel_unmount(s->paths->kernel, v->device, &why))
		return tool_fail(&s->end, EXIT_FAILURE, e,
				 "Volume %s on %s failed to unmount", v->name, v->device);
	/* The folders there are DiskArbitration's; others are whoever made them's. */
	if (fsio_below(v->mount_point, s->paths->mount_base))
		rmdir(v->mount_point);
	return buf_printf(s->out, e, "Volume %s on %s unmounted\n", v->name, v->device);
}

struct unlock_options {
	const char *passphrase;
	bool no_mount;
};

static bool parse_unlock(struct diskutil_session *s, int argc, char **argv,
			 struct unlock_options *o)
{
	*o = (struct unlock_options){.passphrase = NULL};
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-passphrase") && i + 1 < argc)
			o->passphrase = argv[++i];
		else if (!strcmp(argv[i], "-stdinpassphrase"))
			o->passphrase = s->input;
		else if (!strcmp(argv[i], "-nomount"))
			o->no_mount = true;
		else
			return false;
	}
	return o->passphrase != NULL;
}

static int run_unlock(struct diskutil_session *s, int argc, char **argv, struct err *e)
{
	struct err why = ERR_INIT;
	struct unlock_options o;
	const struct volume_entry *v;
	int r = 0;

	if (!parse_unlock(s, argc, argv, &o))
		return tool_fail(
			&s->end, EXIT_FAILURE, e,
			"Usage:  diskutil apfs unlockVolume <apfsVolumeDevice> "
			"-passphrase <passphrase> | -stdinpassphrase [-nomount]");
	v = diskutil_find(s, argv[0], &r, e);
	if (!v)
		return r;
	if (!v->locked)
		return tool_fail(&s->end, EXIT_FAILURE, e,
				 "%s is not a locked APFS volume", v->device);
	r = buf_printf(s->out, e, "Unlocking any cryptographic user on APFS Volume %s\n",
		       v->device);
	if (r)
		return r;
	if (kernel_unlock(s->paths->kernel, v->device, o.passphrase, &why))
		return why.sys_errno == EPERM
			       ? tool_fail(&s->end, EXIT_FAILURE, e,
					   "Passphrase incorrect or user does not exist")
			       : tool_fail(&s->end, EXIT_FAILURE, e,
					   "Error unlocking %s: %s", v->device, why.msg);
	if (o.no_mount)
		return buf_printf(s->out, e, "Unlocked but did not mount APFS Volume\n");
	if (mount_volume(s, v, &why))
		return tool_fail(&s->end, EXIT_FAILURE, e,
				 "Volume on %s failed to mount: %s", v->device, why.msg);
	return buf_printf(s->out, e, "Unlocked and mounted APFS Volume\n");
}

/* ---- the command line ---- */

static const struct command {
	const char *group; /* NULL: none */
	const char *verb;
	int (*run)(struct diskutil_session *s, int argc, char **argv, struct err *e);
	int min_args;
	const char *help;
} commands[] = {
	{NULL, "list", diskutil_list, 0, "list"},
	{NULL, "info", run_info, 1, "info MountPoint|DiskIdentifier|VolumeName"},
	{NULL, "mount", run_mount, 1, "mount DiskIdentifier|VolumeName"},
	{NULL, "unmount", run_unmount, 1, "unmount MountPoint|DiskIdentifier|VolumeName"},
	{"apfs", "list", diskutil_apfs_list, 0, "apfs list"},
	{"apfs", "unlockVolume", run_unlock, 1,
	 "apfs unlockVolume DiskIdentifier -passphrase Passphrase [-nomount]"},
	{"apfs", "listSnapshots", diskutil_list_snapshots, 1,
	 "apfs listSnapshots DiskIdentifier"},
	{"apfs", "snapshots", diskutil_list_snapshots, 1,
	 "apfs snapshots DiskIdentifier"},
	{"apfs", "deleteSnapshot", diskutil_delete_snapshot, 1,
	 "apfs deleteSnapshot DiskIdentifier -uuid UUID | -xid XID | -name Name"},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *find_command(int argc, char **argv, int *ret_words)
{
	bool apfs = argc > 0 && !strcmp(argv[0], "apfs");

	*ret_words = 1 + apfs;
	if (argc < *ret_words)
		return NULL;
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (apfs == (commands[i].group != NULL) &&
		    !strcmp(commands[i].verb, argv[apfs]) &&
		    argc - *ret_words >= commands[i].min_args)
			return &commands[i];
	return NULL;
}

static int usage(struct diskutil_session *s, struct err *e)
{
	int r = buf_printf(s->end.err_out, e,
			   "Usage:  diskutil <verb> <options>, where <verb> is:\n");

	for (size_t i = 0; !r && i < N_COMMANDS; i++)
		r = buf_printf(s->end.err_out, e, "     %s\n", commands[i].help);
	s->end.status = EXIT_FAILURE;
	return r;
}

int diskutil_run(const struct diskutil_paths *p, int argc, char **argv, const char *input,
		 struct buf *out, struct buf *err_out, int *ret_status, struct err *e)
{
	struct diskutil_session s = {
		.paths = p, .input = input, .out = out, .end = {.err_out = err_out}};
	struct err why = ERR_INIT;
	int words, r;
	const struct command *c = find_command(argc, argv, &words);

	/* Without an answer, what the list says is what there is to say. */
	if (kernel_volumes(p->kernel, &why))
		err_clear(&why);
	if (!c)
		r = usage(&s, e);
	else if (volume_list_read(&s.list, p->volumes, &why))
		r = tool_fail(
			&s.end, EXIT_FAILURE, e,
			"Unable to run because unable to use the DiskManagement framework"
			" (%s)",
			why.msg);
	else
		r = c->run(&s, argc - words, argv + words, e);
	volume_list_release(&s.list);
	*ret_status = r ? EXIT_FAILURE : s.end.status;
	return r;
}
