/* SPDX-License-Identifier: MIT */
/* Shared by the files of the reader. */
#ifndef SIM_FORMATS_FILESET_INTERNAL_H
#define SIM_FORMATS_FILESET_INTERNAL_H

#include "sim/formats/fileset/fileset.h"

/*
 * Match the entries of @f with its property lists, fill in what is known from the
 * entries, and check that all of it holds together.
 */
int fileset_check(struct fileset *f, struct err *e) MUST_CHECK;

/* The part of it that compares the segments of all entries. */
int fileset_check_overlap(const struct fileset *f, struct err *e) MUST_CHECK;

#endif
