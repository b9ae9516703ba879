/* SPDX-License-Identifier: MIT */
#ifndef SIM_FORMATS_APFS_CONTENT_H
#define SIM_FORMATS_APFS_CONTENT_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/formats/apfs/blockout.h"
#include "sim/formats/fstree/fstree.h"

/*
 * Write @len bytes to consecutive blocks, the last one padded with zeros. The first block
 * into *@ret_block, 0 when there are none. E_NOSPC.
 */
int apfs_content_bytes(struct apfs_out *out, const void *data, uint64_t len,
		       uint64_t *ret_block, struct err *e) MUST_CHECK;

/* The same with the content of a regular file. A host file must still have its size. */
int apfs_content_file(struct apfs_out *out, const struct fs_node *n, uint64_t *ret_block,
		      struct err *e) MUST_CHECK;

static inline uint64_t apfs_blocks_of(uint64_t bytes)
{
	return bytes / 4096 + (bytes % 4096 != 0);
}

#endif
