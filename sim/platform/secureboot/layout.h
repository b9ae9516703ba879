/* SPDX-License-Identifier: MIT */
/* Names and places that installer and booters agree on. */
#ifndef SIM_PLATFORM_SECUREBOOT_LAYOUT_H
#define SIM_PLATFORM_SECUREBOOT_LAYOUT_H

#include "sim/formats/image4/fourcc.h"
#include "sim/platform/paths.h"
#include "sim/platform/secureboot/chain.h"

#define SB_ILLB FOURCC('i', 'l', 'l', 'b')
#define SB_SEPI FOURCC('s', 'e', 'p', 'i')
#define SB_IBOT FOURCC('i', 'b', 'o', 't')
#define SB_ISYS                                                                          \
	FOURCC('i', 's', 'y', 's') /* root hash of Apple silicon's system volume */
#define SB_XSYS FOURCC('x', 's', 'y', 's') /* of x86's */
#define SB_KRNL FOURCC('k', 'r', 'n', 'l')

/* On Preboot below the folder of the volume group: which boot folder, 96 digits. */
#define SB_ACTIVE "boot/active"
/* Root snapshots are named by the root hash, 64 upper-case digits. */
#define SB_SNAPSHOT_PREFIX "com.apple.os.update-"
#define SB_BLOCK_SIZE	   4096u /* of system volumes; which slot of isys counts */

/* "/<group>/<path of the row>.<board>ap.im4m" or ".im4m". E_OVERFLOW. */
int sb_beside_path(const struct sb_row *row, const char *group,
		   const struct machine_model *m, char *out, size_t size,
		   struct err *e) MUST_CHECK;

/* @len bytes from the 2 * @len digits at @hex. E_INVAL. */
int sb_hex_parse(const char *hex, uint8_t *out, size_t len, struct err *e) MUST_CHECK;

#endif
