/* SPDX-License-Identifier: MIT */
/* Any bytes as a program of the Mac: does it hold entitlements? */
#define _GNU_SOURCE /* memfd_create */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "components/boot/entitlements.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take(void *arg, const char *name, struct err *e)
{
	(void)arg;
	(void)e;
	return name ? 0 : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("program", MFD_CLOEXEC);
	struct err e = ERR_INIT;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	(void)!entitlements_read(fd, take, NULL, &e);
	close(fd);
	return 0;
}
