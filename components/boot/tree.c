/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/boot/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/fsio.h"

int tree_mount_volume(struct volumes *vs, struct boot_volume *v, struct err *e)
{
	char options[32], dir[sizeof(v->carrier_dir)], node[32];
	int r;

	if (v->carrier_dir[0])
		return 0;
	if (v->sealed && vs->mount_sealed)
		return vs->mount_sealed(vs->mount_ctx, v, e);
	snprintf(dir, sizeof(dir), TREE_VOLUMES "/%s", v->device);
	snprintf(node, sizeof(node), CARRIER_DISK "%u", v->partition);
	/* vol= has to be the last option: the driver reads its number to the end. */
	snprintf(options, sizeof(options), "readwrite,vol=%u", v->slot);
	r = fsio_mkdirs(dir, 0755, e);
	if (!r && mount(node, dir, "apfs", 0, options))
		r = err_sys(e, "mounting %s (%s)", v->device, v->name);
	if (!r)
		strcpy(v->carrier_dir, dir);
	return r;
}

int tree_open(const char *path, int flags, int *ret_fd, struct err *e)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int root = open(TREE_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	long fd;

	if (root < 0)
		return err_sys(e, "%s", TREE_ROOT);
	fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd < 0)
		err_sys(e, "%s", path);
	close(root);
	if (fd < 0)
		return -(int)e->code;
	*ret_fd = (int)fd;
	return 0;
}

bool tree_unreadable(const struct err *e)
{
	return e->code == E_IO && e->sys_errno == EIO;
}

static int remount_read_only(const char *target, struct err *e)
{
	if (mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL))
		return err_sys(e, "making %s read-only", target);
	return 0;
}

int tree_bind(const char *source, const char *path, struct err *e)
{
	char target[64];
	int fd, r = tree_open(path, O_PATH | O_DIRECTORY, &fd, e);

	if (r)
		return r;
	snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	if (mount(source, target, NULL, MS_BIND, NULL))
		r = err_sys(e, "mounting on %s", path);
	close(fd);
	return r;
}

static struct mount_attr attributes(unsigned flags)
{
	static const struct {
		unsigned flag;
		uint64_t set, clear;
	} rows[] = {
		{TREE_READ_ONLY, MOUNT_ATTR_RDONLY, 0},
		{TREE_NO_EXEC, MOUNT_ATTR_NOEXEC, 0},
		{TREE_NO_ATIME, MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
	};
	struct mount_attr attr = {.attr_set = 0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!(flags & rows[i].flag))
			continue;
		attr.attr_set |= rows[i].set;
		attr.attr_clr |= rows[i].clear;
	}
	return attr;
}

/*
 * A mount of the folder @source that is nowhere yet. What is attached later, also in the
 * Mac's namespace, has its flags from the beginning.
 */
static int clone_mount(const char *source, unsigned flags, int *ret_fd, struct err *e)
{
	struct mount_attr attr = attributes(flags);
	int fd = open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "%s", source);
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr))) {
		err_sys(e, "%s", source);
		close(fd);
		return -(int)e->code;
	}
	*ret_fd = fd;
	return 0;
}

int tree_attach(struct boot_volume *v, int dir_fd, const char *path, unsigned flags,
		struct err *e)
{
	int fd = -1, r;

	if (v->mount_point[0])
		return err_set(e, E_BUSY, "%s is mounted on %s", v->device,
			       v->mount_point);
	if (strlen(path) >= sizeof(v->mount_point))
		return err_set(e, E_OVERFLOW, "path too long");
	r = clone_mount(v->carrier_dir, flags, &fd, e);
	if (r)
		return r;
	if (move_mount(fd, "", dir_fd, "",
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
		r = err_sys(e, "mounting %s on %s", v->device, path);
	close(fd);
	if (r)
		return r;
	strcpy(v->mount_point, path);
	v->read_only = flags & TREE_READ_ONLY;
	return 0;
}

/*
 * Flags of a mount are not shared: it is done where the Mac's processes see it. The other
 * flags stay.
 */
static int remount_in(pid_t mac, const char *path, bool read_only)
{
	struct mount_attr attr = {
		.attr_set = read_only ? MOUNT_ATTR_RDONLY : 0,
		.attr_clr = read_only ? 0 : MOUNT_ATTR_RDONLY,
	};
	char ns[64];
	int fd;

	snprintf(ns, sizeof(ns), "/proc/%d/ns/mnt", (int)mac);
	fd = open(ns, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNS) || mount_setattr(AT_FDCWD, path, 0, &attr, sizeof(attr)))
		return errno;
	return 0;
}

int tree_set_read_only(struct boot_volume *v, bool read_only, pid_t mac, struct err *e)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(remount_in(mac, v->mount_point, read_only));
	if (child < 0 || waitpid(child, &status, 0) != child)
		return err_sys(e, "%s", v->mount_point);
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
	if (errno == EBUSY)
		return err_set(e, E_BUSY, "%s is in use", v->mount_point);
	if (errno)
		return err_sys(e, "%s", v->mount_point);
	v->read_only = read_only;
	return 0;
}

int tree_attach_at(struct volumes *vs, struct boot_volume *v, const char *path,
		   unsigned flags, struct err *e)
{
	int fd, r = tree_mount_volume(vs, v, e);

	if (!r)
		r = tree_open(path, O_PATH | O_DIRECTORY, &fd, e);
	if (r)
		return r;
	r = tree_attach(v, fd, path, flags, e);
	close(fd);
	return r;
}

int tree_detach(struct boot_volume *v, struct err *e)
{
	char mounted[sizeof(TREE_ROOT) + BOOT_PATH_BUF];

	if (!v->mount_point[0])
		return err_set(e, E_INVAL, "%s is not mounted", v->device);
	snprintf(mounted, sizeof(mounted), TREE_ROOT "%s", v->mount_point);
	if (umount2(mounted, UMOUNT_NOFOLLOW)) {
		if (errno == EBUSY)
			return err_set(e, E_BUSY, "%s is in use", v->mount_point);
		return err_sys(e, "unmounting %s", v->mount_point);
	}
	v->mount_point[0] = '\0';
	v->read_only = false;
	return 0;
}

/* ---- the root ---- */

int tree_bind_root(const char *source, struct err *e)
{
	int r = fsio_mkdirs(TREE_ROOT, 0755, e);

	if (!r && mount(source, TREE_ROOT, NULL, MS_BIND, NULL))
		r = err_sys(e, "root %s", source);
	return r;
}

int tree_root_read_only(struct err *e)
{
	return remount_read_only(TREE_ROOT, e);
}

int tree_mount_dev(struct err *e)
{
	if (mount("devfs", TREE_ROOT "/dev", "tmpfs", MS_NOSUID, "mode=755"))
		return err_sys(e, "/dev");
	return 0;
}

int tree_link_in_volumes(const char *name, struct err *e)
{
	int dir, r = tree_open("/Volumes", O_RDONLY | O_DIRECTORY, &dir, e);

	if (r && tree_unreadable(e)) {
		err_clear(e);
		return 0;
	}
	if (r)
		return r;
	if (unlinkat(dir, name, 0) && errno == EISDIR)
		unlinkat(dir, name, AT_REMOVEDIR);
	/* A folder that somebody filled stays in the way, as on a Mac. The one of a damaged
	 * root is no firmlink, and read-only. */
	if (symlinkat("/", dir, name) && errno != EEXIST && errno != EROFS)
		r = err_sys(e, "/Volumes/%s", name);
	close(dir);
	return r;
}

/* ---- the end ---- */

int tree_detach_root(struct err *e)
{
	sync();
	/* All mounts below the root go with it, and none is looked up by name again. */
	if (umount2(TREE_ROOT, MNT_DETACH) && errno != EINVAL && errno != ENOENT)
		return err_sys(e, "unmounting " TREE_ROOT);
	return 0;
}

int tree_unmount_volumes(struct volumes *vs, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < vs->n; i++) {
		struct boot_volume *v = &vs->v[i];
		struct err why = ERR_INIT;

		if (v->carrier_dir[0] && umount2(v->carrier_dir, 0)) {
			err_sys(&why, "unmounting %s", v->name);
			err_keep_first(&r, e, &why);
		}
		v->carrier_dir[0] = v->mount_point[0] = '\0';
	}
	return r;
}
