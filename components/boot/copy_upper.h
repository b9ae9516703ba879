/* SPDX-License-Identifier: MIT */
#ifndef COMPONENTS_BOOT_COPY_UPPER_H
#define COMPONENTS_BOOT_COPY_UPPER_H

#include <time.h>

#include "sim/base/err.h"

/*
 * Copy the upper layer of an overlay, as it is, to the new folder @to: files, folders,
 * links, devices (which say what is deleted) with owners, modes, times and all
 * attributes, the overlay's own included. Hard links stay one file.
 */
int copy_upper(const char *from, const char *to, struct err *e) MUST_CHECK;

/* When anything in it changed last, by the times of change of all that it holds. */
int newest_upper(const char *upper, struct timespec *ret, struct err *e) MUST_CHECK;

#endif
