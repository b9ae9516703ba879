/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* qsort_r */

#include "sim/formats/apfs/records.h"

#include <stdlib.h>
#include <string.h>

void apfs_records_release(struct apfs_records *r)
{
	free(r->v);
	buf_release(&r->bytes);
	*r = (struct apfs_records){.v = NULL};
}

static int grow(struct apfs_records *rs, struct err *e)
{
	size_t cap = rs->cap ? rs->cap * 2 : 256;
	struct apfs_record *v;

	if (rs->n < rs->cap)
		return 0;
	v = reallocarray(rs->v, cap, sizeof(*v));
	if (!v)
		return err_set(e, E_NOMEM, "out of memory for file-system records");
	rs->v = v;
	rs->cap = cap;
	return 0;
}

int apfs_records_add(struct apfs_records *rs, const struct apfs_record *r,
		     const void *tail, size_t tail_len, const void *val, size_t val_len,
		     struct err *e)
{
	struct apfs_j_key hdr = {
		to_le64(r->id | (uint64_t)r->type << APFS_REC_TYPE_SHIFT)};
	size_t at = rs->bytes.len;
	int rc = grow(rs, e);

	if (rc == 0)
		rc = buf_append(&rs->bytes, &hdr, sizeof(hdr), e);
	if (rc == 0)
		rc = buf_append(&rs->bytes, tail, tail_len, e);
	if (rc == 0)
		rc = buf_append(&rs->bytes, val, val_len, e);
	if (rc != 0)
		return rc;
	struct apfs_record *n = &rs->v[rs->n++];

	*n = *r;
	n->at = at;
	n->key_len = (uint16_t)(sizeof(hdr) + tail_len);
	n->val_len = (uint16_t)val_len;
	return 0;
}

const uint8_t *apfs_record_key(const struct apfs_records *rs, const struct apfs_record *r)
{
	return rs->bytes.data + r->at;
}

const uint8_t *apfs_record_val(const struct apfs_records *rs, const struct apfs_record *r)
{
	return rs->bytes.data + r->at + r->key_len;
}

const char *apfs_record_name(const struct apfs_records *rs, const struct apfs_record *r)
{
	return (const char *)apfs_record_key(rs, r) + r->name_at;
}

static int compare(const void *pa, const void *pb, void *records)
{
	const struct apfs_record *a = pa, *b = pb;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->num != b->num)
		return a->num < b->num ? -1 : 1;
	if (a->name_at == 0)
		return 0;
	return strcmp(apfs_record_name(records, a), apfs_record_name(records, b));
}

void apfs_records_sort(struct apfs_records *rs)
{
	if (rs->n > 1)
		qsort_r(rs->v, rs->n, sizeof(*rs->v), compare, rs);
}
