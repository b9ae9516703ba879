/* SPDX-License-Identifier: MIT */
/* What is soldered to the board or in its sockets: NVRAM and the disk. */
#include <fcntl.h>
#include <stdio.h>

#include "components/boot/boot.h"
#include "sim/carrier/layout.h"

int boot_read_nvram(struct boot *b, struct err *e)
{
	int r;

	if (b->nvram_fd < 0)
		b->nvram_fd = open(CARRIER_NVRAM, O_RDWR | O_CLOEXEC);
	if (b->nvram_fd < 0)
		return err_sys(e, "%s", CARRIER_NVRAM);
	r = nvram_load(&b->nvram, b->nvram_fd, e);
	if (r != -E_CORRUPT)
		return r;
	/* A Mac whose NVRAM is damaged starts with an empty one. */
	snprintf(b->detail, sizeof(b->detail), "%s", e->msg);
	err_clear(e);
	return 0;
}

int boot_read_volumes(struct boot *b, struct err *e)
{
	return volumes_read(&b->volumes, CARRIER_DISK, b->machine, e);
}
