/* SPDX-License-Identifier: MIT */
/*
 * Any file that a Mac may boot its kernel from, and the kexts in it under one struct: a
 * kernel alone, a prelinked kernel (fat or thin, compressed or not), a kernel collection;
 * the latter also inside an Image4 file.
 */
#ifndef IMAGES_KERNEL_FILE_H
#define IMAGES_KERNEL_FILE_H

#include "sim/formats/fileset/fileset.h"
#include "sim/formats/prelink/prelink.h"

#define KERNEL_FILE_MAX (256u << 20) /* bytes, as it lies on a disk */

enum kernel_kind {
	KERNEL_ALONE,	   /* nothing is linked into it */
	KERNEL_PRELINKED,  /* macOS up to 10.15 */
	KERNEL_COLLECTION, /* MH_FILESET */
};

struct kernel_file {
	enum kernel_kind kind;
	bool image4, fat;
	const struct prelink_comp_raw *comp; /* in the file; NULL: not compressed */
	const struct macho *m;		     /* of the whole, uncompressed */
	const struct macho *kernel;	     /* the kernel's; NULL: it has none */
	bool has_kcid;
	uint8_t kcid[UUID_LEN];
	char version[PRELINK_VERSION_MAX]; /* "Darwin Kernel Version ...", or "" */
	const struct kext_entry *kext;	   /* in the order of loading */
	size_t n_kexts;

	/* What the others point into. */
	struct buf plain; /* of a kernel alone */
	struct macho plain_macho;
	struct prelink prelink;
	struct fileset fileset;
};

/*
 * Open the @len bytes at @data, which have to outlive @k. @k needs no initialisation and
 * must not be moved; it holds nothing after an error. What prelink_open or fileset_open
 * give.
 */
int kernel_file_open(const void *data, size_t len, struct kernel_file *k,
		     struct err *e) MUST_CHECK;
void kernel_file_release(struct kernel_file *k);

/* Is it a collection, as far as the first bytes tell? */
bool kernel_file_is_collection(const void *data, size_t len);

/* NULL when there is none. */
const struct kext_entry *kernel_file_find(const struct kernel_file *k, const char *id);

/* Is the kernel in it one of kextlab's stand-ins, whatever was linked to it? */
bool kernel_file_is_stand_in(const struct kernel_file *k);

/* "prelinked kernel", "boot collection" ... */
const char *kernel_file_kind_text(const struct kernel_file *k);

/*
 * Append the Mach-O file of the kernel, or of @part, which has code, as a file of its
 * own. The kernel of a prelinked one is as it was before kexts were put in, but for the
 * addresses of the two empty segments. In parts of a collection pointers stay as they
 * are there: chained fixups of the collection.
 */
int kernel_file_kernel(const struct kernel_file *k, struct buf *out,
		       struct err *e) MUST_CHECK;
int kernel_file_part(const struct kernel_file *k, const struct kext_entry *part,
		     struct buf *out, struct err *e) MUST_CHECK;

#endif
