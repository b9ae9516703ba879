/* SPDX-License-Identifier: MIT */
/* Shared by the files that walk the chain; not for others. */
#ifndef SIM_PLATFORM_SECUREBOOT_CHAIN_IMPL_H
#define SIM_PLATFORM_SECUREBOOT_CHAIN_IMPL_H

#include "sim/platform/secureboot/chain.h"

/* A walk along the chain, and what the stages before left for those behind. */
struct walk {
	const struct sb_boot *b;
	struct sb_result *r;
	const struct sb_row *row; /* the one that is looked at */
	struct sb_step *step;
	struct span root;      /* certificate, after its digest was the fuses' */
	struct buf llb, iboot; /* files; the manifests are theirs */
	struct im4m llb_manifest, os_manifest;
	uint8_t lpnh[IMG4_DIGEST_LEN]; /* that the policy in force was signed under */
	struct buf file;	       /* of this step */
	int error; /* it could not be walked: what the callback returned */
};

/*
 * One step: IMG4_OK, or why not, with words in @e. A row that does not apply here sets
 * *skip (no step at all); an optional object that is not there sets step->absent.
 */
typedef enum img4_result walk_check(struct walk *w, bool *skip, struct err *e);

walk_check walk_by_fuse, walk_by_signature, walk_by_syntax, walk_by_sep, walk_by_nsih,
	walk_by_manifest, walk_by_owner, walk_by_nothing;

/*
 * Read into w->file, with the time it takes. ENOENT when it is not there, EILSEQ when it
 * cannot be read; other errors end the walk (w->error).
 */
enum img4_result walk_read(struct walk *w, enum sb_volume v, const char *path,
			   struct err *e);

/* Keep what later stages need of an object that was verified: @data is in w->file. */
enum img4_result walk_keep(struct walk *w, struct span data, struct err *e);

/* nsih, and what follows from it. */
void walk_set_nsih(struct walk *w, const uint8_t nsih[static IMG4_DIGEST_LEN]);

#endif
