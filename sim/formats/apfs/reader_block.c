/* SPDX-License-Identifier: MIT */
/* Blocks of a container, through a cache that forgets the least recently used. */
#include "sim/formats/apfs/reader_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"

static struct apfs_blk **bucket_of(struct apfs_cache *k, uint64_t bno)
{
	return &k->buckets[bno * 0x9e3779b97f4a7c15ull >> 54];
}
_Static_assert(APFS_CACHE_BUCKETS == 1 << (64 - 54), "the hash fills the buckets");

static void unlink_unused(struct apfs_cache *k, struct apfs_blk *b)
{
	if (b->newer)
		b->newer->older = b->older;
	else
		k->newest = b->older;
	if (b->older)
		b->older->newer = b->newer;
	else
		k->oldest = b->newer;
	b->newer = b->older = NULL;
}

static void link_unused(struct apfs_cache *k, struct apfs_blk *b)
{
	b->newer = NULL;
	b->older = k->newest;
	if (k->newest)
		k->newest->newer = b;
	else
		k->oldest = b;
	k->newest = b;
}

static void forget(struct apfs_cache *k, struct apfs_blk *b)
{
	struct apfs_blk **p = bucket_of(k, b->bno);

	while (*p != b)
		p = &(*p)->hash_next;
	*p = b->hash_next;
	unlink_unused(k, b);
	k->n--;
	free(b);
}

void apfs_cache_release(struct apfs_cache *k)
{
	while (k->oldest)
		forget(k, k->oldest);
}

static int check_checksum(struct apfs *c, struct apfs_blk *b, struct err *e)
{
	if (b->checksum_ok || (c->flags & APFS_SKIP_CHECKSUMS))
		return 0;
	if (!apfs_checksum_ok(b->data, APFS_BLOCK_SIZE))
		return err_set(e, E_CORRUPT, "block %" PRIu64 ": bad checksum", b->bno);
	b->checksum_ok = true;
	return 0;
}

static int load(struct apfs *c, uint64_t bno, struct apfs_blk **ret, struct err *e)
{
	struct apfs_blk *b, **bucket = bucket_of(&c->cache, bno);
	int r;

	if (bno >= c->blocks)
		return err_set(e, E_CORRUPT,
			       "block %" PRIu64 " is beyond the container's end at %" PRIu64,
			       bno, c->blocks);
	while (c->cache.n >= APFS_CACHE_BLOCKS && c->cache.oldest)
		forget(&c->cache, c->cache.oldest);
	b = malloc(sizeof(*b));
	if (!b)
		return err_set(e, E_NOMEM, "block %" PRIu64 ": out of memory", bno);
	r = vdisk_read(c->disk, c->offset + bno * APFS_BLOCK_SIZE, b->data,
		       APFS_BLOCK_SIZE, e);
	if (r) {
		free(b);
		return err_ctx(e, "block %" PRIu64, bno);
	}
	b->bno = bno;
	b->refs = 0;
	b->checksum_ok = b->hashed = false;
	b->hash_next = *bucket;
	*bucket = b;
	link_unused(&c->cache, b);
	c->cache.n++;
	*ret = b;
	return 0;
}

int apfs_blk_get(struct apfs *c, uint64_t bno, bool checksum, struct apfs_blk **ret,
		 struct err *e)
{
	struct apfs_blk *b = *bucket_of(&c->cache, bno);
	int r = 0;

	while (b && b->bno != bno)
		b = b->hash_next;
	if (!b)
		r = load(c, bno, &b, e);
	if (!r && checksum)
		r = check_checksum(c, b, e);
	if (r)
		return r;
	if (!b->refs++)
		unlink_unused(&c->cache, b);
	*ret = b;
	return 0;
}

void apfs_blk_put(struct apfs *c, struct apfs_blk *b)
{
	if (!--b->refs)
		link_unused(&c->cache, b);
}

int apfs_read_bytes(struct apfs *c, uint64_t off, void *buf, size_t len, struct err *e)
{
	if (!range_inside(off, len, c->blocks * APFS_BLOCK_SIZE))
		return err_set(e, E_CORRUPT,
			       "%zu bytes from block %" PRIu64
			       " on are beyond the container's end at %" PRIu64,
			       len, off / APFS_BLOCK_SIZE, c->blocks);
	return vdisk_read(c->disk, c->offset + off, buf, len, e);
}

int apfs_obj_check(const struct apfs *c, const struct apfs_obj *o, uint64_t bno,
		   const struct apfs_obj_want *want, struct err *e)
{
	uint32_t type = le32_get(o->o_type), subtype = le32_get(o->o_subtype);
	uint64_t oid = le64_get(o->o_oid), xid = le64_get(o->o_xid);

	if (type & APFS_OBJ_ENCRYPTED)
		return err_set(e, E_UNSUPPORTED, "block %" PRIu64 ": %s is encrypted", bno,
			       want->what);
	if (type != want->type || subtype != want->subtype)
		return err_set(e, E_CORRUPT,
			       "block %" PRIu64 ": no %s but type %#x, subtype %#x", bno,
			       want->what, type, subtype);
	if (oid != want->oid)
		return err_set(e, E_CORRUPT,
			       "block %" PRIu64 ": %s %#" PRIx64 " expected, found %#" PRIx64,
			       bno, want->what, want->oid, oid);
	if (!xid || xid > c->xid || (want->xid && xid != want->xid))
		return err_set(e, E_CORRUPT,
			       "block %" PRIu64 ": %s of transaction %" PRIu64
			       ", expected %" PRIu64,
			       bno, want->what, xid, want->xid ? want->xid : c->xid);
	return 0;
}

int apfs_obj_get(struct apfs *c, uint64_t bno, const struct apfs_obj_want *want,
		 struct apfs_blk **ret, struct err *e)
{
	int r = apfs_blk_get(c, bno, true, ret, e);

	if (r)
		return err_ctx(e, "%s", want->what);
	r = apfs_obj_check(c, (const struct apfs_obj *)(*ret)->data, bno, want, e);
	if (r)
		apfs_blk_put(c, *ret);
	return r;
}
