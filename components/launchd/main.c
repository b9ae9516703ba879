/* SPDX-License-Identifier: MIT */
/* /sbin/launchd: PID 1 of the Mac. Standard output is the console. */
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "components/common/entitlements.h"
#include "components/launchd/launchd.h"
#include "sim/platform/paths.h"

ENTITLEMENTS("com.apple.private.apfs.mount-root-writeable-at-shutdown");

static int kill_all(void *arg, int sig)
{
	(void)arg;
	return kill(-1, sig);
}

/* The system volume is a bind mount (docs/architecture.md, "Volumes"). */
static int remount_root(void *arg, bool writable)
{
	(void)arg;
	return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | (writable ? 0 : MS_RDONLY),
		     NULL);
}

static bool root_is_writable(void *arg)
{
	struct statvfs v;

	(void)arg;
	return !statvfs("/", &v) && !(v.f_flag & ST_RDONLY);
}

static int power(void *arg, enum teardown_how how)
{
	static const int commands[] = {
		[TEARDOWN_RESTART] = RB_AUTOBOOT,
		[TEARDOWN_HALT] = RB_HALT_SYSTEM,
		[TEARDOWN_POWER_OFF] = RB_POWER_OFF,
	};

	(void)arg;
	return reboot(commands[how]);
}

int main(void)
{
	static const char *const job_dirs[] = {
		"/System/Library/LaunchDaemons",
		"/Library/LaunchDaemons",
		NULL,
	};
	struct launchd_options o = {
		.console = STDOUT_FILENO,
		.job_dirs = job_dirs,
		.socket = XNU_BOOTSTRAP_SOCKET,
		.port_dir = XNU_DIR,
		.system =
			{
				.kill_all = kill_all,
				.remount_root = remount_root,
				.root_is_writable = root_is_writable,
				.power = power,
				.kernel_socket = XNU_KERNEL_SOCKET,
				.shell = "/bin/bash",
				.install_dir = PATH_INSTALL_DIR,
			},
		.waits = WAITS_REAL,
	};
	struct err e = ERR_INIT;

	if (getpid() != 1) {
		fputs("launchd: This program is not meant to be run directly.\n", stderr);
		return 1;
	}
	if (waits_read(&o.waits, XNU_TIME_FACTOR, &e))
		fprintf(stderr, "launchd: %s\n", e.msg);
	if (launchd_run(&o, &e))
		fprintf(stderr, "launchd: %s\n", e.msg);
	return 1;
}
