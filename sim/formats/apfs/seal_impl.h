/* SPDX-License-Identifier: MIT */
/* Inside apfs_seal_check: the walk over the nodes, the content, the list of findings. */
#ifndef SIM_FORMATS_APFS_SEAL_IMPL_H
#define SIM_FORMATS_APFS_SEAL_IMPL_H

#include "sim/formats/apfs/seal_pool.h"

#define SEAL_FINDINGS_DEFAULT 100

/* Ids that could not be dealt with where they were met. */
struct seal_ids {
	uint64_t *ids; /* owned */
	size_t n, cap;
};
void seal_ids_release(struct seal_ids *s);
/* E_OVERFLOW beyond a million, so that memory is bounded. */
int seal_ids_add(struct seal_ids *s, uint64_t id, struct err *e) MUST_CHECK;
void seal_ids_sort(struct seal_ids *s);
bool seal_ids_has(const struct seal_ids *s, uint64_t id); /* sorted */

/* A chunk to be read, and where it is. */
struct seal_todo {
	struct apfs_chunk chunk;
	uint64_t disk_off; /* byte in the container; SEAL_SCATTERED: not in one piece */
};
#define SEAL_SCATTERED UINT64_MAX
#define SEAL_TODO_MAX  2048

struct seal_check {
	struct apfs_volume plain; /* the volume, read without checking */
	const struct apfs_seal_opts *opts;
	struct apfs_seal_report *report;
	size_t max_findings;
	struct seal_pool pool;
	struct apfs_stream stream; /* whose extents were looked at last */
	struct seal_todo *todo;	   /* owned, SEAL_TODO_MAX */
	size_t n_todo;
};

/* ---- findings (seal_report.c) ---- */

/*
 * Add a finding about @what, whose .text is not used; the text is formatted. What
 * continues the finding before is joined with it. Only E_NOMEM fails.
 */
int seal_find(struct seal_check *s, const struct apfs_seal_finding *what, struct err *e,
	      const char *fmt, ...) PRINTF_LIKE(4, 5) MUST_CHECK;
/* In the order of faults, ids and offsets. */
void seal_findings_sort(struct apfs_seal_report *r);
/* Find out which files the findings are about. Damage on the way leaves out names. */
int seal_find_paths(struct seal_check *s, struct err *e) MUST_CHECK;

/* Tell the caller how far it is. */
int seal_progress(struct seal_check *s, struct err *e) MUST_CHECK;

/* ---- nodes (seal_nodes.c) and their records (seal_records.c) ---- */

/* The records of one id, which are neighbours: an inode, or a stream. */
struct seal_owner {
	uint64_t id;
	bool has_inode;
	struct apfs_inode inode;
	uint64_t need; /* bytes that must have a hash in records of this id */
	uint64_t next; /* bytes that have one so far */
	bool gap;      /* they do not follow each other, which was said */
};

struct seal_walk {
	struct seal_check *s;
	const struct apfs_tree *t;
	struct seal_owner at;
	uint64_t n_keys;
	struct apfs_key last; /* of the leaves so far */
	char last_name[APFS_NAME_BUF];
	unsigned ties;
	bool any;
	struct seal_ids streams; /* that have hashes, and no inode of their id */
	struct seal_ids forks;	 /* those of them that are forks of compressed files */
};

/* The ids whose records are below an entry. */
struct seal_span {
	uint64_t first, last;
};

/* An error after which the check cannot go on. */
bool seal_must_stop(const struct err *e);
/* What @e says of the node at @bno becomes a finding, unless the check cannot go on. */
int seal_structure(struct seal_walk *w, uint64_t bno, struct seal_span ids,
		   struct err *e) MUST_CHECK;
/* A record of the leaf at @bno; records come in the order of the tree. */
int seal_record(struct seal_walk *w, const struct apfs_key *key, const uint8_t *val,
		size_t len, uint64_t bno, struct err *e) MUST_CHECK;
/* There are no more; what could not be checked where it was met is now. */
int seal_records_finish(struct seal_walk *w, struct err *e) MUST_CHECK;

/* All nodes, and through them all content. */
int seal_walk(struct seal_check *s, const uint8_t *root_hash, struct err *e) MUST_CHECK;

/* ---- content (seal_data.c) ---- */

/* Check @c, sooner or later, as content of the stream of its id. */
int seal_data_add(struct seal_check *s, const struct apfs_chunk *c,
		  struct err *e) MUST_CHECK;
/* Check the content of the compressed file @ino, and that all of it has a hash. */
int seal_data_packed(struct seal_check *s, const struct apfs_inode *ino,
		     uint64_t *ret_stream, struct err *e) MUST_CHECK;
/* All of what was added, until it is hashed. */
int seal_data_finish(struct seal_check *s, struct err *e) MUST_CHECK;

#endif
