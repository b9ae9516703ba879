/* SPDX-License-Identifier: MIT */
/*
 * An mkext of version 2: several kexts in one file, which is also the message by which
 * user space hands the kernel what it is to load (xnu libkern/libkern/mkext.h, IOKitUser
 * OSKext.c __OSKextCreateMkext, libkern OSKext.cpp readMkext2Archive).
 *
 * All numbers are big-endian. Behind the header come the executables, each with its size
 * in front, and at last a property list in the XML of IOCFSerialize: the information of
 * each kext with the place of its executable, and what is asked for.
 */
#ifndef SIM_FORMATS_MKEXT_MKEXT_H
#define SIM_FORMATS_MKEXT_MKEXT_H

#include <plist/plist.h>

#include "sim/base/buf.h"

#define MKEXT_MAX	(512u << 20)
#define MKEXT_KEXTS_MAX 8192

struct mkext_kext {
	plist_t info;		   /* Info.plist; borrowed */
	const char *bundle_path;   /* absolute; "" when missing */
	const char *exec_rel_path; /* "Contents/MacOS/X"; NULL without executable */
	const void *exec;	   /* NULL: none */
	size_t exec_len;
};

/*
 * Append the request to load the kext @id, with @kext[0..n) of which it is one or which
 * it needs. Nothing is compressed, as in every request to a kernel. E_OVERFLOW.
 */
int mkext_load_request(const char *id, const struct mkext_kext *kext, size_t n,
		       struct buf *out, struct err *e) MUST_CHECK;

/* Zero-initialise; release with mkext_release. */
struct mkext {
	plist_t plist; /* owned */
	struct mkext_kext *kext; /* of owned lists, and of the file */
	size_t n;
	const char *predicate; /* "Load"; "" when the file asks for nothing */
	const char *id;	       /* of what is to be loaded; "" for none */
};

/*
 * Read the archive @data, which has to outlive @m. E_CORRUPT with the offset or the kext,
 * E_UNSUPPORTED: another version or architecture, something compressed.
 */
int mkext_open(const void *data, size_t len, struct mkext *m, struct err *e) MUST_CHECK;
void mkext_release(struct mkext *m);

#endif
