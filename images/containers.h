/* SPDX-License-Identifier: MIT */
/*
 * The APFS containers of a disk image, under the numbers that a Mac gives them: disk1 on,
 * first iBoot's and the one of recoveryOS where a disk has them, the system's last. A
 * bare container is disk1 of its disk.
 */
#ifndef IMAGES_CONTAINERS_H
#define IMAGES_CONTAINERS_H

#include "sim/formats/apfs/reader.h"

#define CONTAINERS_MAX 16

struct mac_container {
	const char *kind; /* as diskutil names the partition's type: "Apple_APFS_ISC" */
	unsigned disk;    /* N of diskN */
	uint64_t offset, size; /* bytes */
	struct apfs *apfs; /* NULL until it is asked for */
};

struct containers {
	struct vdisk *disk;
	struct mac_container v[CONTAINERS_MAX];
	size_t n;
	size_t main; /* index of the system's */
};

/*
 * Open the image @path (raw or qcow2) and its system's container. Release with
 * containers_close, also after an error. E_NOTFOUND: no container; E_OVERFLOW: too many.
 */
int containers_open(struct containers *cs, const char *path, struct err *e) MUST_CHECK;
/* The same, with a disk that can be written to. */
int containers_open_rw(struct containers *cs, const char *path, struct err *e) MUST_CHECK;
void containers_close(struct containers *cs);

/* Container @i, opened when it was not yet. Borrowed. */
int containers_get(struct containers *cs, size_t i, struct apfs **ret, struct err *e)
	MUST_CHECK;

/*
 * The volume that @want names, in the system's container when it has such a one: as in
 * apfs_volume_find, or as the Mac's device, "disk1s2". E_NOTFOUND.
 */
int containers_find(struct containers *cs, const char *want, struct apfs **ret,
		    unsigned *ret_slot, struct err *e) MUST_CHECK;

#endif
