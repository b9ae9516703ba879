/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "components/csrutil/csrutil.h"
#include "sim/platform/paths.h"

int main(int argc, char **argv)
{
	const struct csrutil_paths paths = {.csr_config = XNU_CSR_CONFIG,
					    .nvram_dir = XNU_NVRAM_DIR};
	struct buf out = BUF_INIT, err_out = BUF_INIT;
	struct err e = ERR_INIT;
	int status = EXIT_FAILURE;

	if (csrutil_run(&paths, argc - 1, argv + 1, &out, &err_out, &status, &e))
		fprintf(stderr, "csrutil: %s\n", e.msg);
	fputs(buf_str(&out), stdout);
	fputs(buf_str(&err_out), stderr);
	buf_release(&out);
	buf_release(&err_out);
	return status;
}
