/* SPDX-License-Identifier: MIT */
/* Walking over a requirement's operations and operands. */
#include "sim/base/ckd.h"
#include "sim/formats/codesign/blob.h"
#include "sim/formats/codesign/req_impl.h"

int cs_req_begin(struct span blob, struct cs_req_reader *r, struct err *e)
{
	struct cs_req_reader at = {.at = sizeof(struct cs_req_raw)};
	int rc = cs_blob_open(blob, CS_MAGIC_REQUIREMENT, &at.blob, e);

	if (rc)
		return rc;
	if (at.blob.len < sizeof(struct cs_req_raw) || at.blob.len > CS_REQ_MAX)
		return err_set(e, E_CORRUPT, "a requirement of %zu bytes", at.blob.len);
	if (get_be32(at.blob.p + 8) != CS_REQ_EXPRESSION)
		return err_set(e, E_UNSUPPORTED, "a requirement of kind %u",
			       get_be32(at.blob.p + 8));
	*r = at;
	return 0;
}

int cs_req_skip(struct cs_req_reader *r, size_t len, struct err *e)
{
	if (!range_inside(r->at, len, r->blob.len))
		return err_set(e, E_CORRUPT, "offset 0x%zx: %zu bytes lie outside",
			       r->at, len);
	r->at += len;
	return 0;
}

int cs_req_get32(struct cs_req_reader *r, uint32_t *ret, struct err *e)
{
	size_t at = r->at;
	int rc = cs_req_skip(r, 4, e);

	if (!rc)
		*ret = get_be32(r->blob.p + at);
	return rc;
}

int cs_req_get_data(struct cs_req_reader *r, struct span *ret, struct err *e)
{
	uint32_t len = 0;
	uint64_t padded;
	int rc = cs_req_get32(r, &len, e);
	size_t at = r->at;

	if (rc)
		return rc;
	if (ckd_round_up(&padded, len, 4) || cs_req_skip(r, padded, e))
		return err_set(e, E_CORRUPT, "offset 0x%zx: %u bytes lie outside", at,
			       len);
	*ret = (struct span){r->blob.p + at, len};
	return 0;
}

int cs_req_check_depth(const struct cs_req_reader *r, unsigned depth, struct err *e)
{
	if (depth < CS_REQ_DEPTH)
		return 0;
	return err_set(e, E_CORRUPT,
		       "offset 0x%zx: more than %d expressions inside each other", r->at,
		       CS_REQ_DEPTH);
}

int cs_req_get_test(struct cs_req_reader *r, struct cs_req_test *ret, struct err *e)
{
	int rc = cs_req_get32(r, &ret->match, e);

	ret->value = (struct span){NULL, 0};
	if (rc || ret->match == CS_MATCH_EXISTS || ret->match == CS_MATCH_ABSENT)
		return rc;
	/* Times are a number of eight bytes; all else, known or not, is a string. */
	if (ret->match > CS_MATCH_GREATER_EQUAL && ret->match < CS_MATCH_ABSENT)
		return cs_req_skip(r, 8, e);
	return cs_req_get_data(r, &ret->value, e);
}
