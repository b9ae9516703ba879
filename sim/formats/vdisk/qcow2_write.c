/* SPDX-License-Identifier: MIT */
/*
 * Writing to qcow2 images of version 3 without internal snapshots.
 *
 * New clusters are put behind the end of the file; none is ever freed. While the counts
 * of references are behind, the image is marked as dirty (as QEMU does with
 * lazy_refcounts), so that after a crash QEMU makes them up again from the tables. A
 * cluster is written before the table that names it.
 */
#include "sim/formats/vdisk/qcow2_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"

#define ENTRY_COPIED   (1ull << 63) /* nobody else refers to it */
#define REFCOUNT_BITS  16u
#define REFCOUNT_ORDER 4u

static uint64_t cluster_size(const struct qcow2 *q)
{
	return 1ull << q->cluster_bits;
}

/* ---- The header ---- */

static int put_be64_at(struct qcow2 *q, uint64_t off, uint64_t value, struct err *e)
{
	const be64 v = to_be64(value);

	return vdisk_write(q->file, off, &v, sizeof(v), e);
}

static int set_incompatible(struct qcow2 *q, uint64_t flags, struct err *e)
{
	q->incompatible = flags;
	return put_be64_at(q, offsetof(struct qcow2_raw_header, incompatible), flags, e);
}

/* Before the first change of a table. */
static int make_dirty(struct qcow2 *q, struct err *e)
{
	int rc;

	if (q->dirty)
		return 0;
	/* What the image says beside, as dirty bitmaps, will not be true any more. */
	rc = put_be64_at(q, offsetof(struct qcow2_raw_header, autoclear), 0, e);
	if (rc == 0)
		rc = set_incompatible(q, q->incompatible | INCOMPAT_DIRTY, e);
	if (rc == 0)
		rc = vdisk_flush(q->file, e);
	q->dirty = rc == 0;
	return rc;
}

int qcow2_write_init(struct qcow2 *q, const struct qcow2_raw_header *h, struct err *e)
{
	if (be32_get(h->version) < 3)
		return err_set(e, E_UNSUPPORTED,
			       "a qcow2 image of version 2 cannot be written to");
	if (be32_get(h->n_snapshots) != 0)
		return err_set(
			e, E_UNSUPPORTED,
			"a qcow2 image with internal snapshots cannot be written to");
	if (be32_get(h->refcount_order) != REFCOUNT_ORDER)
		return err_set(e, E_UNSUPPORTED,
			       "a qcow2 image with reference counts of %u bits cannot be "
			       "written to",
			       1u << (be32_get(h->refcount_order) & 31));
	q->incompatible = be64_get(h->incompatible);
	if (q->incompatible & INCOMPAT_DIRTY)
		return err_set(
			e, E_UNSUPPORTED,
			"the image was not closed; 'qemu-img check -r all' mends it");
	q->l1_off = be64_get(h->l1_off);
	q->refcount_off = be64_get(h->refcount_off);
	q->refcount_entries =
		((uint64_t)be32_get(h->refcount_clusters) << q->cluster_bits) / 8;
	if (!range_inside(q->refcount_off, q->refcount_entries * 8, q->file->size))
		return err_set(e, E_CORRUPT, "refcount table at %" PRIu64,
			       q->refcount_off);
	q->write = true;
	return 0;
}

int qcow2_flush(struct vdisk *d, struct err *e)
{
	return vdisk_flush(((struct qcow2 *)d)->file, e);
}

void qcow2_write_end(struct qcow2 *q)
{
	if (!q->dirty || vdisk_flush(q->file, NULL) != 0 ||
	    set_incompatible(q, q->incompatible & ~INCOMPAT_DIRTY, NULL) != 0 ||
	    vdisk_flush(q->file, NULL) != 0)
		return; /* it stays marked as dirty, which it may be */
	q->dirty = false;
}

/* ---- New clusters ---- */

/* One cluster of zeros behind the end of the file, which nobody counts yet. */
static int append(struct qcow2 *q, uint64_t *ret, struct err *e)
{
	uint64_t at;

	if (ckd_round_up(&at, q->file->size, cluster_size(q)))
		return err_set(e, E_OVERFLOW, "qcow2 image of %" PRIu64 " bytes",
			       q->file->size);
	int rc = vdisk_grow(q->file, at + cluster_size(q), e);

	*ret = at;
	return rc;
}

static int count_cluster(struct qcow2 *q, uint64_t at, struct err *e);

/* The block that counts cluster number @n; made if there is none. */
static int refcount_block(struct qcow2 *q, uint64_t n, uint64_t *ret, struct err *e)
{
	uint64_t per_block = cluster_size(q) * 8 / REFCOUNT_BITS, i = n / per_block;
	be64 entry;
	int rc;

	if (i >= q->refcount_entries)
		return err_set(e, E_NOSPC,
			       "the refcount table of the qcow2 image is full");
	rc = vdisk_read(q->file, q->refcount_off + 8 * i, &entry, sizeof(entry), e);
	*ret = be64_get(entry) & ENTRY_OFFSET;
	if (rc != 0 || *ret != 0)
		return rc;
	rc = append(q, ret, e);
	if (rc == 0)
		rc = put_be64_at(q, q->refcount_off + 8 * i, *ret, e);
	/* Ends: only the first block of a part of the table is missing, and it is there
	 * now. */
	return rc != 0 ? rc : count_cluster(q, *ret, e);
}

static int count_cluster(struct qcow2 *q, uint64_t at, struct err *e)
{
	uint64_t n = at >> q->cluster_bits, block = 0;
	uint64_t in_block = n % (cluster_size(q) * 8 / REFCOUNT_BITS);
	const uint8_t one[2] = {0, 1}; /* big-endian */
	int rc = refcount_block(q, n, &block, e);

	return rc != 0 ? rc
		       : vdisk_write(q->file, block + 2 * in_block, one, sizeof(one), e);
}

static int new_cluster(struct qcow2 *q, uint64_t *ret, struct err *e)
{
	int rc = make_dirty(q, e);

	if (rc == 0)
		rc = append(q, ret, e);
	return rc != 0 ? rc : count_cluster(q, *ret, e);
}

/* ---- Tables ---- */

/* Where the L2 table of guest offset @off is; made if there is none. */
static int l2_table(struct qcow2 *q, uint64_t off, uint64_t *ret, struct err *e)
{
	uint64_t i = off >> (2 * q->cluster_bits - 3);
	uint64_t entry = get_be64(q->l1 + 8 * i);
	int rc;

	*ret = entry & ENTRY_OFFSET;
	if (*ret != 0 && !(entry & ENTRY_COPIED))
		return err_set(e, E_UNSUPPORTED, "L2 table at %" PRIu64 " is shared",
			       *ret);
	if (*ret != 0)
		return 0;
	rc = new_cluster(q, ret, e);
	if (rc == 0)
		rc = put_be64_at(q, q->l1_off + 8 * i, *ret | ENTRY_COPIED, e);
	if (rc == 0)
		put_be64(q->l1 + 8 * i, *ret | ENTRY_COPIED);
	return rc;
}

static int set_l2(struct qcow2 *q, uint64_t table, uint64_t off, uint64_t host,
		  struct err *e)
{
	uint64_t i = (off >> q->cluster_bits) % (cluster_size(q) / 8);
	uint8_t *cached;
	int rc = qcow2_load_l2(q, table, &cached, e);

	if (rc == 0)
		rc = put_be64_at(q, table + 8 * i, host | ENTRY_COPIED, e);
	if (rc == 0)
		put_be64(cached + 8 * i, host | ENTRY_COPIED);
	return rc;
}

/* Is the entry of @off one that may be written through? */
static int check_own(struct qcow2 *q, uint64_t table, uint64_t off, struct err *e)
{
	uint64_t i = (off >> q->cluster_bits) % (cluster_size(q) / 8);
	uint8_t *cached;
	int rc = qcow2_load_l2(q, table, &cached, e);

	if (rc == 0 && !(get_be64(cached + 8 * i) & ENTRY_COPIED))
		rc = err_set(e, E_UNSUPPORTED, "cluster at %" PRIu64 " is shared", off);
	return rc;
}

/* ---- Writing ---- */

/*
 * A whole cluster at @host from what was there, with the new bytes in it; then the table
 * may name it.
 */
static int fill_cluster(struct qcow2 *q, uint64_t off, uint64_t host, bool from_backing,
			const uint8_t *buf, size_t len, struct err *e)
{
	uint64_t start = off & ~(cluster_size(q) - 1);
	uint8_t *whole = malloc(cluster_size(q));
	int rc;

	if (!whole)
		return err_set(e, E_NOMEM, "cluster: out of memory");
	rc = qcow2_read_padded(from_backing ? q->backing : NULL, start, whole,
			       cluster_size(q), e);
	memcpy(whole + (off - start), buf, len);
	if (rc == 0)
		rc = vdisk_write(q->file, host, whole, cluster_size(q), e);
	free(whole);
	return rc;
}

/* Inside one cluster. */
static int write_piece(struct qcow2 *q, uint64_t off, const uint8_t *buf, size_t len,
		       struct err *e)
{
	enum qcow2_cluster kind = QCOW2_BACKING;
	uint64_t host = 0, table = 0;
	int rc = qcow2_find(q, off, &kind, &host, e);

	if (rc == 0)
		rc = l2_table(q, off, &table, e);
	if (rc == 0 && host != 0)
		rc = check_own(q, table, off, e);
	if (rc != 0)
		return rc;
	if (kind == QCOW2_DATA)
		return vdisk_write(q->file, host + (off & (cluster_size(q) - 1)), buf,
				   len, e);
	if (host == 0)
		rc = new_cluster(q, &host, e);
	else
		rc = make_dirty(q, e);
	if (rc == 0)
		rc = fill_cluster(q, off, host, kind == QCOW2_BACKING, buf, len, e);
	return rc != 0 ? rc : set_l2(q, table, off, host, e);
}

int qcow2_write(struct vdisk *d, uint64_t off, const void *buf, size_t len, struct err *e)
{
	struct qcow2 *q = (struct qcow2 *)d;
	const uint8_t *p = buf;
	int rc = 0;

	while (len > 0 && rc == 0) {
		uint64_t left = cluster_size(q) - (off & (cluster_size(q) - 1));
		size_t n = len < left ? len : (size_t)left;

		rc = write_piece(q, off, p, n, e);
		off += n;
		p += n;
		len -= n;
	}
	return rc;
}
