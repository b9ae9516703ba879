/* SPDX-License-Identifier: MIT */
/* Extended attributes (APFS Reference p. 82), and the links that are stored as one. */
#include "sim/formats/apfs/reader_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define XATTRS_MAX 65536
#define LINK_MAX_BYTES 4096

int apfs_xattr_parse(const struct apfs_key *key, const uint8_t *p, size_t val_len,
		     struct apfs_xattr_value *ret, struct err *e)
{
	const struct apfs_j_xattr_val *val = (const void *)p;
	const struct apfs_j_xattr_dstream *ds;
	size_t len;

	if (val_len < sizeof(*val))
		goto bad;
	ret->flags = le16_get(val->flags);
	len = le16_get(val->xdata_len);
	if (len > val_len - sizeof(*val))
		goto bad;
	ret->bytes = val->xdata;
	ret->size = len;
	ret->stream = 0;
	if (ret->flags & APFS_XATTR_DATA_STREAM) {
		if (len < sizeof(*ds))
			goto bad;
		ds = (const void *)val->xdata;
		ret->stream = le64_get(ds->xattr_obj_id);
		ret->size = le64_get(ds->dstream.size);
	}
	return 0;
bad:
	return err_set(e, E_CORRUPT, "inode %#" PRIx64 ": bad attribute '%s'", key->id,
		       key->name);
}

int apfs_xattr_open(struct apfs_volume *v, uint64_t ino, const char *name,
		    struct apfs_xattr_ref *ret, struct err *e)
{
	struct apfs_key key = {.id = ino, .type = APFS_REC_XATTR, .name = name};
	struct apfs_xattr_value val;
	struct apfs_cursor cur;
	int r = apfs_record_find(v, &cur, &key, e);

	if (r == -E_NOTFOUND)
		return err_set(e, E_NOTFOUND, "no attribute '%s'", name);
	if (r)
		return r;
	*ret = (struct apfs_xattr_ref){0};
	r = apfs_xattr_parse(&cur.key, cur.val, cur.val_len, &val, e);
	if (!r) {
		ret->size = val.size;
		ret->is_stream = val.flags & APFS_XATTR_DATA_STREAM;
		if (ret->is_stream)
			apfs_stream_init(&ret->stream, v, val.stream, val.size);
		else
			r = buf_append(&ret->data, val.bytes, val.size, e);
	}
	apfs_cursor_release(&cur);
	return r;
}

void apfs_xattr_release(struct apfs_xattr_ref *x)
{
	buf_release(&x->data);
}

int apfs_xattr_pread(struct apfs_xattr_ref *x, uint64_t off, void *buf, size_t len,
		     struct err *e)
{
	size_t n;

	if (off > x->size || len > x->size - off)
		return err_set(e, E_CORRUPT,
			       "%zu bytes at %" PRIu64 " of an attribute of %" PRIu64, len,
			       off, x->size);
	if (x->is_stream)
		return apfs_stream_pread(&x->stream, off, buf, len, &n, e);
	if (len)
		memcpy(buf, x->data.data + off, len);
	return 0;
}

/* The hashes of a compressed file's fork are those of what is unpacked. */
static int check_hashed(struct apfs_volume *v, uint64_t ino, const char *name,
			struct err *e)
{
	struct apfs_inode inode;
	int r;

	if (!v->verify || strcmp(name, APFS_XATTR_NAME_RSRC_FORK) != 0)
		return 0;
	r = apfs_inode_expect(v, ino, &inode, e);
	if (!r && (inode.bsd_flags & APFS_UF_COMPRESSED))
		r = err_set(e, E_UNSUPPORTED,
			    "inode %#" PRIx64 ": the seal covers what its fork unpacks to, not "
			    "the fork",
			    ino);
	return r;
}

int apfs_xattr_get(struct apfs_volume *v, uint64_t ino, const char *name, size_t max,
		   struct buf *out, struct err *e)
{
	struct apfs_xattr_ref x;
	int r = apfs_xattr_open(v, ino, name, &x, e);

	if (r)
		return r;
	r = x.is_stream ? check_hashed(v, ino, name, e) : 0;
	if (!r && x.size > max)
		r = err_set(e, E_OVERFLOW,
			    "attribute '%s' has %" PRIu64 " bytes, more than %zu", name,
			    x.size, max);
	if (!r)
		r = buf_reserve(out, x.size, e);
	if (!r)
		r = apfs_xattr_pread(&x, 0, out->data + out->len, x.size, e);
	if (!r)
		out->len += x.size;
	apfs_xattr_release(&x);
	return r;
}

static int add_xattr(const struct apfs_cursor *cur, struct apfs_xattr **list, size_t *n,
		     struct err *e)
{
	struct apfs_xattr *p = reallocarray(*list, *n + 1, sizeof(*p));
	struct apfs_xattr_value val;
	int r;

	if (!p)
		return err_set(e, E_NOMEM, "attributes: out of memory");
	*list = p;
	if (*n >= XATTRS_MAX)
		return err_set(e, E_OVERFLOW, "more than %d attributes", XATTRS_MAX);
	r = apfs_xattr_parse(&cur->key, cur->val, cur->val_len, &val, e);
	if (r)
		return r;
	p += (*n)++;
	p->flags = val.flags;
	p->size = val.size;
	memcpy(p->name, cur->key.name, cur->key.name_len + 1);
	return 0;
}

int apfs_xattrs(struct apfs_volume *v, uint64_t ino, struct apfs_xattr **ret,
		size_t *ret_n, struct err *e)
{
	struct apfs_key first = {.id = ino, .type = APFS_REC_XATTR, .name = ""};
	struct apfs_xattr *list = NULL;
	struct apfs_cursor cur;
	size_t n = 0;
	int r;

	apfs_cursor_init(&cur, &v->fs);
	r = apfs_cursor_seek(&cur, &first, e);
	while (!r && !cur.end && cur.key.id == ino && cur.key.type == APFS_REC_XATTR) {
		r = add_xattr(&cur, &list, &n, e);
		if (!r)
			r = apfs_cursor_next(&cur, e);
	}
	apfs_cursor_release(&cur);
	if (r) {
		free(list);
		return r;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

int apfs_readlink(struct apfs_volume *v, const struct apfs_inode *ino, struct buf *out,
		  struct err *e)
{
	size_t before = out->len;
	int r;

	if (!S_ISLNK(ino->mode))
		return err_set(e, E_INVAL, "inode %#" PRIx64 " is not a symbolic link",
			       ino->ino);
	r = apfs_xattr_get(v, ino->ino, APFS_XATTR_NAME_SYMLINK, LINK_MAX_BYTES, out, e);
	if (r == -E_NOTFOUND)
		return err_set(e, E_CORRUPT, "symbolic link %#" PRIx64 " has no target",
			       ino->ino);
	if (r)
		return r;
	if (out->len > before && !out->data[out->len - 1])
		out->len--;
	if (out->len == before || memchr(out->data + before, 0, out->len - before))
		return err_set(e, E_CORRUPT, "symbolic link %#" PRIx64 " has a bad target",
			       ino->ino);
	return 0;
}
