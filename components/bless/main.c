/* SPDX-License-Identifier: MIT */
/* /usr/sbin/bless */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "components/bless/bless.h"
#include "components/common/boot_args.h"
#include "components/common/entitlements.h"
#include "sim/platform/paths.h"

ENTITLEMENTS("com.apple.private.apfs.set-root-snapshot", "com.apple.private.vfs.snapshot",
	     "com.apple.private.allow-bless");

int main(int argc, char **argv)
{
	struct bless_env env = {.volumes = XNU_VOLUMES,
				.kernel = XNU_KERNEL_SOCKET,
				.root = geteuid() == 0};
	struct buf out = BUF_INIT, err_out = BUF_INIT;
	struct err e = ERR_INIT;
	int status = EXIT_FAILURE;
	int r = boot_args_bool(XNU_BOOT_ARGS, "AppleSilicon", &env.apple_silicon, &e);

	if (!r)
		r = bless_run(&env, argc - 1, argv + 1, &out, &err_out, &status, &e);
	if (r)
		fprintf(stderr, "bless: %s\n", e.msg);
	fputs(buf_str(&out), stdout);
	fputs(buf_str(&err_out), stderr);
	buf_release(&out);
	buf_release(&err_out);
	return status;
}
