/* SPDX-License-Identifier: MIT */
/*
 * Code requirements: expressions over who signed and what the code says of itself, stored
 * in prefix form. (requirement.h, reqinterp.cpp, reqmaker.cpp, reqdumper.cpp and the
 * grammar in requirements.grammar of libsecurity_codesigning)
 */
#ifndef SIM_FORMATS_CODESIGN_REQ_H
#define SIM_FORMATS_CODESIGN_REQ_H

#include <stdbool.h>

#include <plist/plist.h>

#include "sim/formats/codesign/chain.h"
#include "sim/formats/codesign/raw.h"

#define CS_REQ_MAX   65536u /* bytes of one requirement, and of its text */
#define CS_REQ_DEPTH 100    /* expressions inside each other */

enum cs_req_op {
	CS_OP_FALSE = 0,
	CS_OP_TRUE = 1,
	CS_OP_IDENT = 2,
	CS_OP_APPLE_ANCHOR = 3,
	CS_OP_ANCHOR_HASH = 4,
	CS_OP_INFO_KEY_VALUE = 5,
	CS_OP_AND = 6,
	CS_OP_OR = 7,
	CS_OP_CDHASH = 8,
	CS_OP_NOT = 9,
	CS_OP_INFO_KEY_FIELD = 10,
	CS_OP_CERT_FIELD = 11,
	CS_OP_TRUSTED_CERT = 12,
	CS_OP_TRUSTED_CERTS = 13,
	CS_OP_CERT_GENERIC = 14,
	CS_OP_APPLE_GENERIC_ANCHOR = 15,
	CS_OP_ENTITLEMENT_FIELD = 16,
	CS_OP_CERT_POLICY = 17,
	CS_OP_NAMED_ANCHOR = 18,
	CS_OP_NAMED_CODE = 19,
	CS_OP_PLATFORM = 20,
	CS_OP_NOTARIZED = 21,
	CS_OP_COUNT
};
/* Of an operation that is not known, with a size to skip it by. */
#define CS_OP_GENERIC_FALSE 0x80000000u
#define CS_OP_GENERIC_SKIP  0x40000000u
#define CS_OP_FLAGS	    0xff000000u

enum cs_req_match {
	CS_MATCH_EXISTS = 0,
	CS_MATCH_EQUAL = 1,
	CS_MATCH_CONTAINS = 2,
	CS_MATCH_BEGINS_WITH = 3,
	CS_MATCH_ENDS_WITH = 4,
	CS_MATCH_LESS = 5,
	CS_MATCH_GREATER = 6,
	CS_MATCH_LESS_EQUAL = 7,
	CS_MATCH_GREATER_EQUAL = 8,
	CS_MATCH_ABSENT = 14,
	CS_MATCH_COUNT
};

/* What is asked about. All borrowed. */
struct cs_req_context {
	const struct cs_chain *chain;
	const struct cs_anchors *anchors;
	plist_t info, entitlements; /* dictionaries; NULL: none */
	const char *ident;
	uint8_t cdhash[CS_CDHASH_LEN];
	uint8_t platform;
	bool notarized;
};

/*
 * Does @ctx fulfil the requirement @blob? E_CORRUPT: no requirement, too deep, an operand
 * outside of it (the message has the offset); E_UNSUPPORTED: an operation that is not
 * known and cannot be skipped.
 */
int cs_req_eval(struct span blob, const struct cs_req_context *ctx, bool *ret,
		struct err *e) MUST_CHECK;

/* Append the requirement @blob as text, in the words of codesign and csreq. */
int cs_req_text(struct span blob, struct buf *out, struct err *e) MUST_CHECK;

/*
 * Append the requirement that @text says. E_INVAL names the column. Known: identifier,
 * anchor, certificate with subject, field and policy, info, entitlement, cdhash, platform,
 * notarized, always, never, and, or, !, parentheses; all comparisons but those of times.
 */
int cs_req_parse(const char *text, struct buf *out, struct err *e) MUST_CHECK;

/*
 * Append the designated requirement that codesign makes for code of @ident signed by
 * @chain (drmaker.cpp): the vendor's own code, Developer ID with its team, or any other
 * authority by the hash of its certificate.
 */
int cs_req_designated(const char *ident, const struct cs_chain *chain,
		      const struct cs_anchors *anchors, struct buf *out,
		      struct err *e) MUST_CHECK;

/* Are these certificates of a kind whose leaf names its team in OU? */
bool cs_chain_names_team(const struct cs_chain *chain, const struct cs_anchors *anchors);

/* The OIDs in requirements are contents without tag and length. E_INVAL. */
int cs_oid_from_text(const char *text, struct buf *out, struct err *e) MUST_CHECK;
int cs_oid_to_text(struct span oid, struct buf *out, struct err *e) MUST_CHECK;

#endif
