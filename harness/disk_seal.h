/* SPDX-License-Identifier: MIT */
/* What a disk says of the seal of its System volume, read from outside. */
#ifndef HARNESS_DISK_SEAL_H
#define HARNESS_DISK_SEAL_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/err.h"

#define SEAL_TEXT_MAX 1280 /* the longest name of a snapshot, and a finding */

struct seal_state {
	char live[8];	  /* "yes", "no", "broken": the live state */
	char snapshot[8]; /* the same of the snapshot that the next start roots from; "none" */
	char root[SEAL_TEXT_MAX]; /* that snapshot's name; "none" */
	bool tagged;		  /* the volume names it; else its own name says so */
	char root_hash[65];	  /* of that snapshot, hexadecimal; "" */
	size_t n_snapshots;
	char verify[SEAL_TEXT_MAX]; /* "ok", or what is wrong first; "" when not asked */
};

/*
 * Read it from the disk image @path; with @verify every node and file of the root snapshot
 * is checked against its root hash. A volume without a seal is no error.
 */
int disk_seal_read(const char *path, bool verify, struct seal_state *ret,
		   struct err *e) MUST_CHECK;

#endif
