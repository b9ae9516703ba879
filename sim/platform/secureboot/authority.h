/* SPDX-License-Identifier: MIT */
/*
 * What the laboratory's authorities let their subjects sign: constraints that keep the
 * signing server from making local policies, and owner keys from signing systems.
 */
#ifndef SIM_PLATFORM_SECUREBOOT_AUTHORITY_H
#define SIM_PLATFORM_SECUREBOOT_AUTHORITY_H

#include "sim/base/buf.h"

#define SB_BAA_NAME "kextlab Basic Attestation Authority"

/* Of the signing server: manifests of systems for any chip, nothing local. */
int sb_tss_constraints(struct buf *out, struct err *e) MUST_CHECK;
/* Of an owner key: local policies and linked manifests of the chip @ecid alone. */
int sb_oic_constraints(uint64_t ecid, struct buf *out, struct err *e) MUST_CHECK;

#endif
