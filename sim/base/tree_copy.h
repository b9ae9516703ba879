/* SPDX-License-Identifier: MIT */
#ifndef SIM_BASE_TREE_COPY_H
#define SIM_BASE_TREE_COPY_H

#include "sim/base/err.h"

/*
 * Copy the folder @from, as it is, to the new folder @to: files, folders, links, devices
 * with owners, modes, times and all extended attributes but the one called @but (NULL:
 * none). Links are not followed; hard links stay one file. What was copied before an
 * error stays. Not for two threads at a time.
 */
int tree_copy(const char *from, const char *to, const char *but, struct err *e) MUST_CHECK;

#endif
