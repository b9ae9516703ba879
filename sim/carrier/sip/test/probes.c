/* SPDX-License-Identifier: MIT */
/*
 * The attempts, path by path, as root of a toy Mac:
 *
 *	/System, /usr                      restricted
 *	/System/Library/Caches             exception
 *	/System/Library/Extensions         exception, Apple.kext in it restricted
 *	/Library (a bind mount of Data)    free
 *	/Library/Apple                     restricted
 *	/Library/StagedExtensions          class KernelExtensionManagement
 *	/ro                                a read-only bind mount of /System
 *	/dev/xnu/proc                      procfs, read-only; on /proc writable
 */
#include "sim/carrier/sip/test/probes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

static int outcome(int r)
{
	return r < 0 ? errno : 0;
}

static int closed(int fd)
{
	int r = outcome(fd);

	if (fd >= 0)
		close(fd);
	return r;
}

int attempt_write(const char *a, UNUSED const char *b)
{
	return closed(open(a, O_WRONLY));
}

static int try_read(const char *a, UNUSED const char *b)
{
	return closed(open(a, O_RDONLY));
}

static int try_cut(const char *a, UNUSED const char *b)
{
	return outcome(truncate(a, 0));
}

static int try_read_and_cut(const char *a, UNUSED const char *b)
{
	return closed(open(a, O_RDONLY | O_TRUNC));
}

static int try_create(const char *a, UNUSED const char *b)
{
	int r = closed(open(a, O_WRONLY | O_CREAT | O_EXCL, 0644));

	return r ? r : outcome(unlink(a));
}

static int try_mkdir(const char *a, UNUSED const char *b)
{
	int r = outcome(mkdir(a, 0755));

	return r ? r : outcome(rmdir(a));
}

static int try_symlink(const char *a, UNUSED const char *b)
{
	int r = outcome(symlink("x", a));

	return r ? r : outcome(unlink(a));
}

static int try_link(const char *a, const char *b)
{
	int r = outcome(link(a, b));

	return r ? r : outcome(unlink(b));
}

static int try_unlink(const char *a, UNUSED const char *b)
{
	int r = outcome(unlink(a));

	return r ? r : closed(open(a, O_WRONLY | O_CREAT, 0644));
}

static int try_rmdir(const char *a, UNUSED const char *b)
{
	int r = outcome(rmdir(a));

	return r ? r : outcome(mkdir(a, 0755));
}

static int try_rename(const char *a, const char *b)
{
	int r = outcome(rename(a, b));

	return r ? r : outcome(rename(b, a));
}

static int try_chmod(const char *a, UNUSED const char *b)
{
	return outcome(chmod(a, 0755));
}

static int try_chown(const char *a, UNUSED const char *b)
{
	return outcome(chown(a, 0, 0));
}

static int try_utimes(const char *a, UNUSED const char *b)
{
	return outcome(utimensat(AT_FDCWD, a, NULL, 0));
}

static int try_setxattr(const char *a, UNUSED const char *b)
{
	return outcome(setxattr(a, "trusted.x", "1", 1, 0));
}

static int try_removexattr(const char *a, UNUSED const char *b)
{
	return outcome(removexattr(a, "trusted.keep"));
}

static int try_chflags(const char *a, UNUSED const char *b)
{
	int fd = open(a, O_RDONLY), flags = 0, r;

	if (fd < 0)
		return errno;
	r = outcome(ioctl(fd, FS_IOC_SETFLAGS, &flags));
	close(fd);
	return r;
}

static int try_socket(const char *a, UNUSED const char *b)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), r;

	memcpy(sa.sun_path, a, strlen(a) + 1);
	r = outcome(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)));
	close(fd);
	return r ? r : outcome(unlink(a));
}

static int try_device(const char *a, UNUSED const char *b)
{
	int r = outcome(mknod(a, S_IFCHR | 0600, makedev(1, 1)));

	return r ? r : outcome(unlink(a));
}

static int try_mount(const char *a, UNUSED const char *b)
{
	int r = outcome(mount("x", a, "tmpfs", 0, NULL));

	return r ? r : outcome(umount(a));
}

static int try_bind(const char *a, const char *b)
{
	int r = outcome(mount(a, b, NULL, MS_BIND, NULL));

	return r ? r : outcome(umount(b));
}

static int try_umount(const char *a, UNUSED const char *b)
{
	return outcome(umount2(a, MNT_DETACH));
}

static int try_prctl(UNUSED const char *a, UNUSED const char *b)
{
	/* EINVAL: allowed to ask, and the descriptor is bad. */
	int r = outcome(prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, -1, 0, 0));

	return r == EBADF ? 0 : r;
}

static int try_module(UNUSED const char *a, UNUSED const char *b)
{
	return outcome((int)syscall(SYS_init_module, "", 0, ""));
}

static int try_bpf(UNUSED const char *a, UNUSED const char *b)
{
	return outcome((int)syscall(SYS_bpf, 0, NULL, 0));
}

int attempt_remount(const char *path, UNUSED const char *unused)
{
	return outcome(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL));
}

/* The call that has no hook of its own. */
static int try_mount_setattr(const char *path, UNUSED const char *unused)
{
	struct mount_attr attr = {.attr_clr = MOUNT_ATTR_RDONLY};

	return outcome(
	    (int)syscall(SYS_mount_setattr, AT_FDCWD, path, 0, &attr, sizeof(attr)));
}

int attempt_ptrace(UNUSED const char *a, UNUSED const char *b)
{
	pid_t child = fork();
	int r;

	if (child < 0)
		return errno;
	if (child == 0) {
		pause();
		_exit(0);
	}
	r = outcome((int)ptrace(PTRACE_SEIZE, child, NULL, NULL));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return r;
}

static int try_map(const char *a, UNUSED const char *b)
{
	int fd = open(a, O_RDONLY), r;
	void *p;

	if (fd < 0)
		return errno;
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	r = p == MAP_FAILED ? errno : 0;
	close(fd);
	return r;
}

#define ALL(e) {e, e, e}
#define RESTRICTED {EPERM, 0, EPERM} /* com.apple.rootless.install writes */
#define CLASS      {EPERM, 0, 0}     /* and here the holder of the class */

const struct probe probes[] = {
    {"write system file", attempt_write, "/System/f", NULL, RESTRICTED, 0},
    {"read system file", try_read, "/System/f", NULL, ALL(0), 0},
    {"truncate", try_cut, "/System/f", NULL, RESTRICTED, 0},
    {"open for reading and truncate", try_read_and_cut, "/System/f", NULL, RESTRICTED, 0},
    {"create", try_create, "/System/new", NULL, RESTRICTED, 0},
    {"create deep below", try_create, "/System/a/b/c/d/new", NULL, RESTRICTED, 0},
    {"mkdir", try_mkdir, "/System/new", NULL, RESTRICTED, 0},
    {"symlink", try_symlink, "/System/new", NULL, RESTRICTED, 0},
    {"unlink", try_unlink, "/System/f", NULL, RESTRICTED, 0},
    {"rmdir", try_rmdir, "/System/empty", NULL, RESTRICTED, 0},
    {"rename inside", try_rename, "/System/f", "/System/g", RESTRICTED, 0},
    {"rename out", try_rename, "/System/f", "/free/f", RESTRICTED, 0},
    {"rename in", try_rename, "/free/mine", "/System/mine", RESTRICTED, 0},
    {"link out", try_link, "/System/f", "/free/f", RESTRICTED, 0},
    {"link in", try_link, "/free/mine", "/System/mine", RESTRICTED, 0},
    {"chmod", try_chmod, "/System/f", NULL, RESTRICTED, 0},
    {"chown", try_chown, "/System/f", NULL, RESTRICTED, 0},
    {"touch", try_utimes, "/System/f", NULL, RESTRICTED, 0},
    {"touch the folder", try_utimes, "/System", NULL, RESTRICTED, 0},
    {"set xattr", try_setxattr, "/System/f", NULL, RESTRICTED, 0},
    {"remove xattr", try_removexattr, "/System/keep", NULL, RESTRICTED, 0},
    {"chflags", try_chflags, "/System/f", NULL, RESTRICTED, 0},
    {"write in an exception", try_create, "/System/Library/Caches/new", NULL, ALL(0), 0},
    {"remove the exception itself", try_rmdir, "/System/Library/Caches", NULL, RESTRICTED,
     0},
    {"add a kext", try_mkdir, "/System/Library/Extensions/Mine.kext", NULL, ALL(0), 0},
    {"change Apple's kext", try_create, "/System/Library/Extensions/Apple.kext/new", NULL,
     RESTRICTED, 0},
    {"rename Apple's kext", try_rename, "/System/Library/Extensions/Apple.kext",
     "/System/Library/Extensions/A.kext", RESTRICTED, 0},
    {"touch the extensions folder", try_utimes, "/System/Library/Extensions", NULL,
     ALL(0), 0},
    {"write behind a firmlink", try_create, "/Library/Apple/new", NULL, RESTRICTED, 0},
    {"the same by its other path", try_create, "/Data/Library/Apple/new", NULL,
     RESTRICTED, 0},
    {"write beside it", try_create, "/Library/new", NULL, ALL(0), 0},
    {"rename what holds it", try_rename, "/Data/Library", "/Data/Lib2", RESTRICTED, 0},
    {"write in a storage class", try_create, "/Library/StagedExtensions/new", NULL, CLASS,
     0},
    {"a class is not another", try_create, "/usr/new", NULL, RESTRICTED, 0},
    {"free folder", try_create, "/free/new", NULL, ALL(0), 0},
    {"read-only volume answers first", try_create, "/ro/new", NULL, ALL(EROFS), EROFS},
    {"read-only volume, write", attempt_write, "/ro/f", NULL, ALL(EROFS), EROFS},
    {"raw disk, write", attempt_write, "/dev/disk", NULL, ALL(EPERM), ENXIO},
    {"raw disk, read", try_read, "/dev/disk", NULL, ALL(ENXIO), ENXIO},
    {"the null device", attempt_write, "/dev/null", NULL, ALL(0), 0},
    {"kernel's file", attempt_write, "/dev/xnu/csr_active_config", NULL, ALL(EPERM),
     EPERM},
    {"new kernel's file", try_create, "/dev/xnu/new", NULL, ALL(EPERM), EPERM},
    {"remove kernel's file", try_unlink, "/dev/xnu/csr_active_config", NULL, ALL(EPERM),
     EPERM},
    {"own service's name",
     try_socket,
     "/dev/xnu/bootstrap",
     NULL,
     {EPERM, 0, EPERM},
     EPERM},
    {"other service's name", try_socket, "/dev/xnu/kernel", NULL, ALL(EPERM), EPERM},
    {"plain file as a service", try_create, "/dev/xnu/bootstrap", NULL, ALL(EPERM),
     EPERM},
    {"NVRAM variable", try_create, "/dev/xnu/nvram/GUID:boot-args", NULL, ALL(0), 0},
    {"protected variable", try_create, "/dev/xnu/nvram/GUID:csr-active-config", NULL,
     ALL(EPERM), 0},
    {"protected variable by rename", try_rename, "/dev/xnu/nvram/GUID:old",
     "/dev/xnu/nvram/GUID:csr-active-config", ALL(EPERM), 0},
    {"a file is no variable", try_rename, "/dev/xnu/nvram/GUID:old", "/dev/xnu/old",
     ALL(EPERM), EPERM},
    {"device node", try_device, "/free/mem", NULL, ALL(EPERM), EPERM},
    {"mount", try_mount, "/free", NULL, ALL(EPERM), EPERM},
    {"bind mount over a protected path", try_bind, "/free", "/Library/Apple", ALL(EPERM),
     EPERM},
    {"unmount a firmlink", try_umount, "/Library", NULL, ALL(EPERM), EPERM},
    {"make procfs writable", attempt_remount, "/dev/xnu/proc", NULL, ALL(EPERM), EPERM},
    {"write to procfs", attempt_write, "/proc/sys/kernel/core_pattern", NULL, ALL(EPERM),
     EPERM},
    {"read procfs", try_read, "/dev/xnu/proc/uptime", NULL, ALL(0), 0},
    {"mount_setattr", try_mount_setattr, "/ro", NULL, ALL(EPERM), EPERM},
    {"foreign library", try_map, "/Data/free/foreign", NULL, {0, EPERM, EPERM}, 0},
    {"library of the system", try_map, "/bin/plain", NULL, ALL(0), 0},
    {"pass for another program", try_prctl, NULL, NULL, ALL(EPERM), EPERM},
    {"load a module", try_module, NULL, NULL, ALL(EPERM), EPERM},
    {"bpf(2)", try_bpf, NULL, NULL, ALL(EPERM), EPERM},
};

const size_t n_probes = sizeof(probes) / sizeof(probes[0]);
