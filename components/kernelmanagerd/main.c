/* SPDX-License-Identifier: MIT */
/* /usr/libexec/kernelmanagerd */
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "components/common/boot_args.h"
#include "components/common/entitlements.h"
#include "components/common/this_release.h"
#include "components/kernelmanagerd/kernelmanagerd.h"
#include "sim/platform/paths.h"

ENTITLEMENTS("com.apple.private.kernel.get-kext-info",
	     "com.apple.private.security.kext-collection-management",
	     "com.apple.private.security.kext-management",
	     "com.apple.rootless.storage.KernelExtensionManagement",
	     "com.apple.private.KextAudit.user-access");

/* launchd ends it with SIGTERM; as a descriptor, so that nothing is interrupted. */
static int open_stop(struct err *e)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd >= 0 ? fd : err_sys(e, "signalfd");
}

int main(void)
{
	struct unified_log log;
	struct kernelmanagerd_options o = {
		.root = "", .socket = XNU_KERNEL_SOCKET, .version = "", .log = &log};
	const struct release *release;
	struct err e = ERR_INIT;
	int r = this_release("/", &release, &e);

	unified_log_init(&log, XNU_KERNEL_SOCKET, "kernelmanagerd");
	if (!r && !release->kernelmanagement)
		r = err_set(&e, E_UNSUPPORTED, "macOS %s has kextd", release->name);
	if (!r)
		r = boot_args_bool(XNU_BOOT_ARGS, "AppleSilicon", &o.apple_silicon, &e);
	if (!r) {
		o.version = release->kernelmanagement;
		o.stop_fd = open_stop(&e);
		r = o.stop_fd < 0 ? o.stop_fd : kernelmanagerd_run(&o, &e);
	}
	if (r)
		fprintf(stderr, "kernelmanagerd: %s\n", e.msg);
	unified_log_release(&log);
	return r ? EX_OSERR : EX_OK;
}
