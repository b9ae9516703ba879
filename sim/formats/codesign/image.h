/* SPDX-License-Identifier: MIT */
/*
 * Where the signature is in an executable: one for each slice, of whatever processor. The
 * linker's reader (macho.h) knows 64-bit files of two processors; a signature covers the
 * others as well. (libsecurity_utilities macho++.cpp)
 */
#ifndef SIM_FORMATS_CODESIGN_IMAGE_H
#define SIM_FORMATS_CODESIGN_IMAGE_H

#include <stdbool.h>

#include "sim/base/span.h"

#define CS_IMAGES_MAX 16

struct cs_image {
	struct span bytes; /* the slice, borrowed */
	size_t off;	   /* of it in the file */
	uint32_t cputype, cpusubtype, filetype, align; /* align: log2, from a fat header */
	bool is64, big_endian;
	size_t cmds_end;      /* behind the last load command */
	size_t contents;      /* lowest offset of anything behind them */
	size_t sig_cmd;	      /* LC_CODE_SIGNATURE; 0: none */
	uint32_t sig_off, sig_len;
	size_t linkedit_cmd;  /* of segment __LINKEDIT; 0: none */
	uint64_t linkedit_off;
	uint32_t platform, min_version; /* 0: not said */
	bool ends_well;	/* __LINKEDIT, or without it the strings, end where the slice does */
};

struct cs_images {
	struct cs_image item[CS_IMAGES_MAX];
	size_t n;
	bool fat;
	bool suspicious; /* something unsigned between or behind the slices, or ends_well is
			    false for one */
};

/*
 * Read all slices of @file. E_UNSUPPORTED: no Mach-O file; E_CORRUPT names the offset.
 */
int cs_images_open(struct span file, struct cs_images *ret, struct err *e) MUST_CHECK;

/* The one for 64-bit Intel, else the first: which speaks for the code. */
const struct cs_image *cs_images_main(const struct cs_images *all);
/* "x86_64", "i386"; "unknown" */
const char *cs_image_arch(const struct cs_image *im);

/* How much of the slice its pages cover: all in front of the signature. */
size_t cs_image_extent(const struct cs_image *im);
/* The signature; p is NULL when there is none. */
struct span cs_image_signature(const struct cs_image *im);

/*
 * Append the slice with room for a signature of @sig_len bytes (zero yet) at *ret_off of
 * it; one that it has is dropped. E_UNSUPPORTED: there is no room for the load command, or
 * no __LINKEDIT; big-endian. (What codesign_allocate does.)
 */
int cs_image_make_room(const struct cs_image *im, size_t sig_len, struct buf *out,
		       size_t *ret_off, struct err *e) MUST_CHECK;

/* Append a file of the slices @slice (as many as @all has), fat if @all is. */
int cs_images_join(const struct cs_images *all, const struct buf *slice, struct buf *out,
		   struct err *e) MUST_CHECK;

#endif
