/* SPDX-License-Identifier: MIT */
/*
 * The signed root hash of a system, an Image4 file on Preboot: of an Apple silicon Mac
 * /<group>/boot/<nsih>/usr/standalone/firmware/root_hash.img4, of an Intel one
 * /<group>/usr/standalone/OS.dmg.root_hash with its manifest beside it or in it.
 */
#ifndef IMAGES_SEAL_SIGNATURE_H
#define IMAGES_SEAL_SIGNATURE_H

#include "images/seal_place.h"
#include "sim/formats/image4/img4_verify.h"

#define SEAL_SIGNATURE_MAX (1u << 20) /* bytes of the file */

struct seal_signature {
	bool found;			/* a file; nothing else is set without one */
	char path[1024];		/* on Preboot */
	char manifest_path[1024];	/* the same, or of the file with the manifest */
	struct buf file, manifest_file; /* owned; the second one may be empty */
	bool readable;			/* the payload is a root hash */
	uint8_t hash[APFS_SEAL_HASH_LEN];
	bool has_manifest;
	bool checked;		 /* against an anchor; else .result is of no meaning */
	enum img4_result result; /* of manifest and digest */
	char why[256];		 /* what is wrong; "" */
};

/*
 * Find the signed root hash of the volume @p. @anchor: certificate (DER) of the root that
 * manifests have to lead to; empty: the signature is not judged. Whatever is wrong with
 * the file is said in *ret, which the caller releases. E_CORRUPT, E_IO: Preboot cannot be
 * read.
 */
int seal_signature_find(struct seal_place *p, struct span anchor,
			struct seal_signature *ret, struct err *e) MUST_CHECK;
void seal_signature_release(struct seal_signature *s);

#endif
