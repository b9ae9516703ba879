/* SPDX-License-Identifier: MIT */
/* /System/Library/Filesystems/apfs.fs/Contents/Resources/apfs_systemsnapshot */
#include <stdio.h>
#include <stdlib.h>

#include "components/apfs_systemsnapshot/systemsnapshot.h"
#include "components/common/entitlements.h"
#include "sim/platform/paths.h"

ENTITLEMENTS("com.apple.private.apfs.set-root-snapshot", "com.apple.private.vfs.snapshot");

int main(int argc, char **argv)
{
	const struct systemsnapshot_env env = {.volumes = XNU_VOLUMES,
					       .kernel = XNU_KERNEL_SOCKET};
	struct buf err_out = BUF_INIT;
	struct err e = ERR_INIT;
	int status = EXIT_FAILURE;

	if (systemsnapshot_run(&env, argc, argv, &err_out, &status, &e))
		fprintf(stderr, "apfs_systemsnapshot: %s\n", e.msg);
	fputs(buf_str(&err_out), stderr);
	buf_release(&err_out);
	return status;
}
