/* SPDX-License-Identifier: MIT */
/* Unpacking that says which of the checks failed; for the verifier. */
#ifndef SIM_FORMATS_PRELINK_UNPACK_H
#define SIM_FORMATS_PRELINK_UNPACK_H

#include "sim/formats/prelink/prelink.h"

/* As prelink_unpack; *failed is set only when the content is at fault. */
int prelink_unpack_checked(const void *file, size_t len, struct buf *macho,
			   enum prelink_compression *how, enum prelink_check *failed,
			   struct err *e) MUST_CHECK;

#endif
