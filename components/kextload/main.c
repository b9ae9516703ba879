/* SPDX-License-Identifier: MIT */
/* /sbin/kextload */
#include <unistd.h>

#include "components/common/entitlements.h"
#include "components/common/log.h"
#include "components/kextload/kextload.h"

ENTITLEMENTS("com.apple.private.allow-bless", "com.apple.private.kernel.get-kext-info",
	     "com.apple.private.security.kext-management",
	     "com.apple.rootless.storage.KernelExtensionManagement",
	     "com.apple.security.cs.allow-unsigned-executable-memory",
	     "com.apple.private.KextAudit.user-access");

int main(int argc, char **argv)
{
	struct component_log log = log_plain_stderr(CLOG_WARNING);
	struct kextload_world w = {
		.os = OSKEXT_WORLD(&log, geteuid() == 0),
		.kextd_socket = XNU_KEXTD_SOCKET,
	};

	return kextload_run(&w, argc, argv);
}
