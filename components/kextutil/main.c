/* SPDX-License-Identifier: MIT */
/* /usr/bin/kextutil */
#include <stdio.h>
#include <unistd.h>

#include "components/common/entitlements.h"
#include "components/common/log.h"
#include "components/kextutil/kextutil.h"
#include "sim/platform/paths.h"

ENTITLEMENTS("com.apple.private.allow-bless", "com.apple.private.kernel.get-kext-info",
	     "com.apple.private.security.kext-management",
	     "com.apple.rootless.storage.KernelExtensionManagement",
	     "com.apple.security.cs.allow-unsigned-executable-memory",
	     "com.apple.private.KextAudit.user-access");

int main(int argc, char **argv)
{
	struct component_log log = log_plain_stderr(CLOG_BASIC);
	struct kextutil_world w = {.os = OSKEXT_WORLD(&log, geteuid() == 0)};

	return kextutil_run(&w, argc, argv);
}
