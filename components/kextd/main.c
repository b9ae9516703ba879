/* SPDX-License-Identifier: MIT */
/* /usr/libexec/kextd */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "components/common/entitlements.h"
#include "components/common/log.h"
#include "components/common/spawn.h"
#include "components/kextd/kextd.h"
#include "sim/platform/paths.h"

ENTITLEMENTS("com.apple.private.allow-bless", "com.apple.private.kernel.get-kext-info",
	     "com.apple.private.security.kext-management",
	     "com.apple.rootless.storage.KernelExtensionManagement",
	     "com.apple.security.cs.allow-unsigned-executable-memory",
	     "com.apple.private.KextAudit.user-access", "com.apple.private.spawn-driver",
	     "com.apple.private.system-extensions.extension-point");

int main(void)
{
	struct log_file file = {.fd = -1};
	struct err e = ERR_INIT;
	struct component_log log;
	const struct oskext_world os = OSKEXT_WORLD(&log, true);
	struct kextd_options o = {
	    .volumes = XNU_VOLUMES,
	    .boot_args = XNU_BOOT_ARGS,
	    .csr_config = XNU_CSR_CONFIG,
	    .proc = XNU_PROC_DIR,
	    .os = &os,
	    .listener = SPAWN_SERVICE_PORT,
	    .kextcache = "/usr/sbin/kextcache",
	    .installer_pid_file = KEXTD_INSTALLER_PID,
	    .install_environment = getenv(KEXTD_INSTALL_ENV) != NULL,
	    .waits = WAITS_REAL,
	    .log = &log,
	};
	int r;

	/* Recovery has no writable /private: kextd then works without a log. */
	if (log_file_open(&file, PATH_SYSTEM_LOG, "com.apple.kextd", &e))
		err_clear(&e);
	log = log_file_sink(&file, CLOG_DETAIL);
	o.child_output = file.fd;
	if (waits_read(&o.waits, XNU_TIME_FACTOR, &e))
		clog_say(&log, CLOG_ERROR, "%s", e.msg);
	r = kextd_run(&o, &e);
	if (r)
		clog_say(&log, CLOG_ERROR, "%s", e.msg);
	log_file_close(&file);
	return r ? EX_OSERR : EX_OK;
}
