/* SPDX-License-Identifier: MIT */
#ifndef IMAGES_SPARSE_H
#define IMAGES_SPARSE_H

#include "sim/base/err.h"

/* Copy the file @from to the new file @to; holes stay holes. */
int sparse_copy(const char *from, const char *to, struct err *e) MUST_CHECK;

#endif
