/* SPDX-License-Identifier: MIT */
/* Data streams: contents of files and extended attributes (APFS Reference p. 82, 101). */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/formats/apfs/btree_build.h"
#include "sim/formats/apfs/content.h"
#include "sim/formats/apfs/fswalk.h"

#define XATTR_NAME_MAX	127 /* bytes: XATTR_MAXNAMELEN of a Mac */
#define FS_OWNED_PREFIX "com.apple.fs."

/* ---- Data streams ---- */

struct apfs_j_dstream apfs_fs_dstream(uint64_t size)
{
	return (struct apfs_j_dstream){
		.size = to_le64(size),
		.alloced_size = to_le64(apfs_blocks_of(size) * APFS_BLOCK_SIZE),
		.total_bytes_written = to_le64(size),
	};
}

/*
 * The extents that were added since there were @n_before. A sealed volume keeps them in a
 * tree of their own, which is built from the runs.
 */
static int add_extents(struct apfs_fs_walk *w, size_t n_before, struct err *e)
{
	const struct apfs_streams *s = &w->fs->streams;
	int rc = 0;

	for (size_t i = n_before; i < s->n_runs && rc == 0 && !w->spec->sealed; i++) {
		const struct apfs_run *run = &s->runs[i];
		const struct apfs_j_file_extent_val val = {
			.len_and_flags = to_le64(run->count * APFS_BLOCK_SIZE),
			.phys_block_num = to_le64(run->block),
		};

		rc = apfs_fs_add_numbered(w, run->owner, APFS_REC_FILE_EXTENT,
					  run->offset * APFS_BLOCK_SIZE, &val,
					  sizeof(val), e);
	}
	return rc;
}

int apfs_fs_add_content(struct apfs_fs_walk *w, const struct fs_node *n, struct err *e)
{
	const struct apfs_j_dstream_id_val refs = {to_le32(1)};
	const size_t before = w->fs->streams.n_runs;
	int rc = apfs_content_file(w->out, &w->fs->streams, n->tag, n, e);

	if (rc == 0)
		rc = apfs_fs_add(w, n->tag, APFS_REC_DSTREAM_ID, &refs, sizeof(refs), e);
	return rc != 0 ? rc : add_extents(w, before, e);
}

/* ---- Extended attributes ---- */

static int add_xattr_record(struct apfs_fs_walk *w, uint64_t ino, const char *name,
			    const void *val, size_t val_len, struct err *e)
{
	const struct apfs_record r = {
		.id = ino,
		.type = APFS_REC_XATTR,
		.name_at = offsetof(struct apfs_j_xattr_key, name),
	};
	uint8_t tail[sizeof(le16) + XATTR_NAME_MAX + 1];
	size_t len = strlen(name) + 1;

	put_le16(tail, (uint16_t)len);
	memcpy(tail + sizeof(le16), name, len);
	return apfs_records_add(&w->fs->recs, &r, tail, sizeof(le16) + len, val, val_len,
				e);
}

static int add_xattr_embedded(struct apfs_fs_walk *w, uint64_t ino, const char *name,
			      const void *value, size_t len, struct err *e)
{
	uint8_t raw[sizeof(struct apfs_j_xattr_val) + APFS_XATTR_MAX_EMBEDDED];
	struct apfs_j_xattr_val *val = (struct apfs_j_xattr_val *)raw;
	const bool owned = strncmp(name, FS_OWNED_PREFIX, strlen(FS_OWNED_PREFIX)) == 0;

	val->flags = to_le16(APFS_XATTR_DATA_EMBEDDED |
			     (owned ? APFS_XATTR_FILE_SYSTEM_OWNED : 0));
	val->xdata_len = to_le16((uint16_t)len);
	if (len > 0)
		memcpy(val->xdata, value, len);
	return add_xattr_record(w, ino, name, raw, sizeof(*val) + len, e);
}

static int add_xattr_stream(struct apfs_fs_walk *w, uint64_t ino,
			    const struct fs_xattr *x, struct err *e)
{
	struct {
		struct apfs_j_xattr_val val;
		struct apfs_j_xattr_dstream stream;
	} raw = {
		.val.flags = to_le16(APFS_XATTR_DATA_STREAM),
		.val.xdata_len = to_le16(sizeof(raw.stream)),
		.stream.xattr_obj_id = to_le64(w->fs->next_id),
		.stream.dstream = apfs_fs_dstream(x->len),
	};
	const size_t before = w->fs->streams.n_runs;
	int rc = apfs_content_bytes(w->out, &w->fs->streams, w->fs->next_id++, x->value,
				    x->len, e);

	if (rc == 0)
		rc = add_extents(w, before, e);
	if (rc == 0)
		rc = add_xattr_record(w, ino, x->name, &raw, sizeof(raw), e);
	return rc;
}

static bool xattr_fits(const struct fs_xattr *x)
{
	return x->len <= APFS_XATTR_MAX_EMBEDDED &&
	       sizeof(struct apfs_j_xattr_key) + strlen(x->name) + 1 +
			       sizeof(struct apfs_j_xattr_val) + x->len <=
		       APFS_BTREE_ENTRY_MAX;
}

int apfs_fs_add_xattrs(struct apfs_fs_walk *w, const struct fs_node *n, struct err *e)
{
	int rc = 0;

	if (S_ISLNK(n->mode)) /* the target with its NUL */
		rc = add_xattr_embedded(w, n->tag, APFS_XATTR_NAME_SYMLINK, n->data,
					(size_t)n->size + 1, e);
	for (const struct fs_xattr *x = n->xattrs; x && rc == 0; x = x->next) {
		size_t len = strlen(x->name);

		if (len == 0 || len > XATTR_NAME_MAX ||
		    strcmp(x->name, APFS_XATTR_NAME_SYMLINK) == 0)
			rc = err_set(e, E_INVAL, "xattr name '%.140s'", x->name);
		else if (xattr_fits(x))
			rc = add_xattr_embedded(w, n->tag, x->name, x->value, x->len, e);
		else
			rc = add_xattr_stream(w, n->tag, x, e);
	}
	return rc;
}
