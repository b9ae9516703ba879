/* SPDX-License-Identifier: MIT */
/*
 * SIP for the system that is about to start: what its rootless.conf and its executables
 * say goes into the policy's maps.
 */
#ifndef COMPONENTS_BOOT_POLICY_H
#define COMPONENTS_BOOT_POLICY_H

#include <stdint.h>

#include "sim/carrier/sip/sip.h"
#include "sim/platform/release.h"

/* Who hears of what was left out. */
struct policy_log {
	void (*line)(void *ctx, const char *text);
	void *ctx;
};

struct policy_facts {
	const struct release *release;
	const char *root_device; /* "disk1s5" */
	uint32_t csr;            /* effective */
	struct policy_log log;
};

/*
 * Fill the loaded policy @sip for the tree below TREE_ROOT, which is complete, /dev/xnu
 * included. It speaks of nobody until sip_arm. A system without rootless.conf has no
 * protected paths.
 *
 * What lies below a damaged node of the sealed volume is left out, with a line of the log:
 * whoever wants to change it meets the same error on the way, so nothing that can be
 * reached is unprotected, and a program that cannot be read cannot run either. But
 * rootless.conf itself is an error: without it, nothing at all would be protected.
 */
int policy_fill(struct sip *sip, const struct policy_facts *f, struct err *e) MUST_CHECK;

/* The same protected paths on a System volume that the Mac has mounted on @prefix. */
int policy_mark_below(struct sip *sip, const char *prefix, const struct policy_log *log,
		      struct err *e) MUST_CHECK;

/*
 * Is the open folder @fd (any kind of descriptor) or what is above it protected? For
 * what the kernel does on behalf of the Mac.
 */
bool policy_protects(const struct sip *s, uint32_t csr, int fd);

#endif
