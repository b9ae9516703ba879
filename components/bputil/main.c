/* SPDX-License-Identifier: MIT */
/* /usr/bin/bputil */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "components/bputil/bputil.h"
#include "components/common/ask.h"
#include "components/common/boot_args.h"
#include "sim/platform/paths.h"

/* Apple's tool begins with such a warning; these are not its words. */
#define WARNING                                                                          \
	"bputil changes what this Mac trusts when it starts. A mistake can make it less " \
	"secure, or keep it from starting.\n\n"

int main(int argc, char **argv)
{
	struct buf out = BUF_INIT, err_out = BUF_INIT;
	struct bputil_env env = {.volumes = XNU_VOLUMES,
				 .kernel = XNU_KERNEL_SOCKET,
				 .root = geteuid() == 0,
				 .ask = ask_on_terminal,
				 .ctx = &out};
	struct err e = ERR_INIT;
	int status = EXIT_FAILURE;
	int r = boot_args_bool(XNU_BOOT_ARGS, "AppleSilicon", &env.apple_silicon, &e);

	if (!r) {
		fputs(WARNING, stderr);
		r = bputil_run(&env, argc, argv, &out, &err_out, &status, &e);
	}
	if (r)
		fprintf(stderr, "bputil: %s\n", e.msg);
	fputs(buf_str(&out), stdout);
	fputs(buf_str(&err_out), stderr);
	buf_release(&out);
	buf_release(&err_out);
	return status;
}
