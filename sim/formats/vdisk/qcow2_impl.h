/* SPDX-License-Identifier: MIT */
/* What reading and writing of qcow2 images share (QEMU, docs/interop/qcow2.txt). */
#ifndef SIM_FORMATS_VDISK_QCOW2_IMPL_H
#define SIM_FORMATS_VDISK_QCOW2_IMPL_H

#include <stdbool.h>

#include "sim/base/bytes.h"
#include "sim/formats/vdisk/vdisk_impl.h"

struct qcow2_raw_header {
	be32 magic, version;
	be64 backing_off;
	be32 backing_len;
	be32 cluster_bits;
	be64 size;
	be32 crypt_method;
	be32 l1_entries;
	be64 l1_off;
	be64 refcount_off;
	be32 refcount_clusters;
	be32 n_snapshots;
	be64 snapshots_off;
	/* version 3 */
	be64 incompatible, compatible, autoclear;
	be32 refcount_order;
	be32 header_len;
};
_Static_assert(sizeof(struct qcow2_raw_header) == 104, "qcow2 header");

#define QCOW2_V2_HEADER 72

#define INCOMPAT_DIRTY	  1ull /* only reference counts are stale */
#define INCOMPAT_CORRUPT  2ull
#define INCOMPAT_DATA	  4ull
#define INCOMPAT_ZSTD	  8ull /* of compressed clusters, which are refused one by one */
#define INCOMPAT_READABLE (INCOMPAT_DIRTY | INCOMPAT_ZSTD)

#define ENTRY_OFFSET  0x00fffffffffffe00ull
#define L2_COMPRESSED (1ull << 62)
#define L2_ZERO	      1ull

#define EXT_END		   0u
#define EXT_BACKING_FORMAT 0xe2792acau

#define L1_BYTES_MAX (32u << 20)
#define L2_SLOTS     32

struct l2_slot {
	uint64_t off; /* of the table in the file, 0: empty */
	uint8_t *table;
};

struct qcow2 {
	struct vdisk base;
	struct vdisk *file;    /* owned */
	struct vdisk *backing; /* owned; NULL when there is none */
	uint8_t *l1;	       /* be64 entries */
	uint32_t l1_entries;
	unsigned cluster_bits;
	bool zero_flag; /* version 3 */
	struct l2_slot l2[L2_SLOTS];
	/* of an image that is written to */
	bool write, dirty; /* dirty: the header says that reference counts may be stale */
	uint64_t l1_off;   /* in the file */
	uint64_t refcount_off, refcount_entries; /* table of blocks of reference counts */
	uint64_t incompatible;
};

enum qcow2_cluster { QCOW2_BACKING, QCOW2_ZERO, QCOW2_DATA };

/*
 * What the cluster of guest offset @off is; *@host: where it lies in the file, of data
 * and of zeros that have a place; else 0.
 */
int qcow2_find(struct qcow2 *q, uint64_t off, enum qcow2_cluster *kind, uint64_t *host,
	       struct err *e) MUST_CHECK;

/* The L2 table at @off of the file; borrowed, valid until the next call. */
int qcow2_load_l2(struct qcow2 *q, uint64_t off, uint8_t **ret, struct err *e) MUST_CHECK;

/* What @d (NULL: nothing) has of a range, and zeros behind its end. */
int qcow2_read_padded(struct vdisk *d, uint64_t off, uint8_t *buf, size_t len,
		      struct err *e) MUST_CHECK;

/* Of an image that was opened for writing. */
int qcow2_write_init(struct qcow2 *q, const struct qcow2_raw_header *h,
		     struct err *e) MUST_CHECK;
int qcow2_write(struct vdisk *d, uint64_t off, const void *buf, size_t len,
		struct err *e) MUST_CHECK;
int qcow2_flush(struct vdisk *d, struct err *e) MUST_CHECK;
/* All is on the medium, and the image says so. Errors have nobody to tell them to. */
void qcow2_write_end(struct qcow2 *q);

#endif
