/* SPDX-License-Identifier: MIT */
/* Shared by the files that verify. */
#ifndef SIM_FORMATS_CODESIGN_VERIFY_IMPL_H
#define SIM_FORMATS_CODESIGN_VERIFY_IMPL_H

#include "sim/formats/codesign/codesign.h"

/* What steps return when the verdict is in v->ret; negative: an error in v->e. */
#define CS_VERDICT 1

struct cs_verify {
	const struct cs_code *code;
	const struct codesign_check *how;
	struct codesign_result *ret;
	struct err *e;
	unsigned depth;
	bool from_files; /* the signature is in files of _CodeSignature */
	bool covers_all; /* of all slices: the pages end where the signature begins */
};

/* Set the verdict: @status, with @where and what v->e says as the reason. */
int cs_refuse(struct cs_verify *v, int status, const char *where);

/*
 * The code directories of one signature. *ret_status: CS_OK, CS_UNSIGNED, or what is wrong
 * with them.
 */
int cs_gather_codedirs(struct cs_verify *v, const struct cs_parts *parts,
		       struct cs_codedirs *all, int *ret_status) MUST_CHECK;

/* Does @part fit its hash in @d? */
int cs_check_slot(struct cs_verify *v, const struct cs_codedir *d, unsigned slot,
		  struct span part) MUST_CHECK;

/* One slice, or the bundle without executable: signature, parts, pages, requirement. */
int cs_verify_image(struct cs_verify *v, const struct cs_image *image,
		    bool is_main) MUST_CHECK;

#endif
