/* SPDX-License-Identifier: MIT */
/* /usr/bin/kextutil */
#include <stdio.h>
#include <unistd.h>

#include "components/common/entitlements.h"
#include "components/kextutil/kextutil.h"
#include "sim/platform/paths.h"

ENTITLEMENTS("com.apple.private.allow-bless", "com.apple.private.kernel.get-kext-info",
	     "com.apple.private.security.kext-management",
	     "com.apple.rootless.storage.KernelExtensionManagement",
	     "com.apple.security.cs.allow-unsigned-executable-memory",
	     "com.apple.private.KextAudit.user-access");

/* Everything on stderr, whatever its level, and nothing in front. */
static void to_stderr(void *arg, enum clog_level level, const char *text)
{
	(void)arg;
	(void)level;
	fprintf(stderr, "%s\n", text);
}

int main(int argc, char **argv)
{
	struct component_log log = {.line = to_stderr, .max = CLOG_BASIC};
	struct kextutil_world w = {
		.root = "/",
		.csr_config = XNU_CSR_CONFIG,
		.syspolicy_socket = XNU_SYSPOLICY_SOCKET,
		.anchors = PATH_ANCHORS,
		.is_root = geteuid() == 0,
		.log = &log,
	};

	return kextutil_run(&w, argc, argv);
}
