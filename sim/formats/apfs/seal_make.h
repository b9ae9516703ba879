/* SPDX-License-Identifier: MIT */
/* A folder of the host as a sealed volume, in a container of its own. */
#ifndef SIM_FORMATS_APFS_SEAL_MAKE_H
#define SIM_FORMATS_APFS_SEAL_MAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/formats/apfs/writer.h"

struct apfs_seal_make {
	const char *volume; /* its name; NULL: "Macintosh HD" */
	uint64_t size;	    /* bytes of the container; 0: as large as it must be */
	bool snapshot;	    /* with a snapshot that is named after the root hash */
	bool case_sensitive;
	int64_t time_ns;  /* of all files, since 1970 UTC; part of what is sealed */
	uint8_t uuid[16]; /* of the volume; all zero: drawn. Not part of it */
};

/*
 * Write the file @image anew: a container with one volume of the role System that holds
 * what is in @host_dir, all of it root:wheel with the host's modes. The same folder, time
 * and case sensitivity give the same root hash. The file has holes and is synced; it is
 * removed when something fails. Errors: see apfs_write and fs_tree_import.
 */
int apfs_seal_make(const char *host_dir, const char *image,
		   const struct apfs_seal_make *opts, struct apfs_sealed *ret,
		   struct err *e) MUST_CHECK;

#endif
