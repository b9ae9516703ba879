/* SPDX-License-Identifier: MIT */
/*
 * What the tests of transactions share: a container of two volumes, contents that can be
 * told apart, and what judges and our reader say of a state.
 */
#ifndef SIM_FORMATS_APFS_TEST_EDIT_CASE_H
#define SIM_FORMATS_APFS_TEST_EDIT_CASE_H

#include "sim/formats/apfs/edit.h"
#include "sim/formats/apfs/test/image.h"

#define EDIT_TIME 1640000000000000000 /* 2021-12-20 */
#define EDIT_SIZE (600ull << 20)

enum { EDIT_SYSTEM, EDIT_DATA, EDIT_VOLUMES };

/*
 * A System volume, sealed or not, with content 0 and the snapshot "first", and a Data
 * volume with content 1, in one group.
 */
void edit_case_init(struct image *im, const char *file, bool sealed);

/*
 * Content @which into @t: files of many sizes, links, attributes; more of them the larger
 * @which is.
 */
void edit_content(struct fs_tree *t, unsigned which);

/* Which content a state has, as the reader finds it; -1: it cannot be read. */
int edit_content_of(const char *path, unsigned slot, const char *snapshot);

struct apfs_edit *edit_begin(const char *path);
void edit_commit(struct apfs_edit *ed);

/* How a state may look to apfsck. */
enum edit_look {
	EDIT_PLAIN,   /* nothing that it does not know (-u) */
	EDIT_UNKNOWN, /* a broken seal, a snapshot to root from */
};
/* apfsck and, of a finished transaction, 7-Zip find nothing wrong. */
bool edit_accepted(const char *path, enum edit_look look);
/* The same after a power cut: block 0 may be older than the newest checkpoint. */
bool edit_accepted_cut(const char *path, enum edit_look look);

#endif
