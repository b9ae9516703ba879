/* SPDX-License-Identifier: MIT */
/* Shared by the files of policy.h; not for others. */
#ifndef SIM_PLATFORM_SECUREBOOT_POLICY_IMPL_H
#define SIM_PLATFORM_SECUREBOOT_POLICY_IMPL_H

#include "sim/platform/secureboot/policy.h"
#include "sim/platform/secureboot/sep_impl.h"

struct policy_name {
	const char *group;
	enum lp_file which; /* LP_FILE_MACOS or LP_FILE_RECOVERY */
	uint8_t lpnh[IMG4_DIGEST_LEN];
};

/* Zero-initialise; release with policy_file_release. */
struct policy_file {
	char path[LP_PATH_MAX];
	struct buf bytes;
	struct local_policy policy;
};

/* Read a policy and verify it as LLB does. E_NOTFOUND, E_CORRUPT. */
int policy_file(const struct sb_chip *chip, const struct sb_policy_files *files,
		const struct policy_name *n, struct policy_file *ret,
		struct err *e) MUST_CHECK;
void policy_file_release(struct policy_file *f);

/* The systems that have a folder on iSCPreboot. Zero-initialise. */
struct policy_groups {
	char (*name)[UUID_TEXT_MAX];
	size_t n;
};
int policy_groups(const struct sb_policy_files *files, struct policy_groups *ret,
		  struct err *e) MUST_CHECK;
void policy_groups_release(struct policy_groups *g);

#endif
