/* SPDX-License-Identifier: MIT */
/* Inodes (APFS Reference p. 74) and extended fields (p. 107). */
#include "sim/formats/apfs/reader_impl.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

int apfs_record_find(struct apfs_volume *v, struct apfs_cursor *cur,
		     const struct apfs_key *key, struct err *e)
{
	int r;

	apfs_cursor_init(cur, &v->fs);
	r = apfs_cursor_seek(cur, key, e);
	if (!r && (cur->end || apfs_key_cmp(&cur->key, key) != 0))
		r = err_set(e, E_NOTFOUND, "no record of type %u for %#" PRIx64, key->type,
			    key->id);
	if (r)
		apfs_cursor_release(cur);
	return r;
}

/* Descriptors come first, then the values in their order, each padded to 8 bytes. */
bool apfs_xfield_find(const uint8_t *blob, size_t len, uint8_t type, const uint8_t **ret,
		      size_t *ret_len)
{
	const struct apfs_xf_blob *head = (const void *)blob;
	const struct apfs_x_field *field;
	size_t n, at;

	if (len < sizeof(*head))
		return false;
	n = le16_get(head->xf_num_exts);
	at = sizeof(*head) + n * sizeof(*field);
	if (at > len)
		return false;
	field = (const void *)(blob + sizeof(*head));
	for (size_t i = 0; i < n; i++) {
		size_t size = le16_get(field[i].x_size);

		if (size > len - at)
			return false;
		if (field[i].x_type == type) {
			*ret = blob + at;
			*ret_len = size;
			return true;
		}
		size = (size + 7) & ~(size_t)7;
		at = size < len - at ? at + size : len;
	}
	return false;
}

static void fill_data_fork(struct apfs_inode *ino, const uint8_t *xf, size_t len)
{
	const struct apfs_j_dstream *ds;
	const uint8_t *field;
	size_t n;

	if (apfs_xfield_find(xf, len, APFS_INO_XF_DSTREAM, &field, &n) && n >= sizeof(*ds)) {
		ds = (const void *)field;
		ino->has_stream = true;
		ino->stream_size = le64_get(ds->size);
		ino->alloced = le64_get(ds->alloced_size);
		ino->size = ino->stream_size;
	}
	if (apfs_xfield_find(xf, len, APFS_INO_XF_RDEV, &field, &n) && n >= sizeof(le32))
		ino->rdev = get_le32(field);
}

static void fill_inode(const struct apfs_j_inode_val *val, size_t xf_len,
		       struct apfs_inode *ino)
{
	uint32_t count = le32_get(val->nchildren_or_nlink);
	bool dir;

	ino->parent = le64_get(val->parent_id);
	ino->stream = le64_get(val->private_id);
	ino->create_ns = (int64_t)le64_get(val->create_time);
	ino->mod_ns = (int64_t)le64_get(val->mod_time);
	ino->change_ns = (int64_t)le64_get(val->change_time);
	ino->access_ns = (int64_t)le64_get(val->access_time);
	ino->internal_flags = le64_get(val->internal_flags);
	ino->bsd_flags = le32_get(val->bsd_flags);
	ino->uid = le32_get(val->owner);
	ino->gid = le32_get(val->group);
	ino->mode = le16_get(val->mode);
	dir = S_ISDIR(ino->mode);
	ino->nlink = dir ? 1 : count;
	ino->nchildren = dir ? count : 0;
	if (!dir)
		fill_data_fork(ino, val->xfields, xf_len);
}

/* A link's target and a compressed file's content are in an attribute; so is the size. */
static int fill_hidden_size(struct apfs_volume *v, struct apfs_inode *ino, struct err *e)
{
	struct buf target = BUF_INIT;
	int r = 0;

	if (S_ISLNK(ino->mode)) {
		r = apfs_readlink(v, ino, &target, e);
		ino->size = target.len;
		buf_release(&target);
	} else if (S_ISREG(ino->mode) && (ino->bsd_flags & APFS_UF_COMPRESSED)) {
		r = apfs_decmpfs_size(v, ino->ino, &ino->size, e);
	}
	return r;
}

int apfs_inode_parse(uint64_t ino, const uint8_t *val, size_t len, struct apfs_inode *ret,
		     struct err *e)
{
	*ret = (struct apfs_inode){.ino = ino};
	if (len < sizeof(struct apfs_j_inode_val))
		return err_set(e, E_CORRUPT, "inode %#" PRIx64 " has %zu bytes", ino, len);
	fill_inode((const void *)val, len - sizeof(struct apfs_j_inode_val), ret);
	return 0;
}

int apfs_inode_get(struct apfs_volume *v, uint64_t ino, struct apfs_inode *ret,
		   struct err *e)
{
	struct apfs_key key = {.id = ino, .type = APFS_REC_INODE, .name = ""};
	struct apfs_cursor cur;
	int r = -E_NOTFOUND;

	if (ino)
		r = apfs_record_find(v, &cur, &key, e);
	if (r == -E_NOTFOUND)
		return err_set(e, E_NOTFOUND, "no inode %#" PRIx64, ino);
	if (r)
		return r;
	r = apfs_inode_parse(ino, cur.val, cur.val_len, ret, e);
	apfs_cursor_release(&cur);
	if (!r)
		r = fill_hidden_size(v, ret, e);
	return r ? err_ctx(e, "inode %#" PRIx64, ino) : 0;
}

int apfs_inode_expect(struct apfs_volume *v, uint64_t ino, struct apfs_inode *ret,
		      struct err *e)
{
	int r = apfs_inode_get(v, ino, ret, e);

	if (r == -E_NOTFOUND)
		return err_set(e, E_CORRUPT, "inode %#" PRIx64 " is missing", ino);
	return r;
}
