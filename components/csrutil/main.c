/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "components/common/ask.h"
#include "components/common/boot_args.h"
#include "components/common/this_release.h"
#include "components/csrutil/csrutil.h"
#include "sim/platform/paths.h"

int main(int argc, char **argv)
{
	struct buf out = BUF_INIT, err_out = BUF_INIT;
	struct csrutil_paths paths = {.csr_config = XNU_CSR_CONFIG,
				      .nvram_dir = XNU_NVRAM_DIR,
				      .kernel = XNU_KERNEL_SOCKET,
				      .volumes = XNU_VOLUMES,
				      .ask = ask_on_terminal,
				      .ctx = &out};
	const struct release *release;
	struct err e = ERR_INIT;
	int status = EXIT_FAILURE;
	int r = this_release("/", &release, &e);

	if (!r)
		r = boot_args_bool(XNU_BOOT_ARGS, "AppleSilicon", &paths.apple_silicon, &e);
	if (!r) {
		paths.flags = release->csr_flags;
		r = csrutil_run(&paths, argc - 1, argv + 1, &out, &err_out, &status, &e);
	}
	if (r)
		fprintf(stderr, "csrutil: %s\n", e.msg);
	fputs(buf_str(&out), stdout);
	fputs(buf_str(&err_out), stderr);
	buf_release(&out);
	buf_release(&err_out);
	return status;
}
