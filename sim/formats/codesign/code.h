/* SPDX-License-Identifier: MIT */
/*
 * Code on disk: a bundle with a Mach-O executable, a bundle without one (whose signature
 * is then in files of its own), or a Mach-O file alone. (bundlediskrep.cpp, machorep.cpp)
 */
#ifndef SIM_FORMATS_CODESIGN_CODE_H
#define SIM_FORMATS_CODESIGN_CODE_H

#include <limits.h>

#include <plist/plist.h>

#include "sim/formats/codesign/blob.h"
#include "sim/formats/codesign/image.h"

#define CS_META_FOLDER	"_CodeSignature"
#define CS_INFO_MAX	(4u << 20)
#define CS_EXECUTABLE_MAX (256u << 20)
#define CS_RESOURCES_FILE "CodeResources"

struct cs_code {
	char path[PATH_MAX];	   /* as given, no slash at its end */
	char base[PATH_MAX];	   /* what sealed paths count from; "" for a file alone */
	char executable[PATH_MAX]; /* Mach-O file; "" when the bundle has none */
	char info_path[PATH_MAX];
	bool has_contents;	 /* base is the folder Contents */
	bool has_resources;	 /* rules are those for a folder Resources */
	struct buf info;	 /* Info.plist to the byte; empty for a file alone */
	plist_t info_dict;	 /* the same; NULL when it is no property list */
	struct buf exec;	 /* the executable to the byte */
	struct cs_images images; /* of exec; n is 0 without one */
};

/*
 * Read what is at @path. *ret_status is CS_OK or an enum cs_status: nothing is there, no
 * bundle, or an executable that is no Mach-O file, with the reason in @e; release it in
 * any case. Errors: E_NOMEM, E_IO, E_OVERFLOW.
 */
int cs_code_open(const char *path, struct cs_code *ret, int *ret_status,
		 struct err *e) MUST_CHECK;
void cs_code_release(struct cs_code *c);

/* The files of _CodeSignature in which parts of a signature may be. */
struct cs_meta {
	uint32_t slot; /* enum cs_slot */
	const char *name;
};
/* Ends with a NULL name. */
extern const struct cs_meta cs_meta_files[];
const char *cs_meta_name(uint32_t slot); /* NULL: none */

/*
 * The parts of one signature: those in the super blob of @image, or for what has none in
 * it, in files. Zero-initialise; release.
 */
struct cs_parts {
	struct cs_super super; /* n is 0: nothing embedded */
	struct buf file[16];   /* by index in cs_meta_files */
	bool from_files;
};
/*
 * *ret_status as above: CS_SIGNATURE_INVALID when the super blob is damaged. @image is NULL
 * for a bundle without executable.
 */
int cs_parts_open(const struct cs_code *c, const struct cs_image *image,
		  struct cs_parts *ret, int *ret_status, struct err *e) MUST_CHECK;
void cs_parts_release(struct cs_parts *p);

/* Part @slot; p is NULL when there is none. Info.plist is that of the bundle. */
struct span cs_part(const struct cs_code *c, const struct cs_parts *p, uint32_t slot);

/* The bytes that pages cover: the slice, or Info.plist where there is no executable. */
struct span cs_code_pages(const struct cs_code *c, const struct cs_image *image);

#endif
