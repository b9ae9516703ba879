/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "components/spctl/spctl.h"
#include "sim/platform/paths.h"

int main(int argc, char **argv)
{
	const struct spctl_paths paths = {XNU_CSR_CONFIG, XNU_NVRAM_DIR};
	struct buf out = BUF_INIT, err_out = BUF_INIT;
	struct err e = ERR_INIT;
	int status = EXIT_FAILURE;

	if (spctl_run(&paths, argc - 1, argv + 1, &out, &err_out, &status, &e))
		fprintf(stderr, "spctl: %s\n", e.msg);
	fputs(buf_str(&out), stdout);
	fputs(buf_str(&err_out), stderr);
	buf_release(&out);
	buf_release(&err_out);
	return status;
}
