/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim/carrier/init/init.h"
#include "sim/platform/paths.h"

#define NAMESPACES (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC)

char **launch_vector(const json_t *array)
{
	size_t n = json_array_size(array);
	char **v = json_is_array(array) ? calloc(n + 1, sizeof(*v)) : NULL;

	for (size_t i = 0; v && i < n; i++) {
		/* Borrowed from the array, which execve does not change. */
		v[i] = (char *)(uintptr_t)json_string_value(json_array_get(array, i));
		if (!v[i]) {
			free(v);
			return NULL;
		}
	}
	return v;
}

/*
 * Make @root the root of this mount namespace. pivot_root(2) refuses to leave an
 * initramfs, so the tree is moved on top of it, as switch_root(8) does.
 */
static int enter_root(const char *root)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 || chdir(root) < 0 ||
	    mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)
		return -1;
	return chdir("/");
}

/* What getfsstat(2) and proc_info(2) tell on a Mac; its kind depends on who mounts it. */
static int mount_proc(void)
{
	return mount("proc", XNU_PROC_DIR, "proc",
		     MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

/* Process 1 of the Mac, until it is launchd; never returns. */
static void first_process(const struct launch *l, char **argv, char **env, int go,
			  int failed)
{
	int null = open("/dev/null", O_RDWR), n;
	char byte;

	child_reset();
	/* End of file: init gave it up. */
	if (read(go, &byte, 1) != 1)
		_exit(0);
	if (sethostname(l->hostname, strlen(l->hostname)) == 0 &&
	    enter_root(l->root) == 0 && mount_proc() == 0 && dup2(null, 0) >= 0 &&
	    dup2(l->console, 1) >= 0 && dup2(l->console, 2) >= 0) {
		close(null);
		execve(argv[0], argv, env);
	}
	n = errno;
	if (write(failed, &n, sizeof(n)) < 0)
		_exit(126);
	_exit(127);
}

static int open_ns(pid_t pid, const char *name, struct err *e)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "opening %s", path) : fd;
}

static int open_namespaces(struct mac *m, struct err *e)
{
	m->pid_ns = open_ns(m->launchd, "pid", e);
	m->mnt_ns = m->pid_ns < 0 ? -1 : open_ns(m->launchd, "mnt", e);
	m->uts_ns = m->mnt_ns < 0 ? -1 : open_ns(m->launchd, "uts", e);
	m->ipc_ns = m->uts_ns < 0 ? -1 : open_ns(m->launchd, "ipc", e);
	return m->ipc_ns < 0 ? -(int)(e->code ? e->code : E_IO) : 0;
}

static int clone_first(struct init *in, const struct launch *l, char **argv, char **env,
		       struct err *e)
{
	int go[2], failed[2];
	long pid;

	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(failed, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	pid = syscall(SYS_clone, NAMESPACES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid < 0)
		return err_sys(e, "making the Mac's namespaces");
	if (pid == 0) {
		close(go[1]);
		first_process(l, argv, env, go[0], failed[1]);
	}
	close(go[0]);
	close(failed[1]);
	in->mac.launchd = (pid_t)pid;
	in->mac.go = go[1];
	in->mac.exec_error = failed[0];
	return open_namespaces(&in->mac, e);
}

int launch_prepare(struct init *in, const struct launch *l, struct err *e)
{
	char **argv = launch_vector(l->argv), **env = launch_vector(l->env);
	int r;

	if (!argv || !argv[0] || !env)
		r = err_set(e, E_INVAL, "launch: argv and env must be lists of strings");
	else if (mount(NULL, l->root, NULL, MS_REC | MS_SHARED, NULL) < 0)
		r = err_sys(e, "sharing the mounts below %s", l->root);
	else
		r = clone_first(in, l, argv, env, e);
	free(argv);
	free(env);
	return r;
}

int launch_go(struct init *in, struct err *e)
{
	int n = 0;
	ssize_t got = write(in->mac.go, "", 1);

	close(in->mac.go);
	in->mac.go = -1;
	if (got == 1)
		got = read(in->mac.exec_error, &n, sizeof(n));
	close(in->mac.exec_error);
	in->mac.exec_error = -1;
	if (got == (ssize_t)sizeof(n)) {
		errno = n;
		return err_sys(e, "process 1 of the Mac cannot be executed");
	}
	return got == 0 ? 0 : err_set(e, E_IO, "process 1 of the Mac is gone");
}

pid_t launch_fork(struct init *in)
{
	int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	pid_t pid = -1;

	/* setns changes where children are born, not the caller. */
	if (own >= 0 && setns(in->mac.pid_ns, CLONE_NEWPID) == 0)
		pid = fork();
	if (pid == 0)
		return 0;
	if (own >= 0) {
		setns(own, CLONE_NEWPID);
		close(own);
	}
	return pid;
}

int launch_enter(struct init *in)
{
	if (setns(in->mac.uts_ns, CLONE_NEWUTS) < 0 ||
	    setns(in->mac.ipc_ns, CLONE_NEWIPC) < 0 ||
	    setns(in->mac.mnt_ns, CLONE_NEWNS) < 0)
		return -1;
	return 0;
}
