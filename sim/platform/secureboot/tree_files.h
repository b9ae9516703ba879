/* SPDX-License-Identifier: MIT */
/* Files of volumes that are trees in memory: for installers and tests. */
#ifndef SIM_PLATFORM_SECUREBOOT_TREE_FILES_H
#define SIM_PLATFORM_SECUREBOOT_TREE_FILES_H

#include "sim/formats/fstree/fstree.h"
#include "sim/platform/secureboot/chain.h"
#include "sim/platform/secureboot/policy.h"

/* Borrowed; NULL: there is no such volume. */
struct sb_trees {
	struct fs_tree *volume[SB_N_VOLUMES];
};
struct sb_files sb_tree_files(struct sb_trees *t);
struct sb_policy_files sb_tree_policy_files(struct fs_tree *iscpreboot);

#endif
