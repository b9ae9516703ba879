/* SPDX-License-Identifier: MIT */
/* Files of the host or guest, whole, with errors that name the path. */
#ifndef SIM_BASE_FSIO_H
#define SIM_BASE_FSIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

/* Append the whole file @path to @out. E_OVERFLOW if it is larger than @max bytes. */
int fsio_read(const char *path, size_t max, struct buf *out, struct err *e) MUST_CHECK;

/*
 * Write @path whole or not at all: a temporary file beside it, fsync, rename.
 * An existing file is replaced only when everything was written.
 */
int fsio_write_atomic(const char *path, const void *data, size_t len, mode_t mode,
		      struct err *e) MUST_CHECK;

/* mkdir -p with @mode for what is made. */
int fsio_mkdirs(const char *path, mode_t mode, struct err *e) MUST_CHECK;

/* rm -rf of @path; a path that does not exist is fine. Does not follow links. */
int fsio_remove_tree(const char *path, struct err *e) MUST_CHECK;

/* Write all of @len bytes to @fd; EINTR and short writes are dealt with. @what names it. */
int fsio_write_all(int fd, const void *data, size_t len, const char *what, struct err *e)
	MUST_CHECK;

/* pread of exactly @len bytes; a short file is E_CORRUPT. @what names it. */
int fsio_pread_all(int fd, void *data, size_t len, uint64_t off, const char *what,
		   struct err *e) MUST_CHECK;
int fsio_pwrite_all(int fd, const void *data, size_t len, uint64_t off, const char *what,
		    struct err *e) MUST_CHECK;

bool fsio_exists(const char *path);

/*
 * How much of @path names @folder, when it lies at or below it; else 0. Slashes at the end
 * of @folder do not count; below "/" nothing lies.
 */
size_t fsio_below(const char *path, const char *folder);

/* "a/b" from "a" and "b" into @out of @size bytes. E_OVERFLOW when it does not fit. */
int fsio_join(char *out, size_t size, const char *a, const char *b, struct err *e)
	MUST_CHECK;

#endif
