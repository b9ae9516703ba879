/* SPDX-License-Identifier: MIT */
/*
 * The carrier's initramfs: written here as a newc cpio archive (Linux,
 * Documentation/driver-api/early-userspace/buffer-format.rst), without root and with
 * the same bytes for the same content.
 */
#ifndef SIM_CARRIER_INITRAMFS_H
#define SIM_CARRIER_INITRAMFS_H

#include <stddef.h>
#include <sys/types.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

/* One file. Folders above it are made with mode 0755. */
struct initramfs_file {
	const char *path;      /* in the guest, absolute */
	mode_t mode;           /* permissions, and S_IFDIR, S_IFCHR or S_IFLNK */
	const char *host_path; /* content; for S_IFLNK the target; NULL: empty */
	dev_t rdev;            /* for S_IFCHR */
};

/*
 * Append the archive of @files to @out. Order in the archive is by path; a path twice is
 * E_EXISTS.
 */
int initramfs_build(const struct initramfs_file *files, size_t n, struct buf *out,
		    struct err *e) MUST_CHECK;

/* The carrier, ready to be started. */
struct carrier {
	char version[128];       /* of the kernel: 6.1.0-56-amd64 */
	char kernel[4096];       /* host path of vmlinux */
	char initramfs[4096];    /* host path */
	char key[65];            /* hash of kernel and initramfs, hexadecimal */
};

struct carrier_options {
	const char *cache_dir; /* build/cache: carrier/current, carrier/initramfs/ */
	const char *guest_dir; /* build/guest: has init, boot, apfs */
	const char *boot;      /* program for /sbin/boot; NULL: <guest_dir>/boot */
	const struct initramfs_file *extra; /* files to add; tests */
	size_t n_extra;
};

/*
 * Collect init, boot, apfs, modules and libraries into an initramfs below the cache folder,
 * unless the same one is there already. Safe against other runs at the same time.
 * E_NOTFOUND with advice when `make deps` or the build was not done.
 */
int carrier_prepare(const struct carrier_options *o, struct carrier *c, struct err *e)
	MUST_CHECK;

#endif
