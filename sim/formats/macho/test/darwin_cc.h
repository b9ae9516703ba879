/* SPDX-License-Identifier: MIT */
/* For tests: compile and link for Darwin. Needs clang. */
#ifndef SIM_FORMATS_MACHO_TEST_DARWIN_CC_H
#define SIM_FORMATS_MACHO_TEST_DARWIN_CC_H

#include <stdbool.h>

#include "sim/base/buf.h"

/* Is there a clang that makes Mach-O objects? */
bool darwin_cc_works(void);

/*
 * Compile @source ("c" or "s" code, by @lang) or, if @lang is NULL, the file @source of
 * the source tree, with @flags. Fails the test when that does not work.
 */
void darwin_cc(const char *lang, const char *source, const char *flags, struct buf *obj);

/* The same, then objlink of the one object. */
void darwin_kext(const char *lang, const char *source, const char *flags,
		 struct buf *kext);

/* Write @b to a file of the temporary folder; its path, valid until the next call. */
const char *darwin_file(const char *name, const struct buf *b);

#endif
