/* SPDX-License-Identifier: MIT */
/*
 * From a file tree to the records of a volume (APFS Reference p. 71). File contents are
 * written on the way, for their addresses go into the records.
 */
#ifndef SIM_FORMATS_APFS_FSRECORDS_H
#define SIM_FORMATS_APFS_FSRECORDS_H

#include "sim/formats/apfs/blockout.h"
#include "sim/formats/apfs/records.h"
#include "sim/formats/apfs/writer.h"

/* A run of blocks that belongs to one data stream. */
struct apfs_run {
	uint64_t block, count, owner;
};

struct apfs_fs {
	struct apfs_records recs;
	struct apfs_run *runs; /* owned; in the order of addresses */
	size_t n_runs, cap_runs;
	uint64_t next_id; /* above every id in use */
	uint64_t n_files, n_dirs, n_symlinks, n_data_blocks;
};

/*
 * Gather the records of @spec's tree into @fs, sorted, and write its contents to @out.
 * Release @fs in any case. Errors: see apfs_write.
 */
int apfs_fs_collect(struct apfs_fs *fs, const struct apfs_volume_spec *spec,
		    struct apfs_out *out, struct err *e) MUST_CHECK;
void apfs_fs_release(struct apfs_fs *fs);

#endif
