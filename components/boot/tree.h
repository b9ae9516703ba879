/* SPDX-License-Identifier: MIT */
/*
 * The Mac's file tree: volumes mounted read-write in the carrier, and bind mounts of
 * them put together below TREE_ROOT, which becomes launchd's root.
 */
#ifndef COMPONENTS_BOOT_TREE_H
#define COMPONENTS_BOOT_TREE_H

#include <stdbool.h>

#include "components/boot/volumes.h"
#include "sim/carrier/layout.h"
#include "sim/platform/release.h"

#define TREE_VOLUMES CARRIER_MAC_DIR "/vol"
#define TREE_ROOT    CARRIER_MAC_DIR "/root"

/* Mount @v in the carrier, once; fills carrier_dir. One with a seal is vs->mount_sealed's.
 */
int tree_mount_volume(struct volumes *vs, struct boot_volume *v, struct err *e)
	MUST_CHECK;

/* How a volume is shown. */
enum tree_flags {
	TREE_READ_ONLY = 1 << 0,
	TREE_NO_EXEC = 1 << 1,
	TREE_NO_ATIME = 1 << 2,
	/* Of those that only the system itself uses, such as VM. */
	TREE_FOR_KERNEL = TREE_NO_EXEC | TREE_NO_ATIME,
};

/*
 * Show the mounted @v at the open folder @dir_fd, which the Mac calls @path; @flags of
 * enum tree_flags. Fills mount_point and read_only.
 */
int tree_attach(struct boot_volume *v, int dir_fd, const char *path, unsigned flags,
		struct err *e) MUST_CHECK;
/* Mount @v and show it at the folder that the Mac calls @path. */
int tree_attach_at(struct volumes *vs, struct boot_volume *v, const char *path,
		   unsigned flags, struct err *e) MUST_CHECK;
/* The reverse. E_BUSY when it is in use. */
int tree_detach(struct boot_volume *v, struct err *e) MUST_CHECK;

/* Let the mounted @v be written to by the Mac, of which @mac is a process (as the carrier
 * numbers it), or not any more. E_BUSY. */
int tree_set_read_only(struct boot_volume *v, bool read_only, pid_t mac,
		       struct err *e) MUST_CHECK;

/* Bind @source, of the carrier, to the folder that the Mac calls @path. */
int tree_bind(const char *source, const char *path, struct err *e) MUST_CHECK;

/* Parts of a root: the folder @source of the carrier is the Mac's /, ... */
int tree_bind_root(const char *source, struct err *e) MUST_CHECK;
/* ... its /dev is an empty file system in memory, ... */
int tree_mount_dev(struct err *e) MUST_CHECK;
/* ... "/Volumes/Macintosh HD" a link to "/", made anew at each start where that can be
 * written; ... */
int tree_link_in_volumes(const char *name, struct err *e) MUST_CHECK;
/* ... and at last it is read-only. */
int tree_root_read_only(struct err *e) MUST_CHECK;

/*
 * Whole trees. *ret_release is the release of the system that was started. Of Recovery:
 * its system, and the unlocked volumes below /Volumes.
 */
int tree_build_catalina(struct volumes *vs, const struct boot_choice *c,
			const struct release **ret_release, struct err *e) MUST_CHECK;
int tree_build_recovery(struct volumes *vs, const struct boot_choice *c,
			const struct release **ret_release, struct err *e) MUST_CHECK;

/* Call @fn for each firmlink of the System volume that the carrier has at @system_dir. */
int tree_each_firmlink(const char *system_dir,
		       int (*fn)(void *arg, const char *path, const char *target,
				 struct err *e),
		       void *arg, struct err *e) MUST_CHECK;
/*
 * Bind the firmlinks of the System volume, which the carrier has at @system_dir and the
 * Mac at @prefix ("": its root), to folders below @data_dir; those without a target lead
 * nowhere.
 */
int tree_bind_firmlinks(const char *prefix, const char *system_dir, const char *data_dir,
			struct err *e) MUST_CHECK;
void tree_unbind_firmlinks(const char *prefix, const char *system_dir);

/*
 * In Recovery: the firmlinks of each System volume below /Volumes lead to the Data volume
 * of its group as soon as both are mounted. That this is so is assumed: without it a
 * kernel that Recovery rebuilds would lack the kexts in /Library/Extensions, which the
 * workaround for 10.15.0 is known to bring in (docs/fidelity.md).
 */
int tree_join_groups(struct volumes *vs, struct err *e) MUST_CHECK;
/* The reverse for the group of @v, before one of its volumes is detached. */
void tree_part_group(struct volumes *vs, const struct boot_volume *v);

/*
 * Is @e of a place that lies below a damaged node or block of the served volume? It
 * answers EIO, and the server says in the log what is wrong; everything else goes on.
 */
bool tree_unreadable(const struct err *e);

/*
 * Open @path as the Mac sees it: links and ".." stay below TREE_ROOT. The last component
 * is not followed with O_NOFOLLOW in @flags.
 */
int tree_open(const char *path, int flags, int *ret_fd, struct err *e) MUST_CHECK;

/* The end: flush, and take away the tree, then unmount what it was made of. The second
 * goes on after an error and reports the first. */
int tree_detach_root(struct err *e) MUST_CHECK;
int tree_unmount_volumes(struct volumes *vs, struct err *e) MUST_CHECK;

#endif
