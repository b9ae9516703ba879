/* SPDX-License-Identifier: MIT */
/* A collection at work, shared by the files of the builder. */
#ifndef SIM_FORMATS_FILESET_BUILD_INTERNAL_H
#define SIM_FORMATS_FILESET_BUILD_INTERNAL_H

#include "sim/formats/fileset/build.h"
#include "sim/formats/kext/link_deps.h"
#include "sim/formats/macho/write.h"

#define FB_ALIGN 0x4000u /* of segments of the collection, in file and memory */

/* Segments of the collection, in their order. Those of __REGION kexts come after them,
 * __LINKEDIT is the last. */
enum fb_fixed {
	FB_HEADER,
	FB_PRELINK_TEXT,
	FB_DATA_CONST,
	FB_TEXT_EXEC,
	FB_PRELINK_INFO,
	FB_DATA,
	FB_N_FIXED,
};

struct fb_region {
	char name[17];
	uint32_t prot;
	bool always; /* there even when it is empty */
	uint64_t size, vmaddr, fileoff;
	bool used;
};

/* The kernel, or a kext of the request. */
struct fb_unit {
	const char *id;
	const struct kext_input *k; /* NULL: the kernel */
	const struct fileset *home; /* that it is in already, or NULL */
	bool interface, here;	    /* here: has code that goes into this collection */
	struct kxld_layout layout;
	unsigned region[MACHO_SEGS_MAX]; /* of each segment */
	uint64_t in_region[MACHO_SEGS_MAX];
	uint64_t addr[MACHO_SEGS_MAX]; /* of each segment */
	struct kxld_image img;
	struct macho m; /* of img, of the interface's file, or of the entry elsewhere */
	bool open;
	bool own_fixups; /* has a table of its own, not a part of the collection's */
	struct kxld_exports exports;
	/* its part of __LINKEDIT */
	uint64_t link_off, link_size;
};

struct fb {
	const struct fileset_request *rq;
	struct fb_unit *unit; /* the kernel first, if there is one */
	size_t n_units, first_kext;
	const struct kxld_exports **exports; /* of each kext; NULL: has no executable */
	uint64_t bases[FIXUPS_LEVELS];	     /* of the collections there are, by level */
	struct fb_region region[MACHO_SEGS_MAX];
	unsigned n_regions; /* with __LINKEDIT, the last */
	uint64_t base;
	struct buf info;     /* __PRELINK_INFO's text */
	struct buf linkedit; /* what goes there, from its start */
	struct buf file;
	uint32_t fixups_off, fixups_size; /* in linkedit; size 0: none at the top */
	uint8_t kcid[UUID_LEN];
};

static inline uint64_t fb_align(uint64_t v, uint64_t to)
{
	return (v + to - 1) & ~(to - 1);
}
static inline struct fb_region *fb_linkedit(struct fb *b)
{
	return &b->region[b->n_regions - 1];
}
/* layout.c: which segment goes where. */
int fb_assign_regions(struct fb *b, struct err *e) MUST_CHECK;
int fb_assign_addresses(struct fb *b, struct err *e) MUST_CHECK;
/* The size of the collection's own load commands, header included. */
uint64_t fb_header_size(const struct fb *b);

/* info.c: the text of __PRELINK_INFO into b->info, whose length does not depend on
 * addresses: fb_info_size can be asked before they are known. */
int fb_info_write(struct fb *b, struct err *e) MUST_CHECK;
int fb_info_size(struct fb *b, uint64_t *ret, struct err *e) MUST_CHECK;

/* compose.c: the linked units into b->file. */
int fb_compose(struct fb *b, struct err *e) MUST_CHECK;
/* compose_fixups.c: chains in b->file, tables in b->linkedit. */
int fb_fixups(struct fb *b, struct err *e) MUST_CHECK;
/* compose_header.c */
int fb_put_header(struct fb *b, struct err *e) MUST_CHECK;

#endif
