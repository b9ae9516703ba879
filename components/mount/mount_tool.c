/* SPDX-License-Identifier: MIT */
#include "components/mount/mount_tool.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sysexits.h>
#include <unistd.h>

#include "components/common/kernel_call.h"
#include "components/common/mac_errors.h"

struct session {
	const struct mount_env *env;
	struct buf *out, *err_out;
	int status;
	bool update, write, read_only;
	const char *type;
};

unsigned long mount_flags(const char *path)
{
	struct statvfs st;

	return statvfs(path, &st) ? 0 : st.f_flag;
}

int mount_remount(const char *path, bool read_only)
{
	unsigned long flags = MS_REMOUNT | MS_BIND | (read_only ? MS_RDONLY : 0);

	return mount(NULL, path, NULL, flags, NULL) ? errno : 0;
}

/* EACCES is what the root of macOS 11 gives: 66. SIP's refusal in 10.15 is EPERM: 77. */
int mount_exit_status(int error)
{
	switch (error) {
	case EPERM: return EX_NOPERM;
	case EACCES:
	case ENOENT:
	case ENOTDIR: return EX_NOINPUT;
	case EINVAL: return EX_DATAERR;
	default: return EX_TEMPFAIL;
	}
}

static int usage(struct session *s, struct err *e)
{
	s->status = EX_USAGE;
	return buf_printf(s->err_out, e,
			  "usage: mount [-uwr] [-o options] [-t apfs] special | node\n"
			  "       mount [-uwr] [-o options] [-t apfs] special node\n"
			  "       mount\n");
}

static int complain(struct session *s, const char *node, int error, struct err *e)
{
	s->status = mount_exit_status(error);
	return buf_printf(s->err_out, e,
			  "mount_apfs: volume could not be mounted: %s\n"
			  "mount: %s failed with %d\n",
			  mac_strerror(error), node, s->status);
}

static int show_list(struct session *s, struct err *e)
{
	struct err why = ERR_INIT;
	struct volume_list l;
	int r;

	/* Without an answer, what the list says is what there is to say. */
	if (kernel_volumes(s->env->kernel, &why))
		err_clear(&why);
	if (volume_list_read(&l, s->env->volumes, &why)) {
		s->status = EX_OSERR;
		r = buf_printf(s->err_out, e, "mount: %s\n", why.msg);
	} else {
		r = mount_list_text(s->env, &l, s->out, e);
	}
	volume_list_release(&l);
	return r;
}

/* Can what is mounted on @path be sealed? */
static bool has_seal(const struct session *s, const char *path)
{
	const struct volume_entry *v = NULL;
	struct err ignore = ERR_INIT;
	struct volume_list l;
	bool has;

	if (!volume_list_read(&l, s->env->volumes, &ignore))
		v = volume_list_at(&l, path, NULL);
	has = v && v->sealed[0];
	volume_list_release(&l);
	return has;
}

static int update(struct session *s, const char *node, struct err *e)
{
	struct err why = ERR_INIT;
	char path[PATH_MAX];
	int error;

	if (!realpath(node, path))
		error = errno;
	else if (!has_seal(s, path))
		error = s->env->remount(path, s->read_only);
	else
		error = kernel_call_errno(kernel_mount_update(s->env->kernel, path,
							      s->read_only, &why),
					  &why);
	return error ? complain(s, node, error, e) : 0;
}

static int mount_new(struct session *s, const char *special, const char *node,
		     struct err *e)
{
	struct err why = ERR_INIT;
	char path[PATH_MAX];
	int error;

	if (!realpath(node, path))
		error = errno;
	else
		error = kernel_call_errno(kernel_mount(s->env->kernel, special, path,
						       s->read_only, &why),
					  &why);
	return error ? complain(s, node, error, e) : 0;
}

static bool add_options(struct session *s, char *list)
{
	char *save = NULL;

	for (char *o = strtok_r(list, ",", &save); o; o = strtok_r(NULL, ",", &save)) {
		if (!strcmp(o, "rdonly") || !strcmp(o, "ro"))
			s->read_only = true;
		else if (!strcmp(o, "update"))
			s->update = true;
		else if (!strcmp(o, "rw"))
			s->write = true;
		else if (strcmp(o, "nobrowse") != 0 && strcmp(o, "owners") != 0 &&
			 strcmp(o, "perm") != 0)
			return false;
	}
	return true;
}

static bool parse(struct session *s, int argc, char **argv)
{
	int c;

	optind = 0; /* glibc: from the start */
	opterr = 0;
	while ((c = getopt(argc, argv, "uwro:t:")) != -1) {
		switch (c) {
		case 'u': s->update = true; break;
		case 'w': s->write = true; break;
		case 'r': s->read_only = true; break;
		case 't': s->type = optarg; break;
		case 'o':
			if (!add_options(s, optarg))
				return false;
			break;
		default: return false;
		}
	}
	return !strcmp(s->type, "apfs") && !(s->write && s->read_only);
}

static int dispatch(struct session *s, int argc, char **argv, struct err *e)
{
	bool ok = parse(s, argc, argv);

	argc -= optind;
	argv += optind;
	if (ok && !argc && !s->update)
		return show_list(s, e);
	if (ok && s->update && (argc == 1 || argc == 2))
		return update(s, argv[argc - 1], e);
	if (ok && argc == 2)
		return mount_new(s, argv[0], argv[1], e);
	return usage(s, e);
}

int mount_run(const struct mount_env *env, int argc, char **argv, struct buf *out,
	      struct buf *err_out, int *ret_status, struct err *e)
{
	struct session s = {.env = env, .out = out, .err_out = err_out, .type = "apfs"};
	int r = dispatch(&s, argc, argv, e);

	*ret_status = r ? EX_OSERR : s.status;
	return r;
}
