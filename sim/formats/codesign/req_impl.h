/* SPDX-License-Identifier: MIT */
/* Shared by the files that read and write requirements. */
#ifndef SIM_FORMATS_CODESIGN_REQ_IMPL_H
#define SIM_FORMATS_CODESIGN_REQ_IMPL_H

#include "sim/formats/codesign/req.h"

/* ---- reading (req_read.c) ---- */

/* Where one is in an expression. */
struct cs_req_reader {
	struct span blob;
	size_t at;
};

/* Check the header of @blob and stand behind it. E_CORRUPT, E_UNSUPPORTED (its kind). */
int cs_req_begin(struct span blob, struct cs_req_reader *r, struct err *e) MUST_CHECK;
int cs_req_get32(struct cs_req_reader *r, uint32_t *ret, struct err *e) MUST_CHECK;
/* A length, that many bytes, padding to four. */
int cs_req_get_data(struct cs_req_reader *r, struct span *ret, struct err *e) MUST_CHECK;
int cs_req_skip(struct cs_req_reader *r, size_t len, struct err *e) MUST_CHECK;
/* E_CORRUPT when @depth is too deep. */
int cs_req_check_depth(const struct cs_req_reader *r, unsigned depth,
		       struct err *e) MUST_CHECK;

/* A comparison. @value is empty for those without one. */
struct cs_req_test {
	uint32_t match; /* enum cs_req_match, or a number that is not known */
	struct span value;
};
int cs_req_get_test(struct cs_req_reader *r, struct cs_req_test *ret,
		    struct err *e) MUST_CHECK;

/* ---- comparing (req_match.c) ---- */

bool cs_req_test_absent(const struct cs_req_test *t);
bool cs_req_test_string(const struct cs_req_test *t, struct span s);
/* A flag, or another thing that is there and no string: it can only exist. */
bool cs_req_test_flag(const struct cs_req_test *t, bool on);
/* Of an array: does one of its items pass? */
bool cs_req_test_plist(const struct cs_req_test *t, plist_t node);

/* ---- names of subject components ("subject.CN") ---- */

/* NID_undef when the name is not known. */
int cs_req_subject_nid(struct span name);

/* ---- writing (req_build.c) ---- */

/* Append a requirement's header; its length is set by cs_req_put_end. */
int cs_req_put_begin(struct buf *out, struct err *e) MUST_CHECK;
void cs_req_put_end(struct buf *out, size_t start);
int cs_req_put32(struct buf *out, uint32_t v, struct err *e) MUST_CHECK;
int cs_req_put_data(struct buf *out, struct span data, struct err *e) MUST_CHECK;
int cs_req_put_string(struct buf *out, const char *s, struct err *e) MUST_CHECK;

#endif
