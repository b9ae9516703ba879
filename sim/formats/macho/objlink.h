/* SPDX-License-Identifier: MIT */
/*
 * The static linker for kernel extensions, "ld -kext": merges the objects that clang
 * made (MH_OBJECT, all of one architecture) into an MH_KEXT_BUNDLE that keeps
 * relocations for what it does not define. LLVM's ld64.lld has no such mode.
 */
#ifndef SIM_FORMATS_MACHO_OBJLINK_H
#define SIM_FORMATS_MACHO_OBJLINK_H

#include "sim/base/buf.h"
#include "sim/formats/macho/macho.h"

#define OBJLINK_INPUTS_MAX 256

struct objlink_input {
	const char *name; /* for messages */
	const void *data; /* borrowed */
	size_t len;
};

/*
 * Append the bundle to @out. The same inputs give the same bytes; LC_UUID is made from
 * the content. E_EXISTS: duplicate symbol. E_UNSUPPORTED: common symbols, thread-local
 * variables, 32-bit objects, a mixture of architectures. E_CORRUPT: bad input.
 *
 * With @split the bundle has LC_SEGMENT_SPLIT_INFO, so that its segments can be placed
 * apart from each other, as in a kernel collection.
 */
int objlink_split(const struct objlink_input *in, size_t n, bool split, struct buf *out,
		  struct err *e) MUST_CHECK;
/* The same without it: segments stay together. */
int objlink(const struct objlink_input *in, size_t n, struct buf *out,
	    struct err *e) MUST_CHECK;

#endif
