/* SPDX-License-Identifier: MIT */
/* /usr/libexec/kernelmanagerd */
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "components/common/entitlements.h"
#include "components/common/this_release.h"
#include "components/kernelmanagerd/kernelmanagerd.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/paths.h"

ENTITLEMENTS("com.apple.private.kernel.get-kext-info",
	     "com.apple.private.security.kext-collection-management",
	     "com.apple.private.security.kext-management",
	     "com.apple.rootless.storage.KernelExtensionManagement",
	     "com.apple.private.KextAudit.user-access");

static int on_apple_silicon(bool *ret, struct err *e)
{
	plist_t args;
	int r = pl_load_dict(XNU_BOOT_ARGS, 1u << 20, &args, e);

	if (r)
		return r;
	r = pl_opt_bool(args, "AppleSilicon", ret, e);
	plist_free(args);
	return r;
}

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
		r = on_apple_silicon(&o.apple_silicon, &e);
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
