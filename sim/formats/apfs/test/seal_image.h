/* SPDX-License-Identifier: MIT */
/*
 * A sealed volume for tests, and ways to damage it: as a disk does, and as somebody who
 * can compute hashes does.
 */
#ifndef SIM_FORMATS_APFS_TEST_SEAL_IMAGE_H
#define SIM_FORMATS_APFS_TEST_SEAL_IMAGE_H

#include "sim/formats/apfs/raw.h"
#include "sim/formats/apfs/reader.h"
#include "sim/formats/apfs/writer.h"

#define SEAL_SMALL_FILES 300
#define SEAL_BIG_BYTES	 (300u * 1024 + 77)
#define SEAL_TIME	 1637520000000000000 /* 2021-11-21T18:40:00Z */

struct seal_image {
	char path[4096];
	int fd;
	struct apfs_sealed sealed; /* what the writer said */
	uint64_t blocks;	   /* behind the last one that is not a hole */
};

/*
 * One sealed volume, "Macintosh HD" of the role System, with a snapshot of its root hash:
 *	/folder N/file M     M from 0 to SEAL_SMALL_FILES-1 in 10 folders, of M bytes
 *	/big                 SEAL_BIG_BYTES
 *	/slack               5000 bytes
 *	/linked, /folder 1/again   20000 bytes, one file
 *	/attr                "x", with a stream attribute "long" of 20000 bytes
 *	/link, /empty
 * Close with seal_image_close.
 */
void seal_image_make(struct seal_image *im, const char *name);
/* The same, and @more (may be NULL) adds to the tree. */
void seal_image_make_with(struct seal_image *im, const char *name,
			  void (*more)(struct fs_tree *t));
void seal_image_close(struct seal_image *im);

/* The byte at @i of the file that begins with the text @name. */
uint8_t seal_image_byte(const char *name, size_t i);
void seal_image_content(const char *name, uint8_t *out, size_t len);

void seal_image_get(const struct seal_image *im, uint64_t bno, uint8_t *b);
void seal_image_put(struct seal_image *im, uint64_t bno, const uint8_t *b);
/* With a checksum that fits. */
void seal_image_put_object(struct seal_image *im, uint64_t bno, uint8_t *b);
void seal_image_flip(struct seal_image *im, uint64_t bno, size_t at, uint8_t mask);

/* Is @b a node of a sealed tree? */
bool seal_image_is_node(const uint8_t *b);
/* The first block from @from on that has @bytes at @ret_at; 0: none. */
uint64_t seal_image_find(const struct seal_image *im, uint64_t from, const void *bytes,
			 size_t len, size_t *ret_at);
/* The first object of @type from block 1 on, copied to @b. */
uint64_t seal_image_object(const struct seal_image *im, uint32_t type, uint8_t *b);

/*
 * Write @b over the node at @bno, and correct the hash of it in its parent, and so on up
 * to the stored root hash: a seal that holds, around what nobody should have sealed. In
 * @root (may be NULL) the new root hash.
 */
void seal_image_reseal(struct seal_image *im, uint64_t bno, const uint8_t *b,
		       uint8_t *root);

/* SHA-256 of @len bytes. */
void seal_image_hash(const void *data, size_t len, uint8_t hash[32]);

/* ---- records of the leaves ---- */

struct seal_record {
	uint64_t bno;
	unsigned i; /* entry */
	size_t toc; /* offsets in the block: its struct apfs_kvloc */
	size_t key, key_len, val, val_len;
	uint64_t id;
	uint8_t type;
};
/*
 * The first record of @type and of @id (0: of any) in the leaves, in the order of the
 * disk; it must be there. @b gets the node.
 */
void seal_image_record(const struct seal_image *im, uint64_t id, uint8_t type,
		       struct seal_record *ret, uint8_t *b);
/* Entry @i of node @b. */
void seal_image_entry(const uint8_t *b, unsigned i, struct seal_record *ret);
/* The root node. */
uint64_t seal_image_root(const struct seal_image *im, uint8_t *b);
/* The inode of @path. */
uint64_t seal_image_inode(const struct seal_image *im, const char *path);

#endif
