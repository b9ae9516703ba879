/* SPDX-License-Identifier: MIT */
/* What the files that write stand-ins of families share. */
#ifndef SIM_PLATFORM_KPI_FAMILY_INTERNAL_H
#define SIM_PLATFORM_KPI_FAMILY_INTERNAL_H

#include "sim/platform/kpi/family.h"

/* What every one of them says of itself. */
#define FAMILY_STAND_IN "kextlab stand-in: names and vtables, no code"

/* A row of bundles.tsv. */
struct family_bundle {
	char row[512]; /* what the others point to */
	const char *id, *version, *compatible, *required;
};
/* E_NOTFOUND */
int family_bundle(const struct kpi_families *f, const char *id, struct family_bundle *b,
		  struct err *e) MUST_CHECK;

#endif
