/* SPDX-License-Identifier: MIT */
/* Shared by image.c and image_room.c. */
#ifndef SIM_FORMATS_CODESIGN_IMAGE_IMPL_H
#define SIM_FORMATS_CODESIGN_IMAGE_IMPL_H

#include "sim/formats/codesign/image.h"
#include "sim/formats/macho/raw.h"

#define LC_SEGMENT_32 0x1u
#define CS_ALIGN_MAX  15u /* log2; of slices in a fat file */

/* A number in the slice's byte order; @off was checked. */
uint32_t cs_image_get32(const struct cs_image *im, size_t off);

#endif
