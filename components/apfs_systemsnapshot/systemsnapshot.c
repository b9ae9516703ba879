/* SPDX-License-Identifier: MIT */
#include "components/apfs_systemsnapshot/systemsnapshot.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "components/common/kernel_call.h"
#include "components/common/mac_errors.h"
#include "components/common/volume_list.h"

#define NAME "apfs_systemsnapshot"

static const struct action {
	char letter;
	enum kernel_snapshot what;
	bool may_be_empty; /* "" makes sense as a name */
	const char *failed;
} actions[] = {
	{'s', SNAPSHOT_CREATE, false, "could not create snapshot"},
	{'r', SNAPSHOT_ROOT, true, "could not tag root snapshot"},
	{'d', SNAPSHOT_DELETE, false, "could not delete snapshot"},
};

struct session {
	const struct systemsnapshot_env *env;
	struct buf *err_out;
	int status;
	const struct action *action; /* NULL: none was asked for */
	const char *name, *volume;   /* as they were written; NULL: not given */
};

static int usage(struct session *s, struct err *e)
{
	s->status = EX_USAGE;
	return buf_printf(s->err_out, e,
			  "usage: " NAME " -s <snapshot> -v <volume>\tcreate\n"
			  "       " NAME " -r <snapshot> -v <volume>\troot from it; \"\" from "
			  "none\n"
			  "       " NAME " -d <snapshot> -v <volume>\tdelete\n");
}

static int fail(struct session *s, int error, struct err *e)
{
	s->status = EXIT_FAILURE;
	return buf_printf(s->err_out, e, NAME ": %s '%s' on %s: %s\n", s->action->failed,
			  s->name, s->volume, mac_strerror(error));
}

static const struct action *find_action(int letter)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (actions[i].letter == letter)
			return &actions[i];
	return NULL;
}

/* Exactly one action, and the volume. */
static bool parse(struct session *s, int argc, char **argv)
{
	int c;

	optind = 0; /* glibc: from the start */
	opterr = 0;
	while ((c = getopt(argc, argv, "s:r:d:v:")) != -1) {
		const struct action *a = find_action(c);

		if (c == 'v') {
			s->volume = optarg;
		} else if (a && !s->action) {
			s->action = a;
			s->name = optarg;
		} else {
			return false;
		}
	}
	return optind == argc && s->action && s->volume &&
	       (s->name[0] || s->action->may_be_empty);
}

/*
 * The volume whose root the folder @path is. fs_snapshot(2) takes no other folder of it:
 * EINVAL (xnu, vnode_get_snapshot). NULL: *ret_errno says why.
 */
static const struct volume_entry *find_volume(struct volume_list *l,
					      const struct session *s, int *ret_errno)
{
	const struct volume_snapshot *snap = NULL;
	const struct volume_entry *v = NULL;
	struct err ignore = ERR_INIT;
	char real[PATH_MAX];

	*ret_errno = EIO;
	if (volume_list_read(l, s->env->volumes, &ignore))
		return NULL;
	if (!realpath(s->volume, real)) {
		*ret_errno = errno;
		return NULL;
	}
	*ret_errno = EINVAL;
	v = volume_list_at(l, real, &snap);
	return v && !strcmp(snap ? snap->mount_point : v->mount_point, real) ? v : NULL;
}

static int act(struct session *s, struct err *e)
{
	const struct volume_entry *v;
	struct err why = ERR_INIT;
	struct volume_list l;
	int error = 0;

	v = find_volume(&l, s, &error);
	if (v)
		error = kernel_call_errno(kernel_snapshot(s->env->kernel, s->action->what,
							  v->device, s->name, &why),
					  &why);
	volume_list_release(&l);
	return error ? fail(s, error, e) : 0;
}

int systemsnapshot_run(const struct systemsnapshot_env *env, int argc, char **argv,
		       struct buf *err_out, int *ret_status, struct err *e)
{
	struct session s = {.env = env, .err_out = err_out};
	int r = parse(&s, argc, argv) ? act(&s, e) : usage(&s, e);

	*ret_status = r ? EXIT_FAILURE : s.status;
	return r;
}
