/* SPDX-License-Identifier: MIT */
/*
 * Inside the APFS reader. From the bottom up: blocks with a cache, B-trees on them,
 * object maps (a tree that says where virtual objects are), volumes (a tree of records
 * found through an object map), files.
 */
#ifndef SIM_FORMATS_APFS_READER_IMPL_H
#define SIM_FORMATS_APFS_READER_IMPL_H

#include "sim/formats/apfs/common.h"
#include "sim/formats/apfs/reader.h"

/* ---- blocks ---- */

struct apfs_blk {
	uint64_t bno;
	unsigned refs;
	bool checksum_ok; /* verified; nodes of sealed volumes have none */
	struct apfs_blk *hash_next;
	struct apfs_blk *newer, *older; /* in the order of use, while refs is 0 */
	uint8_t data[APFS_BLOCK_SIZE];
};

#define APFS_CACHE_BUCKETS 1024
#define APFS_CACHE_BLOCKS  2048 /* 8 MiB, beyond what is in use at one time */

struct apfs_cache {
	struct apfs_blk *buckets[APFS_CACHE_BUCKETS];
	struct apfs_blk *newest, *oldest; /* unused ones */
	size_t n;
};

void apfs_cache_release(struct apfs_cache *k);

/*
 * The block @bno; give it back with apfs_blk_put. With @checksum it is the whole of an
 * object, whose checksum is verified the first time.
 */
int apfs_blk_get(struct apfs *c, uint64_t bno, bool checksum, struct apfs_blk **ret,
		 struct err *e) MUST_CHECK;
void apfs_blk_put(struct apfs *c, struct apfs_blk *b);

/* Read [off, off + len) of the container, not through the cache. */
int apfs_read_bytes(struct apfs *c, uint64_t off, void *buf, size_t len, struct err *e)
	MUST_CHECK;

/* What the header of an object must say. */
struct apfs_obj_want {
	const char *what; /* for messages */
	uint64_t oid;
	uint64_t xid;     /* exactly this one; 0: any up to the checkpoint's */
	uint32_t type;    /* with storage bits */
	uint32_t subtype;
};
/* The object of one block at @bno, checked. */
int apfs_obj_get(struct apfs *c, uint64_t bno, const struct apfs_obj_want *want,
		 struct apfs_blk **ret, struct err *e) MUST_CHECK;
int apfs_obj_check(const struct apfs *c, const struct apfs_obj *o, uint64_t bno,
		   const struct apfs_obj_want *want, struct err *e) MUST_CHECK;

/* ---- B-trees ---- */

/*
 * The key of any tree, taken apart. Order: id, type, num, name. In object maps num is
 * the xid, in extents the offset, in hashed directory records the hash of the name.
 */
struct apfs_key {
	uint64_t id;
	uint8_t type;
	uint64_t num;
	const char *name; /* NUL-terminated, in the node; "" when there is none */
	size_t name_len;  /* without the NUL */
};

struct apfs_tree;

struct apfs_tree_kind {
	const char *name;
	uint32_t subtype;
	uint16_t key_size, val_size; /* 0: variable */
	bool is_virtual;             /* index values are oids, not blocks */
	/* False when the bytes are no key of this tree. */
	bool (*parse)(const struct apfs_tree *t, const uint8_t *p, size_t len,
		      struct apfs_key *ret);
};

extern const struct apfs_tree_kind apfs_omap_tree_kind;
extern const struct apfs_tree_kind apfs_fs_tree_kind;
extern const struct apfs_tree_kind apfs_snap_tree_kind;
extern const struct apfs_tree_kind apfs_fext_tree_kind;

struct apfs_tree {
	struct apfs *c;
	const struct apfs_tree_kind *kind;
	uint64_t root;               /* oid or block */
	const struct apfs_tree *omap; /* of a virtual tree */
	uint64_t xid;                /* objects are looked up as of this transaction */
	bool hashed_names;           /* directory records are sorted by hash */
	bool sealed;                 /* nodes without header, children relative to root */
};

struct apfs_node {
	struct apfs_blk *b;
	uint32_t n;        /* entries */
	uint32_t i;        /* the current one */
	uint16_t level;
	uint16_t keys;     /* where the key area starts in the block */
	uint16_t vals_end; /* and the value area ends */
	uint16_t toc;
};

#define APFS_TREE_DEPTH 16

/* A place in the leaves of a tree. Initialise with apfs_cursor_init. */
struct apfs_cursor {
	const struct apfs_tree *t;
	unsigned depth; /* nodes held; 0: nowhere */
	unsigned ties;  /* neighbours of one hash so far */
	bool end;
	struct apfs_key key; /* of the current entry; borrowed from its node */
	const uint8_t *val;
	size_t val_len;
	struct apfs_node at[APFS_TREE_DEPTH];
};

void apfs_cursor_init(struct apfs_cursor *cur, const struct apfs_tree *t);
void apfs_cursor_release(struct apfs_cursor *cur);
/* To the first entry not before @want; .end when there is none. */
int apfs_cursor_seek(struct apfs_cursor *cur, const struct apfs_key *want,
		     struct err *e) MUST_CHECK;
/* To the last entry not behind @want; .end when there is none. */
int apfs_cursor_seek_last(struct apfs_cursor *cur, const struct apfs_key *want,
			  struct err *e) MUST_CHECK;
int apfs_cursor_next(struct apfs_cursor *cur, struct err *e) MUST_CHECK;

int apfs_key_cmp(const struct apfs_key *a, const struct apfs_key *b);

/* Read the root node, to see that the tree is there. */
int apfs_tree_probe(const struct apfs_tree *t, struct err *e) MUST_CHECK;

/* ---- object maps ---- */

struct apfs_omap_entry {
	uint64_t bno;
	uint64_t xid;
	uint32_t flags;
};

/* Make @t the tree of the object map at block @bno. */
int apfs_omap_open(struct apfs *c, uint64_t bno, struct apfs_tree *t, struct err *e)
	MUST_CHECK;
/* Where @oid is as of @xid. A missing object is E_CORRUPT: somebody refers to it. */
int apfs_omap_find(const struct apfs_tree *omap, uint64_t oid, uint64_t xid,
		   struct apfs_omap_entry *ret, struct err *e) MUST_CHECK;

/* ---- container ---- */

struct apfs {
	struct vdisk *disk;
	bool own_disk;
	unsigned flags;
	uint64_t offset, size; /* bytes, in the disk */
	uint64_t blocks;
	uint64_t xid;          /* of the checkpoint */
	struct apfs_nx_superblock sb;
	struct apfs_tree omap;
	struct apfs_info info;
	struct apfs_cache cache;
};

/* Find the newest intact checkpoint; fills sb, xid, omap, info. */
int apfs_checkpoint_load(struct apfs *c, struct err *e) MUST_CHECK;

/* ---- volumes ---- */

struct apfs_volume {
	struct apfs *c;
	struct apfs_superblock sb;
	struct apfs_volume_info info;
	bool fold; /* names match without case */
	struct apfs_tree omap, fs, snaps, fext;
};

/* ---- records ---- */

/* The value of the record with exactly this key. E_NOTFOUND. Valid while @cur stays. */
int apfs_record_find(struct apfs_volume *v, struct apfs_cursor *cur,
		     const struct apfs_key *key, struct err *e) MUST_CHECK;

/* The extended field @type of a blob. False when it is not there or the blob is broken. */
bool apfs_xfield_find(const uint8_t *blob, size_t len, uint8_t type, const uint8_t **ret,
		      size_t *ret_len);

/* ---- streams of data ---- */

struct apfs_stream {
	struct apfs_volume *v;
	uint64_t id;
	uint64_t size;
	/* the extent read last: [start, end) lies at byte disk_off, or is a hole at 0 */
	uint64_t start, end, disk_off;
};

void apfs_stream_init(struct apfs_stream *s, struct apfs_volume *v, uint64_t id,
		      uint64_t size);
int apfs_stream_pread(struct apfs_stream *s, uint64_t off, void *buf, size_t len,
		      size_t *ret_len, struct err *e) MUST_CHECK;

/* A stream xattr's value stays on disk: found here, read with apfs_stream_pread. */
struct apfs_xattr_ref {
	bool is_stream;
	struct apfs_stream stream;
	struct buf data; /* embedded value */
	uint64_t size;
};
int apfs_xattr_open(struct apfs_volume *v, uint64_t ino, const char *name,
		    struct apfs_xattr_ref *ret, struct err *e) MUST_CHECK;
void apfs_xattr_release(struct apfs_xattr_ref *x);
int apfs_xattr_pread(struct apfs_xattr_ref *x, uint64_t off, void *buf, size_t len,
		     struct err *e) MUST_CHECK;

/* ---- compressed files ---- */

struct apfs_decmpfs;

/* The unpacked size of a compressed file. */
int apfs_decmpfs_size(struct apfs_volume *v, uint64_t ino, uint64_t *ret, struct err *e)
	MUST_CHECK;
int apfs_decmpfs_open(struct apfs_volume *v, uint64_t ino, struct apfs_decmpfs **ret,
		      struct err *e) MUST_CHECK;
int apfs_decmpfs_pread(struct apfs_decmpfs *z, uint64_t off, void *buf, size_t len,
		       size_t *ret_len, struct err *e) MUST_CHECK;
/* Unpacked. */
uint64_t apfs_decmpfs_length(const struct apfs_decmpfs *z);
void apfs_decmpfs_close(struct apfs_decmpfs *z);

#endif
