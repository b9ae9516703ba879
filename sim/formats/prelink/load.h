/* SPDX-License-Identifier: MIT */
/* Opening that says which of the checks failed; for the verifier. */
#ifndef SIM_FORMATS_PRELINK_LOAD_H
#define SIM_FORMATS_PRELINK_LOAD_H

#include "sim/formats/prelink/prelink.h"

/*
 * As prelink_open; when the content is at fault, *failed is the check. With @strict,
 * an entry without identifier or with half of its numbers is a fault too.
 */
int prelink_load(const void *data, size_t len, bool strict, struct prelink *p,
		 enum prelink_check *failed, struct err *e) MUST_CHECK;

/* The bytes of @k in the file; NULL when its source range is outside __PRELINK_TEXT. */
const uint8_t *prelink_code(const struct prelink *p, const struct kext_entry *k);

#endif
