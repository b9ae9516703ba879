/* SPDX-License-Identifier: MIT */
/*
 * The seal of a volume (Apple File System Reference, 2020-06-22, p. 150).
 *
 * Each node of a sealed volume's file-system tree holds the SHA-256 of its children, each
 * 16 KiB of a file has its SHA-256 in a leaf of that tree, and the integrity metadata
 * holds the SHA-256 of the root node: the root hash, which is the seal. What is reached
 * from a root hash by comparing hashes is what was sealed, whatever else the disk says:
 * where things lie (object map, extents) is not sealed and needs not be.
 *
 * Three ways to look at it:
 *
 *	apfs_seal_info_get   what the seal says of itself; reads one block
 *	apfs_volume_verify   everything is checked when it is read, from then on
 *	apfs_seal_check      everything is checked now, and all that is wrong is listed
 *
 * A volume, or one of its snapshots, is opened first (reader.h). Hash types other than
 * SHA-256 are E_UNSUPPORTED. Nothing here is for two threads at once.
 */
#ifndef SIM_FORMATS_APFS_SEAL_H
#define SIM_FORMATS_APFS_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/formats/apfs/reader.h"

#define APFS_SEAL_HASH_LEN 32 /* SHA-256 */

/* ---- what the seal says of itself ---- */

struct apfs_seal_info {
	bool sealed;	     /* false: the volume never was, and all else is 0 */
	bool broken;	     /* APFS_SEAL_BROKEN is set */
	uint64_t broken_xid; /* transaction that broke it; 0: intact, or version 1 */
	uint32_t version;    /* of the integrity metadata, 1 or 2 */
	uint32_t flags;
	uint32_t hash_type;		       /* APFS_HASH_SHA256 */
	uint8_t root_hash[APFS_SEAL_HASH_LEN]; /* as stored: nothing was compared */
	uint32_t hash_offset;		       /* of the root hash in the block */
	uint64_t oid, block, xid;	       /* of the integrity metadata */
};

/*
 * Read the integrity metadata of the opened state (live or snapshot): one object, found
 * through the object map; the tree is not walked, so that the time does not depend on
 * what is on the volume. E_CORRUPT and E_UNSUPPORTED name block and field.
 */
int apfs_seal_info_get(struct apfs_volume *v, struct apfs_seal_info *ret,
		       struct err *e) MUST_CHECK;

/* ---- checked when it is read ---- */

/*
 * From now on every node of @v's file-system tree is compared with the hash in its
 * parent, and every block of a file or of a stream attribute with its hash in the tree,
 * before anything of it is handed out; a compressed file when it is unpacked. @root_hash
 * is what the root node must have; NULL: what the integrity metadata says, which is then
 * all that is trusted. The root node is checked at once.
 *
 * All functions of reader.h on @v then may return E_BADHASH, with a message that names
 * the node's block, or the stream's id with offset and block; nothing else of the volume
 * is impaired. A file or stream that has no hashes is E_BADHASH too. What was checked is
 * remembered (64 bytes for each 16 KiB of the volume, at most 32 MiB), so that reading it
 * again costs no hashing.
 *
 * E_INVAL when the volume is not sealed; E_BADHASH when its seal is broken or the root
 * node is not the one.
 */
int apfs_volume_verify(struct apfs_volume *v, const uint8_t root_hash[APFS_SEAL_HASH_LEN],
		       struct err *e) MUST_CHECK;

/* What an E_BADHASH was about. */
struct apfs_bad_hash {
	bool node;	 /* a node of the file-system tree; else content */
	uint64_t id;	 /* of the node's object, or of the stream */
	uint64_t offset; /* bytes, where the hashed piece begins in the stream */
	uint64_t block;	 /* of the node, or of that piece; 0: a hole, or compressed */
};
/* The last one of @v. False when there was none. */
bool apfs_volume_bad_hash(const struct apfs_volume *v, struct apfs_bad_hash *ret);

/* What was done so far; all 0 without apfs_volume_verify. */
struct apfs_verify_stats {
	uint64_t nodes;	       /* hashed */
	uint64_t chunks;       /* of files, hashed */
	uint64_t bytes;	       /* of both */
	uint64_t known_chunks; /* not hashed, since they were before */
};
void apfs_verify_stats_of(const struct apfs_volume *v, struct apfs_verify_stats *ret);

/* ---- everything, now ---- */

enum apfs_seal_fault {
	APFS_SEAL_FAULT_FLAG,	   /* the seal is marked as broken */
	APFS_SEAL_FAULT_ROOT,	   /* the root node's hash is not the root hash */
	APFS_SEAL_FAULT_NODE,	   /* a node's hash is not the one in its parent */
	APFS_SEAL_FAULT_STRUCTURE, /* a node cannot be found, or violates its format */
	APFS_SEAL_FAULT_DATA,	   /* content has another hash than the tree says */
	APFS_SEAL_FAULT_COVER,	   /* content without a hash */
	APFS_SEAL_FAULT_UNREAD,	   /* content that cannot be read or unpacked */
	APFS_SEAL_FAULT_MAX
};
/* "node", "data", ...: stable, for programs. */
const char *apfs_seal_fault_name(enum apfs_seal_fault f);

#define APFS_SEAL_PATHS_MAX 8

struct apfs_seal_finding {
	enum apfs_seal_fault fault;
	uint64_t block;		    /* the node, or where the content lies; 0: nowhere */
	uint64_t first_id, last_id; /* inodes or streams that it is about; 0: all */
	uint64_t offset;	    /* bytes in the stream */
	uint64_t length;	    /* bytes */
	char *text;		    /* owned: what is wrong, without the paths */
	char *paths[APFS_SEAL_PATHS_MAX]; /* owned: files that it is about */
	size_t n_paths;
	uint64_t more_paths; /* how many more there are */
};

struct apfs_seal_report {
	struct apfs_seal_info info;
	uint64_t nodes, inodes, chunks;	    /* checked */
	uint64_t node_bytes, data_bytes;    /* hashed */
	uint64_t faults;		    /* all of them: 0 means that the seal holds */
	struct apfs_seal_finding *findings; /* owned: the first ones */
	size_t n_findings;
};
void apfs_seal_report_release(struct apfs_seal_report *r);

struct apfs_seal_opts {
	unsigned threads; /* 0: one for each processor, at most APFS_SEAL_THREADS_MAX */
	size_t max_findings;	  /* 0: 100 */
	const uint8_t *root_hash; /* APFS_SEAL_HASH_LEN bytes; NULL: the stored one */
	/* Called now and then from the caller's thread; negative: give up (E_CANCELED).
	 */
	int (*progress)(void *ctx, uint64_t done_bytes, uint64_t all_bytes);
	void *ctx;
};
#define APFS_SEAL_THREADS_MAX 16

/*
 * Check all nodes and all content of @v against the seal. 0 when everything could be
 * looked at, whether the seal holds or not; *ret, which the caller releases in any case,
 * says what was found. @opts may be NULL. E_INVAL when the volume is not sealed, E_IO,
 * E_NOMEM, E_CANCELED, or an error of apfs_seal_info_get.
 */
int apfs_seal_check(struct apfs_volume *v, const struct apfs_seal_opts *opts,
		    struct apfs_seal_report *ret, struct err *e) MUST_CHECK;

/* ---- one file ---- */

/* A node on the way from the root to a record. */
struct apfs_seal_node {
	uint64_t oid, block;
	uint16_t level; /* 0: leaf */
	size_t parent;	/* index of its parent; its own for the root */
	uint8_t expected[APFS_SEAL_HASH_LEN]; /* in the parent; of the root: stored */
	uint8_t found[APFS_SEAL_HASH_LEN];
};

/* A piece of content. */
struct apfs_seal_chunk {
	uint64_t offset; /* bytes in the content */
	uint64_t length; /* bytes, whole blocks */
	uint64_t block;	 /* where it begins; 0: a hole, or compressed */
	size_t leaf;	 /* index of the node with the hash */
	uint8_t expected[APFS_SEAL_HASH_LEN]; /* in the leaf */
	uint8_t found[APFS_SEAL_HASH_LEN];
	bool read; /* false: it could not be, and found is 0 */
};

struct apfs_seal_explanation {
	struct apfs_seal_info info;
	struct apfs_inode inode;
	uint64_t stream;	      /* id that the hashes are filed under */
	bool compressed;	      /* the hashes are of the unpacked content */
	struct apfs_seal_node *nodes; /* owned; [0] is the root */
	size_t n_nodes;
	size_t inode_leaf;		/* index of the node with the inode */
	struct apfs_seal_chunk *chunks; /* owned */
	size_t n_chunks;
};
void apfs_seal_explanation_release(struct apfs_seal_explanation *x);

/*
 * What protects the file at @path (links are not followed), from its content up to the
 * root hash, with the hashes that should be and those that are. Nothing is refused for a
 * wrong hash. E_INVAL when the volume is not sealed, errors of apfs_lookup.
 */
int apfs_seal_explain(struct apfs_volume *v, const char *path,
		      struct apfs_seal_explanation *ret, struct err *e) MUST_CHECK;

#endif
