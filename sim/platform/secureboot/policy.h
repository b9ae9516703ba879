/* SPDX-License-Identifier: MIT */
/*
 * Changing policies. One nonce serves all systems of a Mac, so that one change signs
 * every policy anew:
 *
 *	begin    the Secure Enclave proposes a new nonce              (one store)
 *	         each policy is signed under it and written, synced   (new files)
 *	end      the proposed nonce becomes the blessed one           (one store)
 *	         files under other names are removed
 *
 * LLB asks for the proposed digest first and goes on with the blessed one when there is
 * no good file of that name. So a power cut at any point leaves the old policy or the
 * new one, never none. The next start of macOS, or the next change, ends what was
 * cut off.
 */
#ifndef SIM_PLATFORM_SECUREBOOT_POLICY_H
#define SIM_PLATFORM_SECUREBOOT_POLICY_H

#include "sim/platform/secureboot/sep.h"

/* The files of iSCPreboot. Paths are absolute within the volume. */
struct sb_policy_files {
	void *ctx;
	/* Append to @out. E_NOTFOUND. */
	int (*read)(void *ctx, const char *path, struct buf *out, struct err *e);
	/* Whole and durable, or not there; makes missing folders. */
	int (*write)(void *ctx, const char *path, const void *data, size_t len,
		     struct err *e);
	/* A file, or a folder and all below it; what is not there is fine. */
	int (*remove)(void *ctx, const char *path, struct err *e);
	/* Call @each with every name in folder @path; stop when it fails. E_NOTFOUND. */
	int (*list)(void *ctx, const char *path,
		    int (*each)(void *arg, const char *name, struct err *e), void *arg,
		    struct err *e);
};

/* Those below folder @dir (borrowed), where the volume is mounted. */
struct sb_policy_files sb_policy_files_in(const char *dir);

/* One field: set when value.present, else taken out. */
struct lp_change {
	enum lp_field field;
	struct lp_value value;
};

struct policy_edit {
	bool from_scratch; /* lp_set_level(level) comes first */
	enum sb_level level;
	const struct lp_change *changes; /* then these in order */
	size_t n_changes;
	/* Linked manifests (IM4M) to be put beside the policy; p NULL: the old ones stay.
	 */
	struct span auxk, fuos;
};

/*
 * Each returns 0, or: E_PERM, refused by the Secure Enclave (*ret_status, may be NULL,
 * says how: SEP_ERR_MODE, SEP_ERR_PAIRING, ...); E_INVAL, the policy would not be
 * consistent; E_NOTFOUND, no valid policy of @group. Nothing was changed then. Other
 * errors are of the files or the chip; what was begun is ended by the next call. @group:
 * volume group UUID, upper case.
 */
int policy_update(struct sep *s, const struct sb_policy_files *files, const char *group,
		  const struct policy_edit *edit, enum sep_status *ret_status,
		  struct err *e) MUST_CHECK;

/* The first policy of a system, or, when there is one, another in its place. */
int policy_create(struct sep *s, const struct sb_policy_files *files, const char *group,
		  const struct local_policy *p, enum sep_status *ret_status,
		  struct err *e) MUST_CHECK;

/* Remove the policy of @group with its folder; the others are signed anew. */
int policy_remove(struct sep *s, const struct sb_policy_files *files, const char *group,
		  enum sep_status *ret_status, struct err *e) MUST_CHECK;

/*
 * End an update that was cut off, and remove what one may have left behind. Does nothing
 * when there is neither. Each start of macOS does it, and so does each change.
 */
int policy_settle(struct sep *s, const struct sb_policy_files *files,
		  enum sep_status *ret_status, struct err *e) MUST_CHECK;

/*
 * The policy in force: the proposed one if there is a good file of it, else the blessed.
 * @file (may be NULL): what the file holds is appended. E_NOTFOUND.
 */
int policy_read(const struct sb_chip *chip, const struct sb_policy_files *files,
		const char *group, struct local_policy *ret,
		char path[static LP_PATH_MAX], struct buf *file,
		struct err *e) MUST_CHECK;

/*
 * An attack for scenarios: @old, a policy that was read before (policy_read's @file),
 * takes the place of the one in force, under the latter's name.
 */
int policy_replay(const struct sb_chip *chip, const struct sb_policy_files *files,
		  const char *group, struct span old, struct err *e) MUST_CHECK;

#endif
