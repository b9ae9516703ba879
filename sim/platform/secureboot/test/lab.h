/* SPDX-License-Identifier: MIT */
/* A Mac's chip and boot volumes in memory, for the tests of this folder. */
#ifndef SIM_PLATFORM_SECUREBOOT_TEST_LAB_H
#define SIM_PLATFORM_SECUREBOOT_TEST_LAB_H

#include "sim/platform/secureboot/install.h"
#include "sim/platform/secureboot/policy.h"
#include "sim/platform/secureboot/tree_files.h"

#define LAB_GROUP  "8E3B9A4C-0000-4000-8000-00000000C0DE"
#define LAB_GROUP2 "11111111-2222-4333-8444-555555555555"

/* The keys of this test program; made at the first call. */
const struct sb_keys *lab_keys(void);

struct lab {
	const struct machine_model *machine;
	struct sb_chip chip;
	struct fs_tree preboot, iscpreboot, recovery;
	struct sb_trees trees;
	struct sb_files files;
	struct sb_policy_files policies;
	struct sep sep; /* stores nowhere; macOS */
};

/* A new Mac with nothing on it. */
void lab_init(struct lab *l, const char *machine);
void lab_release(struct lab *l);

/* Objects of a system of that machine and a root hash of bytes @root_hash. */
struct sb_install_spec lab_spec(const struct lab *l, uint8_t root_hash);
void lab_install(struct lab *l, const struct sb_install_spec *s);
/* lab_init and an installation at @level. */
void lab_mac(struct lab *l, const char *machine, enum sb_level level);

/* Verify the boot of LAB_GROUP; release with sb_result_release. */
void lab_boot(struct lab *l, bool recovery, struct sb_result *r);
/* The same, and only how it ended and by which result. */
enum sb_end lab_ends(struct lab *l, enum img4_result *ret_result);

/* The file of @object in the boot folder (or beside: x86); NULL when there is none. */
struct fs_node *lab_object(struct lab *l, uint32_t object);
/* The only policy file of @group whose name ends with @suffix; its path in @path. */
struct fs_node *lab_policy_file(struct lab *l, const char *group, const char *suffix,
				char path[static LP_PATH_MAX]);

#endif
