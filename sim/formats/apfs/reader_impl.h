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
#include "sim/formats/apfs/seal.h"

/* ---- blocks ---- */

struct apfs_blk {
	uint64_t bno;
	unsigned refs;
	bool checksum_ok; /* verified; nodes of sealed volumes have none */
	bool hashed;      /* .hash is the SHA-256 of the data */
	struct apfs_blk *hash_next;
	struct apfs_blk *newer, *older; /* in the order of use, while refs is 0 */
	uint8_t hash[APFS_SEAL_HASH_LEN];
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
	struct apfs_verify *verify;  /* nodes have to have their hash; NULL: they need not */
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

/* Where an entry of an index node leads to. */
struct apfs_child {
	uint64_t ref;        /* oid or block */
	const uint8_t *hash; /* what the child must have; in the node. NULL: none there */
};

/* The block of the node @ref, not looked into but for the header that some have. */
int apfs_node_block(const struct apfs_tree *t, uint64_t ref, bool root,
		    struct apfs_blk **ret, struct err *e) MUST_CHECK;
/* Take the layout of n->b, a child of @above (NULL: the root), apart. */
int apfs_node_layout(const struct apfs_tree *t, const struct apfs_node *above,
		     struct apfs_node *n, struct err *e) MUST_CHECK;
/* Both, with the hash compared in between if need be; give ret->b back. */
int apfs_node_get(const struct apfs_tree *t, const struct apfs_child *to,
		  const struct apfs_node *above, struct apfs_node *ret, struct err *e)
	MUST_CHECK;
/* Of entry @i; all is borrowed from the node. */
int apfs_node_key(const struct apfs_tree *t, const struct apfs_node *n, uint32_t i,
		  struct apfs_key *ret, struct err *e) MUST_CHECK;
int apfs_node_val(const struct apfs_tree *t, const struct apfs_node *n, uint32_t i,
		  const uint8_t **ret, size_t *ret_len, struct err *e) MUST_CHECK;
int apfs_node_child(const struct apfs_tree *t, const struct apfs_node *n, uint32_t i,
		    struct apfs_child *ret, struct err *e) MUST_CHECK;

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

/* Where the container is: in the partition of that type, or the whole disk. */
int apfs_find_container(struct vdisk *d, uint64_t *offset, uint64_t *size, struct err *e)
	MUST_CHECK;

/* Find the newest intact checkpoint; fills sb, xid, omap, info. */
int apfs_checkpoint_load(struct apfs *c, struct err *e) MUST_CHECK;

/*
 * The object that an entry of a checkpoint map names, whole and checked, into *@ret, which
 * the caller frees.
 */
int apfs_ephemeral_read(struct apfs *c, const struct apfs_checkpoint_mapping *m,
			uint8_t **ret, struct err *e) MUST_CHECK;

/* ---- volumes ---- */

struct apfs_volume {
	struct apfs *c;
	struct apfs_superblock sb;
	uint64_t sb_bno;
	struct apfs_volume_info info;
	struct apfs_verify *verify; /* owned; NULL: hashes are not looked at */
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

/* An inode without what is in its attributes: size of a link or a compressed file. */
int apfs_inode_parse(uint64_t ino, const uint8_t *val, size_t len, struct apfs_inode *ret,
		     struct err *e) MUST_CHECK;

/* The value of an attribute; .bytes point into @val. */
struct apfs_xattr_value {
	uint16_t flags;
	uint64_t size;
	uint64_t stream;      /* id, when the value is a stream; else 0 */
	const uint8_t *bytes; /* else */
};
int apfs_xattr_parse(const struct apfs_key *key, const uint8_t *val, size_t val_len,
		     struct apfs_xattr_value *ret, struct err *e) MUST_CHECK;

/* ---- streams of data ---- */

struct apfs_stream {
	struct apfs_volume *v;
	uint64_t id;
	uint64_t size;
	/* the extent read last: [start, end) lies at byte disk_off, or is a hole at 0 */
	uint64_t start, end, disk_off;
	bool raw; /* not what is hashed: the fork of a compressed file */
};

void apfs_stream_init(struct apfs_stream *s, struct apfs_volume *v, uint64_t id,
		      uint64_t size);
int apfs_stream_pread(struct apfs_stream *s, uint64_t off, void *buf, size_t len,
		      size_t *ret_len, struct err *e) MUST_CHECK;
/* Make the extent, or hole, that @off lies in the one in start, end, disk_off. */
int apfs_stream_locate(struct apfs_stream *s, uint64_t off, struct err *e) MUST_CHECK;
/* What lies in [off, off + len), beyond the stream's size too; unchecked. */
int apfs_stream_read(struct apfs_stream *s, uint64_t off, void *buf, size_t len,
		     struct err *e) MUST_CHECK;

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

/* ---- checking while reading (reader_verify.c) ---- */

/* NULL is fine. */
void apfs_verify_free(struct apfs_verify *k);
/* Borrowed; what apfs_child.hash of the root points to. */
const uint8_t *apfs_verify_root_hash(const struct apfs_verify *k);
/* Has @b the hash that @to wants? E_BADHASH. */
int apfs_verify_node(struct apfs_verify *k, struct apfs_blk *b,
		     const struct apfs_child *to, struct err *e) MUST_CHECK;
/* [off, off + len) of a stream whose volume is verified, inside its size. */
int apfs_verify_pread(struct apfs_stream *s, uint64_t off, void *buf, size_t len,
		      struct err *e) MUST_CHECK;
/*
 * Is @data the content of @id from @off on? @len bytes, whole blocks; chunks have to begin
 * and end with it.
 */
int apfs_verify_unpacked(struct apfs_volume *v, uint64_t id, uint64_t off,
			 const uint8_t *data, size_t len, struct err *e) MUST_CHECK;

/* ---- compressed files ---- */

struct apfs_decmpfs;

/* The unpacked size of a compressed file. */
int apfs_decmpfs_size(struct apfs_volume *v, uint64_t ino, uint64_t *ret, struct err *e)
	MUST_CHECK;
int apfs_decmpfs_open(struct apfs_volume *v, uint64_t ino, struct apfs_decmpfs **ret,
		      struct err *e) MUST_CHECK;
int apfs_decmpfs_pread(struct apfs_decmpfs *z, uint64_t off, void *buf, size_t len,
		       size_t *ret_len, struct err *e) MUST_CHECK;
/* What the hashes of a sealed volume are filed under: the inode, or the fork's stream. */
uint64_t apfs_decmpfs_hashed_as(const struct apfs_decmpfs *z);
/* Unpacked. */
uint64_t apfs_decmpfs_length(const struct apfs_decmpfs *z);
void apfs_decmpfs_close(struct apfs_decmpfs *z);

#endif
