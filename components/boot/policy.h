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

struct policy_facts {
	const struct release *release;
	const char *root_device; /* "disk1s5" */
	uint32_t csr;            /* effective */
};

/*
 * Fill the loaded policy @sip for the tree below TREE_ROOT, which is complete, /dev/xnu
 * included. It speaks of nobody until sip_arm. A system without rootless.conf has no
 * protected paths.
 */
int policy_fill(struct sip *sip, const struct policy_facts *f, struct err *e) MUST_CHECK;

/* The same protected paths on a System volume that the Mac has mounted on @prefix. */
int policy_mark_below(struct sip *sip, const char *prefix, struct err *e) MUST_CHECK;

/*
 * Is the open folder @fd (any kind of descriptor) or what is above it protected? For
 * what the kernel does on behalf of the Mac.
 */
bool policy_protects(const struct sip *s, uint32_t csr, int fd);

#endif
