/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/diskutil/diskutil.h"
#include "sim/platform/paths.h"

/* A passphrase on standard input ends with the line. */
static const char *read_passphrase(int argc, char **argv)
{
	static char line[1024];

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-stdinpassphrase") != 0)
			continue;
		if (fgets(line, sizeof(line), stdin))
			line[strcspn(line, "\n")] = '\0';
		break;
	}
	return line;
}

int main(int argc, char **argv)
{
	const struct diskutil_paths paths = {.volumes = XNU_VOLUMES,
					     .kernel = XNU_KERNEL_SOCKET,
					     .mount_base = "/Volumes"};
	struct buf out = BUF_INIT, err_out = BUF_INIT;
	struct err e = ERR_INIT;
	int status = EXIT_FAILURE;

	/* On a Mac a daemon does the work, and finishes it when userspace is restarted. */
	signal(SIGTERM, SIG_IGN);
	if (diskutil_run(&paths, argc - 1, argv + 1, read_passphrase(argc, argv), &out,
			 &err_out, &status, &e))
		fprintf(stderr, "diskutil: %s\n", e.msg);
	fputs(buf_str(&out), stdout);
	fputs(buf_str(&err_out), stderr);
	buf_release(&out);
	buf_release(&err_out);
	return status;
}
