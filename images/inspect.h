/* SPDX-License-Identifier: MIT */
/*
 * Looking into the disk of a Mac from the host, without mounting anything: what is
 * behind "kextlab image info|ls|cat|tree|extract".
 *
 * A place on a disk is written VOLUME:PATH, as in "Preboot:/usr" or
 * "System@before-update:/System/Library": VOLUME as in containers_find, an optional
 * snapshot behind '@'. Without "VOLUME:" it is the System volume.
 */
#ifndef IMAGES_INSPECT_H
#define IMAGES_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "images/containers.h"
#include "sim/base/buf.h"
#include "sim/base/err.h"
#include "sim/formats/apfs/extract.h"
#include "sim/formats/apfs/reader.h"

struct inspect;

/* Open the disk image @path (raw or qcow2). Close with inspect_close. */
int inspect_open(const char *path, struct inspect **ret, struct err *e) MUST_CHECK;
void inspect_close(struct inspect *in);

/* Borrowed, for everything that is not here. */
struct containers *inspect_containers(struct inspect *in);

/*
 * The volume and the path within it that @place names. *ret_volume stays open until
 * inspect_close and is shared by all calls; *ret_path points into @place. Borrowed.
 * E_INVAL, never E_NOTFOUND, when there is no such volume or snapshot.
 */
int inspect_place(struct inspect *in, const char *place, struct apfs_volume **ret_volume,
		  const char **ret_path, struct err *e) MUST_CHECK;

/* Append the content of a file to @out; E_OVERFLOW beyond @max bytes. */
int inspect_cat(struct inspect *in, const char *place, size_t max, struct buf *out,
		struct err *e) MUST_CHECK;

/* One line per entry, by name; see inspect_ls. */
struct inspect_entry {
	char name[APFS_NAME_BUF];
	struct apfs_inode inode;
};

/* A folder's entries, or the one file, sorted by name. The caller frees *ret. */
int inspect_list(struct inspect *in, const char *place, struct inspect_entry **ret,
		 size_t *ret_n, struct err *e) MUST_CHECK;

/* "drwxr-xr-x  3 0 0  restricted  0 2019-10-07T12:00:00Z name -> target" lines. */
int inspect_ls(struct inspect *in, const char *place, struct buf *out,
	       struct err *e) MUST_CHECK;

/*
 * Everything below @place, one line per file in the order of its path:
 * type and mode, owner, flags, size, mtime, SHA-256 of a file's content or a link's
 * target, path. Two listings are equal iff the trees are.
 */
int inspect_tree(struct inspect *in, const char *place, bool hashes, struct buf *out,
		 struct err *e) MUST_CHECK;

/* Containers and volumes, for people. */
int inspect_info(struct inspect *in, struct buf *out, struct err *e) MUST_CHECK;

/* Copy @place to the host, see apfs_extract. */
int inspect_extract(struct inspect *in, const char *place, const char *dest,
		    const struct apfs_extract_opts *opts,
		    struct apfs_extract_result *ret, struct err *e) MUST_CHECK;

#endif
