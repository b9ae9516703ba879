/* SPDX-License-Identifier: MIT */
/* /dev and /dev/xnu of the running Mac (docs/architecture.md, "/dev/xnu"). */
#ifndef COMPONENTS_BOOT_XNU_H
#define COMPONENTS_BOOT_XNU_H

#include "components/boot/kernelcache.h"
#include "components/boot/volumes.h"
#include "sim/platform/nvram.h"

/* Everything that the files say; all borrowed. */
struct xnu_state {
	const struct nvram *nvram;
	const struct volumes *volumes;
	const struct kernelcache *kernel;
	const struct boot_volume *root;
	bool recovery;
	uint32_t csr;                /* effective */
	double time_factor;
	const char *kernel_version;  /* the Darwin banner */
};

/* Make the nodes of /dev, mount /dev/xnu, write all its files. */
int xnu_build(const struct xnu_state *s, struct err *e) MUST_CHECK;

/* Write volumes.plist anew, in one step. */
int xnu_write_volumes(const struct volumes *vs, struct err *e) MUST_CHECK;

#endif
