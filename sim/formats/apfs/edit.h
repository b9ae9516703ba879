/* SPDX-License-Identifier: MIT */
/*
 * Changing a container that nobody has mounted: snapshots, seals, the root of a boot, the
 * whole content of a volume.
 *
 *	struct apfs_edit *ed;
 *
 *	apfs_edit_begin_path("disk.qcow2", time_ns, &ed, e);
 *	apfs_edit_replace_tree(ed, slot, &tree, APFS_EDIT_SEALED, hash, e);
 *	apfs_edit_snapshot_create(ed, slot, "com.apple.os.update-...", e);
 *	apfs_edit_set_root(ed, slot, "com.apple.os.update-...", e);
 *	apfs_edit_commit(ed, e);
 *
 * All of it is one transaction, copy-on-write: blocks of the state before are not written
 * to, and that state counts until the new container superblock, the last thing but the
 * copy in block 0, is on the disk. After a power cut at any time the container is as it
 * was, or as it was to be. Each operation sees what the ones before it did. After one has
 * failed the transaction can only be aborted, unless the header says otherwise: E_INVAL,
 * E_NOTFOUND, E_EXISTS and E_PERM come before anything was changed.
 *
 * Snapshots are named in full, "com.apple.bless.<UUID>". What is not understood is
 * refused with the name of the field, of the container at the start, of a volume at its
 * first operation (E_UNSUPPORTED): fusion, encryption, chunk infos in three levels,
 * unknown incompatible features, a volume that waits to be reverted. E_CORRUPT names the
 * block and the field that cannot be. E_NOSPC: the container is full; blocks that were
 * freed can be used two transactions later. A container must be changed by one process
 * at a time; nobody may have it mounted, or opened with apfs_open while it is committed.
 */
#ifndef SIM_FORMATS_APFS_EDIT_H
#define SIM_FORMATS_APFS_EDIT_H

#include <stdint.h>

#include "sim/base/err.h"
#include "sim/formats/apfs/reader.h"
#include "sim/formats/fstree/fstree.h"
#include "sim/formats/vdisk/vdisk.h"

struct apfs_edit;

/*
 * Start on the container in [offset, offset + size) of @d, at its newest checkpoint,
 * which must be intact. @d was opened for writing (vdisk_open_rw), is borrowed and must
 * outlive *ret. @time_ns (since 1970): the time of what is done.
 */
int apfs_edit_begin(struct vdisk *d, uint64_t offset, uint64_t size, int64_t time_ns,
		    struct apfs_edit **ret, struct err *e) MUST_CHECK;

/*
 * The same with the container of the image or device @path: the first APFS partition of
 * its GPT, or a bare container.
 */
int apfs_edit_begin_path(const char *path, int64_t time_ns, struct apfs_edit **ret,
			 struct err *e) MUST_CHECK;

/*
 * Write the new checkpoint, flushed in the order that the promise above needs. @ed is
 * released, also on failure. Without any change nothing is written.
 */
int apfs_edit_commit(struct apfs_edit *ed, struct err *e) MUST_CHECK;

/* Forget what was done; NULL is fine. The container is as it was. */
void apfs_edit_abort(struct apfs_edit *ed);

/* The container as it was before, to find volumes and look around. Borrowed. */
struct apfs *apfs_edit_container(struct apfs_edit *ed);

/*
 * A snapshot of the live state of the volume in @slot, sealed, broken or not. E_EXISTS;
 * E_INVAL: not 1..255 bytes of UTF-8.
 */
int apfs_edit_snapshot_create(struct apfs_edit *ed, unsigned slot, const char *name,
			      struct err *e) MUST_CHECK;

/* E_NOTFOUND; E_PERM: it is the one to root from. */
int apfs_edit_snapshot_delete(struct apfs_edit *ed, unsigned slot, const char *name,
			      struct err *e) MUST_CHECK;

/* Root from the snapshot @name, NULL: from the live state. E_NOTFOUND. */
int apfs_edit_set_root(struct apfs_edit *ed, unsigned slot, const char *name,
		       struct err *e) MUST_CHECK;

/*
 * Mark the seal of the live state as broken. Snapshots keep their own intact one. A seal
 * that is broken stays as it is. E_INVAL: not a sealed volume.
 */
int apfs_edit_break_seal(struct apfs_edit *ed, unsigned slot, struct err *e) MUST_CHECK;

/*
 * Take the mark away again. E_INVAL: not a sealed volume. E_PERM: its file-system tree was
 * written to since, or the seal is of version 1, which does not know since when.
 */
int apfs_edit_unbreak(struct apfs_edit *ed, unsigned slot, struct err *e) MUST_CHECK;

/*
 * The live state becomes what it was at the snapshot @name. As on a Mac, younger
 * snapshots go (APFS Reference p. 56, apfs_revert_to_xid). E_NOTFOUND; E_PERM: a younger
 * one is the one to root from.
 */
int apfs_edit_revert(struct apfs_edit *ed, unsigned slot, const char *name,
		     struct err *e) MUST_CHECK;

enum apfs_edit_seal {
	APFS_EDIT_SEALED, /* hashed tree, intact seal */
	APFS_EDIT_BROKEN, /* hashed tree, its seal marked as broken in this transaction */
	APFS_EDIT_UNSEALED,
};

/*
 * The live state gets the content @tree, whose tags are overwritten; name, UUID, role and
 * snapshots stay. @ret_root_hash (may be NULL): of a hashed tree. Errors: see
 * apfs_write.
 */
int apfs_edit_replace_tree(struct apfs_edit *ed, unsigned slot, struct fs_tree *tree,
			   enum apfs_edit_seal mode, uint8_t ret_root_hash[32],
			   struct err *e) MUST_CHECK;

/*
 * Make @t, initialised and empty, the tree of the state that @v has open, with modes,
 * owners, flags, attributes, times, symbolic and hard links. Contents of up to
 * @max_memory bytes in all are held in memory (E_OVERFLOW beyond).
 */
int apfs_edit_tree_from_volume(struct apfs_volume *v, size_t max_memory,
			       struct fs_tree *t, struct err *e) MUST_CHECK;

#endif
