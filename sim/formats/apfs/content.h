/* SPDX-License-Identifier: MIT */
#ifndef SIM_FORMATS_APFS_CONTENT_H
#define SIM_FORMATS_APFS_CONTENT_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/formats/apfs/blockout.h"
#include "sim/formats/apfs/streams.h"
#include "sim/formats/fstree/fstree.h"

/*
 * Write @len bytes as the stream @id, the last block padded with zeros, and note in @to
 * where they lie. Its hashes, if wanted, are there after apfs_out_flush. E_NOSPC.
 */
int apfs_content_bytes(struct apfs_out *out, struct apfs_streams *to, uint64_t id,
		       const void *data, uint64_t len, struct err *e) MUST_CHECK;

/* The same with the content of a regular file. A host file must still have its size. */
int apfs_content_file(struct apfs_out *out, struct apfs_streams *to, uint64_t id,
		      const struct fs_node *n, struct err *e) MUST_CHECK;

#endif
