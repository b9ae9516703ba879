/* SPDX-License-Identifier: MIT */
/* Mounting, unmounting, unlocking. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "components/boot/policy.h"
#include "components/boot/service_impl.h"
#include "components/boot/session.h"
#include "components/boot/tree.h"
#include "components/boot/xnu.h"
#include "sim/platform/filevault.h"

/* The path of an open folder as the Mac calls it. */
static int mac_path(int fd, char out[BOOT_PATH_BUF], struct err *e)
{
	const size_t prefix = strlen(TREE_ROOT);
	char link[64], path[BOOT_PATH_BUF];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return err_sys(e, "mount point");
	path[n] = '\0';
	if (strncmp(path, TREE_ROOT "/", prefix + 1) != 0)
		return err_set(e, E_INVAL, "not a place for a volume");
	strcpy(out, path + prefix);
	return 0;
}

/*
 * The live state of a sealed volume can be changed only where its root hash need not be
 * the signed one; then the first change breaks the seal.
 */
static int may_write(const struct boot *b, const struct boot_volume *v, struct err *e)
{
	if (!v->sealed || b->live.may_write)
		return 0;
	return refuse(e, EACCES, "%s: authenticated-root is enabled", v->device);
}

static int attach(struct boot *b, struct boot_volume *v, int fd, bool read_only,
		  struct err *e)
{
	char path[BOOT_PATH_BUF];
	int r = mac_path(fd, path, e);

	if (r)
		return r;
	if (policy_protects(b->sip, b->csr, fd))
		return err_set(e, E_PERM, "%s is protected", path);
	r = tree_mount_volume(&b->volumes, v, e);
	return r ? r : tree_attach(v, fd, path, read_only ? TREE_READ_ONLY : 0, e);
}

static int op_mount(struct boot *b, const struct request *q, struct err *e)
{
	bool read_only = request_has_option(q, "rdonly");
	struct boot_volume *v;
	int fd, r = request_volume(b, q, &v, e);

	if (r)
		return r;
	if (v->locked)
		return err_set(e, E_PERM, "%s is locked", v->device);
	/* Its own place waits for it, at the restart of userspace that has been asked for. */
	if (b->data_missing && v == b->choice.data)
		return 0;
	if (!read_only)
		r = may_write(b, v, e);
	if (!r)
		r = tree_open(request_text(q, "path"), O_PATH | O_DIRECTORY, &fd, e);
	if (r)
		return r;
	r = attach(b, v, fd, read_only, e);
	close(fd);
	if (!r && v->sealed)
		r = session_protect_below(b, v->mount_point, e);
	if (!r)
		r = tree_join_groups(&b->volumes, e);
	return r ? r : session_write_volumes(b, e);
}

static struct boot_volume *mounted_on(struct boot *b, const char *path)
{
	for (size_t i = 0; path[0] && i < b->volumes.n; i++)
		if (!strcmp(b->volumes.v[i].mount_point, path))
			return &b->volumes.v[i];
	return NULL;
}

/* mount -u: only what it says of writing changes. */
static int op_mount_update(struct boot *b, const struct request *q, struct err *e)
{
	const char *path = request_text(q, "path");
	struct boot_volume *v = mounted_on(b, path);
	bool read_only = request_has_option(q, "rdonly");
	int r = 0;

	if (!strcmp(path, "/"))
		return refuse(e, EACCES, "the root stays read-only");
	if (!v)
		return err_set(e, E_INVAL, "nothing is mounted on %s", path);
	if (!read_only)
		r = may_write(b, v, e);
	if (!r)
		r = tree_set_read_only(v, read_only, b->service.launchd, e);
	return r ? r : session_write_volumes(b, e);
}

static int op_unmount(struct boot *b, const struct request *q, struct err *e)
{
	struct boot_volume *v;
	int r = request_volume(b, q, &v, e);

	if (r)
		return r;
	/* What the running system consists of stays: its root, Data, swap. */
	if (strncmp(v->mount_point, "/Volumes/", 9) != 0 && !v->sealed)
		return err_set(e, v->mount_point[0] ? E_BUSY : E_INVAL, "%s %s",
			       v->device,
			       v->mount_point[0] ? "is in use" : "is not mounted");
	tree_part_group(&b->volumes, v);
	r = tree_detach(v, e);
	if (r) { /* in use: the links come back */
		(void)!tree_join_groups(&b->volumes, NULL);
		return r;
	}
	return session_write_volumes(b, e);
}

static int op_unlock(struct boot *b, const struct request *q, struct err *e)
{
	struct volumes *vs = &b->volumes;
	struct boot_volume *v;
	bool ok = false;
	int r = request_volume(b, q, &v, e);

	if (r)
		return r;
	if (!v->filevault || !v->locked)
		return err_set(e, E_INVAL, "%s is not locked", v->device);
	r = filevault_check(vs->crypto_users.data, vs->crypto_users.len,
			    request_text(q, "passphrase"), &ok, e);
	if (!r && !ok)
		r = err_set(e, E_PERM, "wrong passphrase");
	/* The volumes of a group are encrypted with one key. */
	for (size_t i = 0; !r && i < vs->n; i++)
		if (!strcmp(vs->v[i].group, v->group))
			vs->v[i].locked = false;
	if (!r)
		r = session_write_volumes(b, e);
	if (!r && b->data_missing)
		r = session_ask_for_userspace_reboot(e);
	return r;
}

static int op_volumes(struct boot *b, const struct request *q, struct err *e)
{
	(void)q;
	return session_write_volumes(b, e);
}

const struct service_op service_volume_ops[] = {
	{"mount", op_mount, ROOT},
	{"mount_update", op_mount_update, ROOT},
	{"unmount", op_unmount, ROOT},
	{"unlock", op_unlock, ROOT},
	{"volumes", op_volumes, ANYBODY},
	{NULL, NULL, ROOT},
};
