/* SPDX-License-Identifier: MIT */
/*
 * A system that a user brings: a folder with System/Library/Kernels/kernel and
 * System/Library/Extensions of a real Mac, which take the place of the stand-ins for them
 * (docs/own-system.md). Nothing of it is changed, and nothing else of it is used.
 */
#ifndef IMAGES_OWN_SYSTEM_H
#define IMAGES_OWN_SYSTEM_H

#include "images/disk.h"
#include "sim/base/buf.h"
#include "sim/base/idtext.h"
#include "sim/formats/fstree/fstree.h"
#include "sim/formats/prelink/prelink.h"
#include "sim/platform/kernel_banner.h"

/* How such a folder is made, on the Mac: for messages. */
#define OWN_SYSTEM_COPY                                                                  \
	"on the Mac: COPYFILE_DISABLE=1 tar -C / -cf system.tar "                        \
	"System/Library/Kernels/kernel System/Library/Extensions"

struct own_system {
	char dir[IMAGE_PATH_MAX]; /* resolved, as the others */
	char kernel_path[IMAGE_PATH_MAX], extensions[IMAGE_PATH_MAX];
	struct buf kernel;		   /* its Mach-O for x86_64, thin */
	char version[PRELINK_VERSION_MAX]; /* "Darwin Kernel Version ..." */
	struct kernel_banner banner;	   /* what that says */
	bool stand_in;			   /* a kernel of kextlab that was copied */
};

/*
 * Look into the folder @dir: is all there, and can a kernel be made of it? Release @ret
 * with own_system_release, also after an error. E_NOTFOUND: something is missing, and how
 * to copy it; E_UNSUPPORTED, E_CORRUPT: it is no kernel of an Intel Mac.
 */
int own_system_open(const char *dir, struct own_system *ret, struct err *e) MUST_CHECK;
void own_system_release(struct own_system *s);

/*
 * Can a Mac with @r have it? Its kernel need not be that of @r, but of the same Darwin,
 * and
 * @r has to start from a prelinked kernel. E_UNSUPPORTED says what does not fit.
 */
int own_system_fits(const struct own_system *s, const struct release *r,
		    struct err *e) MUST_CHECK;

/*
 * Append where kernel and kexts of a Mac with @r are from, for people and in one line: "a
 * stand-in of kextlab", when @s is NULL, or the folder, with what does not fit.
 */
int own_system_text(const struct own_system *s, const struct release *r, struct buf *out,
		    struct err *e) MUST_CHECK;

/*
 * Put the extensions at @path of @t as an installer leaves them, whoever copied them:
 * root:wheel, folders and programs 0755, other files 0644. Files of AppleDouble ("._x"),
 * in which a copy keeps what a Mac has in attributes, are left out. Content is read when
 * it is needed. E_NOSPC: more than @room bytes.
 */
int own_system_import(const struct own_system *s, struct fs_tree *t, const char *path,
		      uint64_t room, struct err *e) MUST_CHECK;

/*
 * Append the certificate of Apple's root, as DER, if the signature of one of the
 * extensions has it. It is known by its hash, which is one of @hash[@n]; n 0: Apple's
 * own. Nothing is appended when there is none.
 */
#define OWN_SYSTEM_HASH_LEN 32
int own_system_root(const struct own_system *s,
		    const uint8_t (*hash)[OWN_SYSTEM_HASH_LEN], size_t n, struct buf *out,
		    struct err *e) MUST_CHECK;

#endif
