/* SPDX-License-Identifier: MIT */
/*
 * SIP on a served root and on an overlay: what stat(2) says of a file, which is what
 * marks are set by, has to be what the policy's programs see of it in the kernel.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "components/boot/overlay.h"
#include "components/boot/test/guest.h"
#include "sim/carrier/sip/sip.h"

#define VOL    "/vol"
#define TOP    VOL "/mnt" /* the overlay, where the Mac sees it */
#define MEMORY "/memory"
#define TMP    VOL "/tmp"

static struct sip *policy;

/* ---- programs of the Mac ---- */

static void in_mac(int out, const char *program, const char *applet, const char *arg)
{
	if (chroot(VOL) || chdir("/"))
		_exit(202);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execl(program, "busybox", applet, arg, (char *)NULL);
	_exit(201);
}

/* As process 1 of a PID namespace; what it says is in @said. */
static int run_mac(const char *program, const char *applet, const char *arg, char *said,
		   size_t size)
{
	int p[2], status;
	ssize_t n, len = 0;
	long pid;

	if (pipe2(p, O_CLOEXEC))
		return 203;
	pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, 0);
	if (pid == 0)
		in_mac(p[1], program, applet, arg);
	close(p[1]);
	while ((n = read(p[0], said + len, size - 1 - (size_t)len)) > 0)
		len += n;
	said[len] = '\0';
	close(p[0]);
	if (pid < 0 || waitpid((pid_t)pid, &status, 0) != pid)
		return 203;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 300 + WTERMSIG(status);
}

static void refused(const char *program, const char *applet, const char *arg,
		    const char *why, const char *name)
{
	char said[512];
	int r = run_mac(program, applet, arg, said, sizeof(said));

	say_result(r && strstr(said, why), name, "%d %s", r, said);
}

static void allowed(const char *program, const char *applet, const char *arg,
		    const char *name)
{
	char said[512];
	int r = run_mac(program, applet, arg, said, sizeof(said));

	say_result(!r, name, "%d %s", r, said);
}

/* ---- set-up ---- */

static void mark(const char *path, unsigned kind)
{
	struct err e = ERR_INIT;
	struct stat st;
	int r = lstat(path, &st) ? -errno : sip_mark(policy, &st, kind, 0, &e);

	if (r)
		say_result(false, "a mark is set", "%s: %d %s", path, r, e.msg);
}

static void entitle(const char *path)
{
	const struct sip_entitlements ent = {.bits = SIP_ENT_INSTALL};
	struct stat st;

	stat(path, &st);
	TRY(sip_entitle(policy, &st, &ent, e), "a program of the volume is entitled");
}

static void arm(void)
{
	struct sip_config c = {.remount_refused = "not allowed"};
	struct stat st;
	int p[2];

	stat(VOL, &st);
	c.root_dev = sip_dev(st.st_dev);
	stat("/", &st);
	c.carrier_dev = sip_dev(st.st_dev);
	TRY(sip_configure(policy, &c, e), "the policy is configured");
	if (!pipe(p) && !fstat(p[1], &st))
		TRY(sip_arm(policy, st.st_dev, st.st_ino, e), "the policy is armed");
}

static void mount_things(struct sealed_root *s, struct overlay *o)
{
	serve_live(s, true);
	mkdir(MEMORY, 0755);
	TRY(overlay_mount(o, VOL, MEMORY, TOP, e), "the overlay is mounted");
	say_result(!mount("tmp", TMP, "tmpfs", 0, NULL), "memory is mounted", "%d",
		   errno);
	mkdir(TMP "/System", 0755);
}

/* Changed by the carrier, so that they are in the upper layer. */
static void copy_up(void)
{
	int fd = open(TOP "/System/file", O_WRONLY | O_APPEND | O_CLOEXEC);

	say_result(fd >= 0 && write(fd, "x", 1) == 1 && !chmod(TOP "/System", 0755) &&
			   !mkdir(TOP "/System/made", 0755),
		   "the carrier may change what is marked", "%d", errno);
	close(fd);
}

/* ---- attempts ---- */

#define PLAIN	   "/bin/busybox"
#define INSTALLER  "/bin/installer"
#define EPERM_SAID "not permitted"

static void on_overlay(const char *when)
{
	char name[96];

	snprintf(name, sizeof(name), "a marked folder of the overlay is protected, %s",
		 when);
	refused(PLAIN, "touch", "/mnt/System/new", EPERM_SAID, name);
	snprintf(name, sizeof(name), "and what is in it, %s", when);
	refused(PLAIN, "rm", "/mnt/System/file", EPERM_SAID, name);
	snprintf(name, sizeof(name), "a marked file of the overlay is protected, %s",
		 when);
	refused(PLAIN, "rm", "/mnt/linked", EPERM_SAID, name);
}

void try_policy(const char *unused)
{
	struct sealed_root s;
	struct overlay o;

	(void)unused;
	TRY(sip_open(&policy, e), "the policy is loaded");
	mount_things(&s, &o);
	mark(TOP "/System", SIP_RESTRICTED);
	mark(TOP "/linked", SIP_RESTRICTED);
	mark(TMP "/System", SIP_RESTRICTED);
	entitle(VOL INSTALLER);
	arm();
	/* The volume is read-only, whatever is marked. */
	refused(PLAIN, "touch", "/System/new", "Read-only", "the root is read-only");
	refused(PLAIN, "touch", "/tmp/System/new", EPERM_SAID,
		"who is not entitled may not");
	allowed(INSTALLER, "touch", "/tmp/System/new", "who is entitled may");
	on_overlay("below");
	allowed(PLAIN, "touch", "/mnt/Folder/new", "what is not marked can be changed");
	copy_up();
	on_overlay("changed");
	allowed(INSTALLER, "touch", "/mnt/System/new", "who is entitled may there, too");
	umount2(TMP, MNT_DETACH);
	TRY(overlay_forget(&o, e), "the overlay is unmounted");
	TRY(sealed_root_stop(&s, e), "the server ends");
	sip_close(policy);
}
