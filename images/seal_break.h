/* SPDX-License-Identifier: MIT */
/*
 * Breaking the seal of a disk image on purpose, each way that a scenario or a user asks
 * for by name. The image must not be in use.
 */
#ifndef IMAGES_SEAL_BREAK_H
#define IMAGES_SEAL_BREAK_H

#include <stdbool.h>

#include "sim/base/err.h"
#include "sim/formats/apfs/seal_break.h"

enum seal_break_kind {
	SEAL_BREAK_DATA,
	SEAL_BREAK_SLACK,
	SEAL_BREAK_NODE,
	SEAL_BREAK_ROOT_HASH,
	SEAL_BREAK_FLAG,      /* the live state is marked as broken, as by a write */
	SEAL_BREAK_SIGNATURE, /* a bit of the signature of the root hash on Preboot */
	SEAL_BREAK_N
};

struct seal_break_row {
	const char *name; /* "root-hash" */
	bool needs_path, takes_path, takes_offset;
	const char *summary;
};
/* [SEAL_BREAK_N] */
extern const struct seal_break_row seal_break_rows[];
/* SEAL_BREAK_N when there is none of that name. */
enum seal_break_kind seal_break_by_name(const char *name);

struct seal_break_spec {
	enum seal_break_kind kind;
	const char *volume;   /* as seal_place_open */
	const char *snapshot; /* as seal_place_state; FLAG: always the live state */
	const char *path;
	uint64_t offset; /* in the file */
};

struct seal_break_result {
	struct apfs_seal_broken bit; /* FLAG: .what alone */
	bool in_place;	      /* one bit was changed; else a transaction was added */
	uint64_t disk_offset; /* of the byte in the disk; 0 unless in_place */
	char state[2048];     /* which volume and state was meant */
};

/*
 * Do it to the image @path, at @time_ns. E_NOTFOUND: no such volume, state or file;
 * E_INVAL: not sealed, a path that is missing or of no use; errors of apfs_seal_break and
 * edit.h.
 */
int seal_break(const char *path, const struct seal_break_spec *spec, int64_t time_ns,
	       struct seal_break_result *ret, struct err *e) MUST_CHECK;

#endif
