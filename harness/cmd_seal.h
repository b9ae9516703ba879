/* SPDX-License-Identifier: MIT */
/* Parts of `kextlab seal`, one per action or two. */
#ifndef HARNESS_CMD_SEAL_H
#define HARNESS_CMD_SEAL_H

#include "harness/actions.h"
#include "harness/cmd.h"
#include "images/seal_place.h"
#include "images/seal_signature.h"

/* What stands on the command line. Borrowed. */
struct seal_words {
	const struct app *app;
	char **args; /* without options and action */
	int n_args;
	const char *volume;   /* NULL: the system's */
	const char *snapshot; /* NULL: what a Mac roots from; "": live */
	const char *output, *name, *time;
	const char *root_hash; /* 64 digits */
	bool json, full, revert, dry_run, no_snapshot, case_sensitive;
};

/* Each gets a struct seal_words, and returns an exit status. */
int seal_make(const void *words);
int seal_show(const void *words);
int seal_verify(const void *words);
int seal_explain(const void *words);
int seal_break_image(const void *words);
int seal_fix_image(const void *words);

/* "snapshot 'com.apple...' (transaction 2)", or "live state". */
const char *seal_state_text(const struct seal_place *p, uint64_t xid, char *out,
			    size_t size);
/* What is known of a seal, as JSON. */
json_t *seal_info_json(const struct apfs_seal_info *i);
/* 64 digits of a root hash. */
json_t *seal_hash_json(const uint8_t hash[static APFS_SEAL_HASH_LEN]);

#endif
