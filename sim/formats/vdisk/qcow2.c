/* SPDX-License-Identifier: MIT */
/*
 * qcow2 images, versions 2 and 3, read in place (QEMU, docs/interop/qcow2.txt).
 *
 * A guest offset finds its cluster by two tables: L1 (whole in memory) gives the
 * place of an L2 table, L2 gives the cluster. What is in neither comes from the
 * backing file.
 */
#include "sim/formats/vdisk/qcow2_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"

static void qcow2_close(struct vdisk *d)
{
	struct qcow2 *q = (struct qcow2 *)d;

	qcow2_write_end(q);
	vdisk_close(q->file);
	vdisk_close(q->backing);
	for (size_t i = 0; i < L2_SLOTS; i++)
		free(q->l2[i].table);
	free(q->l1);
	free(q);
}

/* The table at @off of the file, by way of a small direct-mapped cache. */
int qcow2_load_l2(struct qcow2 *q, uint64_t off, uint8_t **ret, struct err *e)
{
	uint64_t size = 1ull << q->cluster_bits;
	struct l2_slot *s = &q->l2[(off >> q->cluster_bits) % L2_SLOTS];
	int r;

	if (s->off != off) {
		if (off & (size - 1))
			return err_set(e, E_CORRUPT, "L2 table at %" PRIu64 " is not aligned",
				       off);
		if (!s->table)
			s->table = malloc(size);
		if (!s->table)
			return err_set(e, E_NOMEM, "L2 table: out of memory");
		s->off = 0;
		r = vdisk_read(q->file, off, s->table, size, e);
		if (r)
			return r;
		s->off = off;
	}
	*ret = s->table;
	return 0;
}

int qcow2_find(struct qcow2 *q, uint64_t off, enum qcow2_cluster *kind, uint64_t *host,
	       struct err *e)
{
	unsigned l2_bits = q->cluster_bits - 3;
	uint64_t l1_index = off >> (q->cluster_bits + l2_bits);
	uint64_t l2_index = (off >> q->cluster_bits) & ((1ull << l2_bits) - 1);
	uint8_t *l2 = NULL;
	uint64_t entry;
	int r;

	*kind = QCOW2_BACKING;
	*host = 0;
	entry = get_be64(q->l1 + 8 * l1_index);
	if (!(entry & ENTRY_OFFSET))
		return 0;
	r = qcow2_load_l2(q, entry & ENTRY_OFFSET, &l2, e);
	if (r)
		return r;
	entry = get_be64(l2 + 8 * l2_index);
	if (entry & L2_COMPRESSED)
		return err_set(e, E_UNSUPPORTED, "compressed cluster at %" PRIu64, off);
	*host = entry & ENTRY_OFFSET;
	if (q->zero_flag && (entry & L2_ZERO))
		*kind = QCOW2_ZERO;
	else if (*host)
		*kind = QCOW2_DATA;
	return 0;
}

/*
 * Read what @d has of a range, and zeros behind its end: a backing file may be shorter
 * than what lies on it, and the last cluster of an image need not be written whole.
 */
int qcow2_read_padded(struct vdisk *d, uint64_t off, uint8_t *buf, size_t len,
		      struct err *e)
{
	size_t there = 0;

	if (d && off < d->size)
		there = len < d->size - off ? len : d->size - off;
	memset(buf + there, 0, len - there);
	return there ? vdisk_read(d, off, buf, there, e) : 0;
}

static int qcow2_read(struct vdisk *d, uint64_t off, void *buf, size_t len, struct err *e)
{
	struct qcow2 *q = (struct qcow2 *)d;
	uint64_t cluster = 1ull << q->cluster_bits;
	uint8_t *p = buf;
	int r = 0;

	while (len && !r) {
		uint64_t in = off & (cluster - 1), host = 0;
		size_t n = len < cluster - in ? len : cluster - in;
		enum qcow2_cluster kind;

		r = qcow2_find(q, off, &kind, &host, e);
		if (r)
			return r;
		if (kind == QCOW2_DATA)
			r = qcow2_read_padded(q->file, host + in, p, n, e);
		else if (kind == QCOW2_BACKING)
			r = qcow2_read_padded(q->backing, off, p, n, e);
		else
			memset(p, 0, n);
		off += n;
		p += n;
		len -= n;
	}
	return r;
}

static int qcow2_data(struct vdisk *d, uint64_t off, uint64_t *start, uint64_t *end,
		      struct err *e)
{
	struct qcow2 *q = (struct qcow2 *)d;
	uint64_t cluster = 1ull << q->cluster_bits;
	uint64_t below_start = 0, below_end = 0; /* data of the backing file around off */

	while (off < d->size) {
		uint64_t next = (off & ~(cluster - 1)) + cluster, host;
		enum qcow2_cluster kind;
		int r = qcow2_find(q, off, &kind, &host, e);

		if (!r && kind == QCOW2_BACKING && q->backing && off >= below_end)
			r = vdisk_data(q->backing, off, &below_start, &below_end, e);
		if (r)
			return r;
		*start = kind == QCOW2_DATA || below_start < off ? off : below_start;
		*end = kind == QCOW2_DATA || below_end > next ? next : below_end;
		if (*end > d->size)
			*end = d->size;
		if (kind != QCOW2_ZERO && *start < *end)
			return 0;
		off = next;
	}
	*start = *end = d->size;
	return 0;
}

static const struct vdisk_ops qcow2_ops = {
	.read = qcow2_read,
	.data = qcow2_data,
	.close = qcow2_close,
};
static const struct vdisk_ops qcow2_rw_ops = {
	.read = qcow2_read,
	.data = qcow2_data,
	.write = qcow2_write,
	.flush = qcow2_flush,
	.close = qcow2_close,
};

static int check_header(const struct qcow2_raw_header *h, struct err *e)
{
	uint32_t version = be32_get(h->version), bits = be32_get(h->cluster_bits);
	uint64_t incompat = version >= 3 ? be64_get(h->incompatible) : 0;

	if (be32_get(h->magic) != 0x514649fb)
		return err_set(e, E_CORRUPT, "no qcow2 magic");
	if (version != 2 && version != 3)
		return err_set(e, E_UNSUPPORTED, "qcow2 version %u", version);
	if (bits < 9 || bits > 21)
		return err_set(e, E_CORRUPT, "cluster size 2^%u", bits);
	if (be32_get(h->crypt_method))
		return err_set(e, E_UNSUPPORTED, "encrypted qcow2 image");
	if (incompat & INCOMPAT_CORRUPT)
		return err_set(e, E_CORRUPT, "image is marked as corrupt");
	if (incompat & ~INCOMPAT_READABLE)
		return err_set(e, E_UNSUPPORTED, "incompatible features %#" PRIx64, incompat);
	return 0;
}

static int load_l1(struct qcow2 *q, const struct qcow2_raw_header *h, struct err *e)
{
	unsigned shift = 2 * q->cluster_bits - 3; /* guest bytes of one L1 entry */
	uint64_t need = (q->base.size >> shift) + !!(q->base.size & ((1ull << shift) - 1));
	size_t bytes;

	q->l1_entries = be32_get(h->l1_entries);
	if (q->l1_entries < need)
		return err_set(e, E_CORRUPT, "L1 table of %u entries for %" PRIu64 " bytes",
			       q->l1_entries, q->base.size);
	bytes = 8 * need;
	if (need > L1_BYTES_MAX / 8)
		return err_set(e, E_OVERFLOW, "L1 table of %" PRIu64 " entries", need);
	q->l1 = malloc(bytes + 8);
	if (!q->l1)
		return err_set(e, E_NOMEM, "L1 table: out of memory");
	return vdisk_read(q->file, be64_get(h->l1_off), q->l1, bytes, e);
}

/*
 * What the backing file is. Guessing by its first bytes is the last resort only:
 * they belong to a guest when the file is raw.
 */
static int backing_format(struct qcow2 *q, uint64_t off, uint64_t end,
			  enum vdisk_format *ret, struct err *e)
{
	uint8_t ext[8];
	char name[8] = "";

	*ret = VDISK_PROBE;
	while (range_inside(off, sizeof(ext), end)) {
		uint32_t type, len;
		int r = vdisk_read(q->file, off, ext, sizeof(ext), e);

		if (r)
			return r;
		type = get_be32(ext);
		len = get_be32(ext + 4);
		off += sizeof(ext);
		if (type == EXT_END)
			return 0;
		if (!range_inside(off, len, end))
			return err_set(e, E_CORRUPT, "header extension of %u bytes", len);
		if (type == EXT_BACKING_FORMAT) {
			if (len >= sizeof(name) || vdisk_read(q->file, off, name, len, e))
				return err_set(e, E_UNSUPPORTED, "backing format");
			if (!strcmp(name, "raw"))
				*ret = VDISK_RAW;
			else if (!strcmp(name, "qcow2"))
				*ret = VDISK_QCOW2;
			else
				return err_set(e, E_UNSUPPORTED, "backing format '%s'", name);
		}
		off += ((uint64_t)len + 7) & ~7ull;
	}
	return 0;
}

static int open_backing(struct qcow2 *q, const struct qcow2_raw_header *h,
			const char *path, struct vdisk_how how, struct err *e)
{
	uint64_t off = be64_get(h->backing_off);
	uint32_t len = be32_get(h->backing_len);
	uint64_t ext = be32_get(h->version) >= 3 ? be32_get(h->header_len) : QCOW2_V2_HEADER;
	const char *slash = strrchr(path, '/');
	char name[1024], full[4096];
	int n, r;

	if (!off)
		return 0;
	if (len >= sizeof(name))
		return err_set(e, E_CORRUPT, "name of backing file has %u bytes", len);
	memset(name, 0, sizeof(name));
	r = vdisk_read(q->file, off, name, len, e);
	if (r)
		return r;
	if (strlen(name) != len)
		return err_set(e, E_CORRUPT, "NUL in the name of the backing file");
	if (strchr(name, ':'))
		return err_set(e, E_UNSUPPORTED, "backing file '%s'", name);
	r = backing_format(q, ext, off, &how.format, e);
	if (r)
		return r;
	if (name[0] == '/' || !slash)
		n = snprintf(full, sizeof(full), "%s", name);
	else
		n = snprintf(full, sizeof(full), "%.*s/%s", (int)(slash - path), path, name);
	if (n < 0 || (size_t)n >= sizeof(full))
		return err_set(e, E_OVERFLOW, "path of backing file '%s'", name);
	how.depth++;
	how.write = false;
	return vdisk_open_as(full, how, &q->backing, e);
}

static int qcow2_load(struct qcow2 *q, const char *path, struct vdisk_how how,
		      struct err *e)
{
	struct qcow2_raw_header h = {0};
	size_t n = q->file->size < sizeof(h) ? q->file->size : sizeof(h);
	int r;

	if (n < QCOW2_V2_HEADER)
		return err_set(e, E_CORRUPT, "qcow2 header is cut off");
	r = vdisk_read(q->file, 0, &h, n, e);
	if (!r)
		r = check_header(&h, e);
	if (r)
		return r;
	q->base.size = be64_get(h.size);
	q->cluster_bits = be32_get(h.cluster_bits);
	q->zero_flag = be32_get(h.version) >= 3;
	r = load_l1(q, &h, e);
	if (!r)
		r = open_backing(q, &h, path, how, e);
	return r || !how.write ? r : qcow2_write_init(q, &h, e);
}

int qcow2_open(struct vdisk *file, const char *path, struct vdisk_how how,
	       struct vdisk **ret, struct err *e)
{
	struct qcow2 *q = calloc(1, sizeof(*q));
	int r;

	if (!q) {
		vdisk_close(file);
		return err_set(e, E_NOMEM, "qcow2 image: out of memory");
	}
	q->base.ops = how.write ? &qcow2_rw_ops : &qcow2_ops;
	q->file = file;
	r = qcow2_load(q, path, how, e);
	if (r) {
		qcow2_close(&q->base);
		return r;
	}
	*ret = &q->base;
	return 0;
}
