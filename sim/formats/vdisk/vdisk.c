/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SEEK_DATA */
#include "sim/formats/vdisk/vdisk_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/ckd.h"
#include "sim/base/fsio.h"

struct raw_disk {
	struct vdisk base;
	int fd;
	bool own_fd;
};

static int raw_read(struct vdisk *d, uint64_t off, void *buf, size_t len, struct err *e)
{
	struct raw_disk *r = (struct raw_disk *)d;

	return fsio_pread_all(r->fd, buf, len, off, "disk image", e);
}

static void raw_close(struct vdisk *d)
{
	struct raw_disk *r = (struct raw_disk *)d;

	if (r->own_fd)
		close(r->fd);
	free(r);
}

static int raw_data(struct vdisk *d, uint64_t off, uint64_t *start, uint64_t *end,
		    struct err *e)
{
	struct raw_disk *r = (struct raw_disk *)d;
	off_t data = lseek(r->fd, (off_t)off, SEEK_DATA), hole;

	*start = *end = d->size;
	if (data < 0 && errno == ENXIO)
		return 0;
	hole = data < 0 ? -1 : lseek(r->fd, data, SEEK_HOLE);
	if (data >= 0 && hole < 0)
		return err_sys(e, "disk image");
	/* A file system that knows no holes, or a device: it may all be data. */
	*start = data < 0 ? off : (uint64_t)data;
	*end = hole < 0 || (uint64_t)hole > d->size ? d->size : (uint64_t)hole;
	return 0;
}

static int raw_write(struct vdisk *d, uint64_t off, const void *buf, size_t len,
		     struct err *e)
{
	struct raw_disk *r = (struct raw_disk *)d;

	return fsio_pwrite_all(r->fd, buf, len, off, "disk image", e);
}

static int raw_flush(struct vdisk *d, struct err *e)
{
	struct raw_disk *r = (struct raw_disk *)d;

	return fdatasync(r->fd) ? err_sys(e, "disk image") : 0;
}

static const struct vdisk_ops raw_ops = {
	.read = raw_read,
	.data = raw_data,
	.close = raw_close,
};
static const struct vdisk_ops raw_rw_ops = {
	.read = raw_read,
	.data = raw_data,
	.write = raw_write,
	.flush = raw_flush,
	.close = raw_close,
};

/* stat(2) says nothing of the size of a block device, which the guest reads from. */
static int raw_size(int fd, off_t *ret, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(e, "disk image");
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, E_INVAL, "disk image is not a regular file");
	*ret = S_ISBLK(st.st_mode) ? lseek(fd, 0, SEEK_END) : st.st_size;
	return *ret < 0 ? err_sys(e, "disk image") : 0;
}

int vdisk_grow(struct vdisk *d, uint64_t size, struct err *e)
{
	struct raw_disk *r = (struct raw_disk *)d;
	struct stat st;

	if (d->ops != &raw_rw_ops)
		return err_set(e, E_INVAL, "only raw files grow");
	if (fstat(r->fd, &st) != 0)
		return err_sys(e, "disk image");
	if (!S_ISREG(st.st_mode))
		return err_set(e, E_NOSPC, "a device cannot grow");
	if (ftruncate(r->fd, (off_t)size) != 0)
		return err_sys(e, "disk image");
	d->size = size;
	return 0;
}

static bool is_writable(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) == O_RDWR;
}

static int raw_new(int fd, bool own_fd, struct vdisk **ret, struct err *e)
{
	struct raw_disk *r;
	off_t size = 0;
	int err = raw_size(fd, &size, e);

	if (err)
		return err;
	r = malloc(sizeof(*r));
	if (!r)
		return err_set(e, E_NOMEM, "disk image: out of memory");
	*r = (struct raw_disk){
		.base = {.ops = is_writable(fd) ? &raw_rw_ops : &raw_ops,
			 .size = (uint64_t)size},
		.fd = fd,
		.own_fd = own_fd,
	};
	*ret = &r->base;
	return 0;
}

int vdisk_open_fd(int fd, struct vdisk **ret, struct err *e)
{
	return raw_new(fd, false, ret, e);
}

static bool is_qcow2(struct vdisk *d, struct err *e)
{
	uint8_t magic[4];

	return d->size >= sizeof(magic) && !vdisk_read(d, 0, magic, sizeof(magic), e) &&
	       !memcmp(magic, "QFI\xfb", sizeof(magic));
}

#define CONVERT "qemu-img convert -O raw makes one that can be read"
#define UNPACK	"it has to be unpacked first"

/* What people have, and what is to be done with it. Places below 0 count from the end. */
static const struct {
	const char *magic;
	int at;
	const char *kind, *advice;
} foreign[] = {
	{"KDMV", 0, "VMDK", CONVERT},
	{"conectix", 0, "VHD", CONVERT},
	{"vhdxfile", 0, "VHDX", CONVERT},
	{"\x7f\x10\xda\xbe", 64, "VDI", CONVERT},
	{"koly", -512, "Apple UDIF (.dmg)", CONVERT},
	{"\x1f\x8b\x08", 0, "gzip", UNPACK},
	{"\xfd"
	 "7zXZ",
	 0, "xz", UNPACK},
	{"\x28\xb5\x2f\xfd", 0, "Zstandard", UNPACK},
};

static int refuse_foreign(struct vdisk *d, struct err *e)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		size_t len = strlen(foreign[i].magic);
		uint64_t off = foreign[i].at < 0 ? d->size - (uint64_t)-foreign[i].at
						 : (uint64_t)foreign[i].at;
		uint8_t at[8];

		if (range_inside(off, len, d->size) &&
		    !vdisk_read(d, off, at, len, NULL) &&
		    !memcmp(at, foreign[i].magic, len))
			return err_set(e, E_UNSUPPORTED, "a file of type %s; %s",
				       foreign[i].kind, foreign[i].advice);
	}
	return 0;
}

/*
 * The bytes of an image file that QEMU locks: from 100 on it tells what it does, from 200
 * on what others may do (QEMU, block/file-posix.c). Whoever has all of them has the image
 * alone.
 */
#define QEMU_LOCKS	 100
#define QEMU_LOCKS_COUNT 200

static int lock_alone(int fd, struct err *e)
{
	struct flock all = {.l_type = F_WRLCK,
			    .l_whence = SEEK_SET,
			    .l_start = QEMU_LOCKS,
			    .l_len = QEMU_LOCKS_COUNT};

	/* Where there are no locks nobody else has one. */
	if (fcntl(fd, F_OFD_SETLK, &all) == 0 || (errno != EAGAIN && errno != EACCES))
		return 0;
	return err_set(e, E_BUSY, "another program has the image open");
}

int vdisk_open_as(const char *path, struct vdisk_how how, struct vdisk **ret,
		  struct err *e)
{
	struct vdisk *d = NULL;
	int fd, r;

	if (how.depth > VDISK_DEPTH_MAX)
		return err_set(e, E_CORRUPT, "%s: more than %d backing files", path,
			       VDISK_DEPTH_MAX);
	/* Not to hang on a fifo. */
	fd = open(path, (how.write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_sys(e, "%s", path);
	r = how.write ? lock_alone(fd, e) : 0;
	if (!r)
		r = raw_new(fd, true, &d, e);
	if (r) {
		close(fd);
		return err_ctx(e, "%s", path);
	}
	if (how.format == VDISK_QCOW2 ||
	    (how.format == VDISK_PROBE && is_qcow2(d, e))) {
		r = qcow2_open(d, path, how, ret, e);
		return r ? err_ctx(e, "%s", path) : 0;
	}
	r = how.format == VDISK_PROBE ? refuse_foreign(d, e) : 0;
	if (r) {
		vdisk_close(d);
		return err_ctx(e, "%s", path);
	}
	*ret = d;
	return 0;
}

int vdisk_open(const char *path, struct vdisk **ret, struct err *e)
{
	return vdisk_open_as(path, (struct vdisk_how){.format = VDISK_PROBE}, ret, e);
}

int vdisk_open_rw(const char *path, struct vdisk **ret, struct err *e)
{
	return vdisk_open_as(path, (struct vdisk_how){.format = VDISK_PROBE, .write = true},
			     ret, e);
}

void vdisk_close(struct vdisk *d)
{
	if (d)
		d->ops->close(d);
}

int vdisk_read(struct vdisk *d, uint64_t off, void *buf, size_t len, struct err *e)
{
	if (!range_inside(off, len, d->size))
		return err_set(e, E_CORRUPT,
			       "%zu bytes at %" PRIu64 " are beyond the disk's end at %" PRIu64,
			       len, off, d->size);
	return len ? d->ops->read(d, off, buf, len, e) : 0;
}

int vdisk_write(struct vdisk *d, uint64_t off, const void *buf, size_t len,
		struct err *e)
{
	if (!d->ops->write)
		return err_set(e, E_PERM, "the disk was not opened for writing");
	if (!range_inside(off, len, d->size))
		return err_set(e, E_OVERFLOW,
			       "%zu bytes at %" PRIu64 " are beyond the disk's end at %" PRIu64,
			       len, off, d->size);
	return len ? d->ops->write(d, off, buf, len, e) : 0;
}

int vdisk_flush(struct vdisk *d, struct err *e)
{
	return d->ops->flush ? d->ops->flush(d, e) : 0;
}

int vdisk_data(struct vdisk *d, uint64_t off, uint64_t *ret_start, uint64_t *ret_end,
	       struct err *e)
{
	if (off >= d->size) {
		*ret_start = *ret_end = d->size;
		return 0;
	}
	if (d->ops->data)
		return d->ops->data(d, off, ret_start, ret_end, e);
	*ret_start = off;
	*ret_end = d->size;
	return 0;
}
