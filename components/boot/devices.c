/* SPDX-License-Identifier: MIT */
/* What is soldered to the board or in its sockets: NVRAM, the chip's store, the disk. */
#include <fcntl.h>
#include <stdio.h>

#include "components/boot/boot.h"
#include "sim/carrier/layout.h"

/* Opened once: it is written to at the end. */
static int open_device(const char *path, int *fd, struct err *e)
{
	if (*fd < 0)
		*fd = open(path, O_RDWR | O_CLOEXEC);
	return *fd < 0 ? err_sys(e, "%s", path) : 0;
}

int boot_read_nvram(struct boot *b, struct err *e)
{
	int r = open_device(CARRIER_NVRAM, &b->nvram_fd, e);

	if (!r)
		r = nvram_load(&b->nvram, b->nvram_fd, e);
	if (r != -E_CORRUPT)
		return r;
	/* A Mac whose NVRAM is damaged starts with an empty one. */
	snprintf(b->detail, sizeof(b->detail), "%s", e->msg);
	err_clear(e);
	return 0;
}

/*
 * A chip without a store that can be read has no LLB, no owner and no root: there is
 * nothing that it could start.
 */
int boot_read_chip(struct boot *b, struct err *e)
{
	int r = open_device(CARRIER_CHIP, &b->chip_fd, e);

	if (!r)
		r = sb_chip_load(&b->chip, b->chip_fd, e);
	return r ? err_ctx(e, "DFU: the chip's store") : 0;
}

int boot_read_volumes(struct boot *b, struct err *e)
{
	return volumes_read(&b->volumes, CARRIER_DISK, b->machine, e);
}
