/* SPDX-License-Identifier: MIT */
/*
 * The files that a bundle's signature covers: CodeResources, a property list of paths
 * with their hashes (files2, and for systems before 10.9.5 files) and of the rules by
 * which they were chosen. (resources.cpp, signer.cpp buildResources, StaticCode.cpp
 * validateResources)
 */
#ifndef SIM_FORMATS_CODESIGN_RESOURCES_H
#define SIM_FORMATS_CODESIGN_RESOURCES_H

#include "sim/formats/codesign/code.h"
#include "sim/formats/codesign/hash.h"
#include "sim/formats/codesign/rules.h"

#define CS_FILES_MAX	   65536
#define CS_PROBLEMS_MAX	   64
#define CS_RESOURCE_MAX	   (512u << 20) /* bytes of one file */

/* ---- walking ---- */

struct cs_found {
	const char *rel;  /* below the base; valid during the call */
	const char *path; /* on this machine */
	unsigned flags;	  /* CS_RULE_* */
	bool is_link;
};
struct cs_walk {
	void *ctx;
	/* Returns 0 to go on. A nested bundle is found as one, not what is in it. */
	int (*found)(void *ctx, const struct cs_found *f, struct err *e);
};
/*
 * Call for each file, link and nested bundle that @rules do not leave out, sorted by name
 * folder by folder. *ret_status: CS_OK, CS_RESOURCE_NOT_SUPPORTED (a device or the like),
 * CS_SIGNATURE_NOT_VERIFIABLE, CS_DS_STORE_SYMLINK.
 */
int cs_resources_walk(const struct cs_code *c, const struct cs_rules *rules,
		      const struct cs_walk *w, int *ret_status, struct err *e) MUST_CHECK;
/* Rules never cover the signature itself and the executable. */
int cs_rules_exclude_parts(struct cs_rules *rules, const struct cs_code *c,
			   struct err *e) MUST_CHECK;

/* ---- sealing ---- */

struct cs_seal_spec {
	const struct cs_hash *hash[2]; /* those of the code directories, by type */
	size_t n_hashes;
	void *ctx;
	/* What nested code at @path is sealed by: its designated requirement as text, and its
	   cdhash. */
	int (*nested)(void *ctx, const char *path, struct buf *req,
		      uint8_t cdhash[static CS_CDHASH_LEN], struct err *e);
};
/* Append CodeResources of the bundle @c. */
int cs_resources_seal(const struct cs_code *c, const struct cs_seal_spec *s,
		      struct buf *out, struct err *e) MUST_CHECK;

/* ---- checking ---- */

enum cs_problem_kind { CS_ALTERED, CS_MISSING, CS_ADDED };
struct cs_problem {
	enum cs_problem_kind kind;
	int status;
	char *rel; /* owned */
};
/* "file modified" and so on, as codesign -v says it. */
const char *cs_problem_text(enum cs_problem_kind kind);

/* Zero-initialise, release. */
struct cs_problems {
	struct cs_problem item[CS_PROBLEMS_MAX];
	size_t n, more; /* more: not kept */
};
void cs_problems_release(struct cs_problems *p);
int cs_problems_add(struct cs_problems *p, enum cs_problem_kind kind, int status,
		    const char *rel, struct err *e) MUST_CHECK;

struct cs_check_spec {
	struct span resources; /* the content of CodeResources, whose hash was checked */
	const struct cs_hash *hash[8]; /* all of the code directories */
	size_t n_hashes;
	void *ctx;
	/* Verify nested code against the requirement @req; *ret_status is the verdict. */
	int (*nested)(void *ctx, const char *path, const char *req, int *ret_status,
		      struct err *e);
};
/*
 * Compare the bundle with what was sealed. *ret_status: CS_OK, or what is wrong; for files
 * that differ it is that of the first, and @problems has them all.
 */
int cs_resources_check(const struct cs_code *c, const struct cs_check_spec *s,
		       struct cs_problems *problems, int *ret_status,
		       struct err *e) MUST_CHECK;

#endif
