/* SPDX-License-Identifier: MIT */
/*
 * A disk to read from: a raw image, a qcow2 image with its chain of backing files,
 * or anything else that can be read at an offset (see struct vdisk_ops). Each run's
 * disk is a qcow2 overlay on a shared raw base; reading it in place spares a
 * conversion of the whole disk. What is opened for writing is written to in place as
 * well; of a chain of files only the first one ever is.
 *
 * A vdisk is not for two threads at once.
 */
#ifndef SIM_FORMATS_VDISK_H
#define SIM_FORMATS_VDISK_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

struct vdisk;

struct vdisk_ops {
	/* All of [off, off + len), which lies inside the disk. */
	int (*read)(struct vdisk *d, uint64_t off, void *buf, size_t len, struct err *e);
	/*
	 * The first part of [off, size) that may hold anything but zeros; start == end
	 * when there is none. NULL: all of it may.
	 */
	int (*data)(struct vdisk *d, uint64_t off, uint64_t *start, uint64_t *end,
		    struct err *e);
	/* Like read; NULL: the disk is read-only. */
	int (*write)(struct vdisk *d, uint64_t off, const void *buf, size_t len,
		     struct err *e);
	/* What was written is on the medium. NULL: nothing to do. */
	int (*flush)(struct vdisk *d, struct err *e);
	/* Release the disk and its memory. */
	void (*close)(struct vdisk *d);
};

/* A source of one's own has this as its first member. */
struct vdisk {
	const struct vdisk_ops *ops;
	uint64_t size; /* bytes */
};

/*
 * Open @path, a regular file or a block device: qcow2 when it begins with that magic,
 * else raw. The caller closes *ret with vdisk_close. E_NOTFOUND, E_PERM, E_IO; E_CORRUPT
 * and E_UNSUPPORTED for a qcow2 image that is damaged or has compressed clusters,
 * encryption or an external data file; E_UNSUPPORTED, with what to do, for other kinds of
 * images and for compressed files.
 */
int vdisk_open(const char *path, struct vdisk **ret, struct err *e) MUST_CHECK;

/*
 * The same, to be written to as well. E_BUSY: another program writes to it, or a machine
 * has it; as long as the disk is open none can be started with it.
 */
int vdisk_open_rw(const char *path, struct vdisk **ret, struct err *e) MUST_CHECK;

/*
 * A raw image behind @fd, which stays the caller's and must outlive the disk. It can be
 * written to if @fd can.
 */
int vdisk_open_fd(int fd, struct vdisk **ret, struct err *e) MUST_CHECK;

/* NULL is fine. */
void vdisk_close(struct vdisk *d);

/* Read exactly @len bytes at @off. E_CORRUPT when that is not all inside the disk. */
int vdisk_read(struct vdisk *d, uint64_t off, void *buf, size_t len, struct err *e)
	MUST_CHECK;

/*
 * Write exactly @len bytes at @off. A disk does not grow: E_OVERFLOW when that is not all
 * inside it. E_PERM: it was not opened for writing. E_NOSPC, E_IO.
 */
int vdisk_write(struct vdisk *d, uint64_t off, const void *buf, size_t len,
		struct err *e) MUST_CHECK;

/* Wait until everything that was written is on the medium. */
int vdisk_flush(struct vdisk *d, struct err *e) MUST_CHECK;

/*
 * The first part [*ret_start, *ret_end) at or behind @off that may hold anything but
 * zeros; both are the disk's size when there is none. To copy a disk without reading
 * its holes.
 */
int vdisk_data(struct vdisk *d, uint64_t off, uint64_t *ret_start, uint64_t *ret_end,
	       struct err *e) MUST_CHECK;

#endif
