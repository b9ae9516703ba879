/* SPDX-License-Identifier: MIT */
/*
 * From a file tree to the records of a volume (APFS Reference p. 71). File contents are
 * written on the way, for their addresses go into the records.
 */
#ifndef SIM_FORMATS_APFS_FSRECORDS_H
#define SIM_FORMATS_APFS_FSRECORDS_H

#include "sim/formats/apfs/blockout.h"
#include "sim/formats/apfs/records.h"
#include "sim/formats/apfs/streams.h"
#include "sim/formats/apfs/writer.h"

struct apfs_fs {
	struct apfs_records recs;
	struct apfs_streams streams;
	uint64_t next_id; /* above every id in use */
	uint64_t n_files, n_dirs, n_symlinks;
};

/*
 * Gather the records of @spec's tree into @fs, sorted, and write its contents to @out.
 * Inodes get numbers from @first_id on; 0: those of a new volume. The records do not hold
 * the extents and hashes of a sealed volume; they are in fs->streams, sorted by owner.
 * Flush @out, then release @fs, in any case. Errors: see apfs_write.
 */
int apfs_fs_collect(struct apfs_fs *fs, const struct apfs_volume_spec *spec,
		    uint64_t first_id, struct apfs_out *out, struct err *e) MUST_CHECK;
void apfs_fs_release(struct apfs_fs *fs);

/* The number that the inodes of a new volume begin with. */
uint64_t apfs_fs_first_id(const struct apfs_volume_spec *spec);

#endif
