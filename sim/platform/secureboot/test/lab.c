/* SPDX-License-Identifier: MIT */
#include "sim/platform/secureboot/test/lab.h"

#include <stdio.h>
#include <string.h>

#include "sim/base/test.h"
#include "sim/platform/secureboot/layout.h"

const struct sb_keys *lab_keys(void)
{
	static struct sb_keys keys;
	char dir[512];
	struct err e = ERR_INIT;

	snprintf(dir, sizeof(dir), "%s/keys", test_tmpdir());
	if (!keys.id[SB_ROOT].key)
		ASSERT_OK(sb_keys_load(dir, &keys, &e), &e);
	return &keys;
}

void lab_init(struct lab *l, const char *machine)
{
	struct img4_chip id = {.cepo = 1, .sdom = 1, .cpro = true, .csec = true};
	struct err e = ERR_INIT;

	*l = (struct lab){.machine = machine_by_name(machine)};
	CU_ASSERT_PTR_NOT_NULL_FATAL(l->machine);
	id.chip = l->machine->chip_id;
	id.bord = l->machine->board_id;
	sb_chip_init(&l->chip);
	ASSERT_OK(sb_chip_make(&l->chip, &id, lab_keys(), &e), &e);
	ASSERT_OK(fs_tree_init(&l->preboot, 0, &e), &e);
	ASSERT_OK(fs_tree_init(&l->iscpreboot, 0, &e), &e);
	ASSERT_OK(fs_tree_init(&l->recovery, 0, &e), &e);
	l->trees = (struct sb_trees){{[SB_ISCPREBOOT] = &l->iscpreboot,
				      [SB_PREBOOT] = &l->preboot,
				      [SB_RECOVERY] = &l->recovery}};
	l->files = sb_tree_files(&l->trees);
	l->policies = sb_tree_policy_files(&l->iscpreboot);
	l->sep = (struct sep){
		.chip = &l->chip, .store = sep_store_later, .env = SEP_MACOS};
}

void lab_release(struct lab *l)
{
	sb_chip_release(&l->chip);
	fs_tree_release(&l->preboot);
	fs_tree_release(&l->iscpreboot);
	fs_tree_release(&l->recovery);
}

#define OBJECT(a, b, c, d, text)                                                         \
	{                                                                                \
		FOURCC(a, b, c, d), "test",                                              \
		{                                                                        \
			(const uint8_t *)(text), sizeof(text) - 1                        \
		}                                                                        \
	}

static const struct sb_object arm_objects[] = {
	OBJECT('i', 'l', 'l', 'b', "LLB"),
	OBJECT('s', 'e', 'p', 'i', "SEP"),
	OBJECT('i', 'b', 'o', 't', "iBoot"),
	OBJECT('d', 't', 'r', 'e', "device tree"),
	OBJECT('k', 'r', 'n', 'l', "kernel"),
	OBJECT('t', 'r', 's', 't', "trust"),
	OBJECT('b', 's', 't', 'c', "base trust"),
	OBJECT('i', 'b', 'd', 't', "data"),
};
static const struct sb_object t2_objects[] = {
	OBJECT('b', 'e', 'f', 'i', "booter"),
	OBJECT('k', 'r', 'n', 'l', "kernel collection"),
};

struct sb_install_spec lab_spec(const struct lab *l, uint8_t root_hash)
{
	static struct sb_services services;
	struct sb_install_spec s = {
		.machine = l->machine,
		.group = LAB_GROUP,
		.os_version = "21.3.52.0.0,0",
		.objects = arm_objects,
		.n_objects = sizeof(arm_objects) / sizeof(arm_objects[0]),
	};

	services = sb_keys_services(lab_keys());
	s.services = &services;
	memset(s.root_hash, root_hash, sizeof(s.root_hash));
	if (l->machine->apple_silicon)
		return s;
	s.objects = l->machine->t2 ? t2_objects : t2_objects + 1;
	s.n_objects = l->machine->t2 ? 2 : 1;
	return s;
}

void lab_install(struct lab *l, const struct sb_install_spec *spec)
{
	struct sb_install_spec s = *spec;
	struct err e = ERR_INIT;

	s.recovery = &l->recovery;
	ASSERT_OK(sb_install(&s, &l->preboot, &l->iscpreboot, &l->chip, &e), &e);
}

void lab_mac(struct lab *l, const char *machine, enum sb_level level)
{
	struct sb_install_spec s;

	lab_init(l, machine);
	s = lab_spec(l, 0xa4);
	s.level = level;
	lab_install(l, &s);
}

void lab_boot(struct lab *l, bool recovery, struct sb_result *r)
{
	struct sb_boot b = {.machine = l->machine,
			    .files = &l->files,
			    .chip = &l->chip,
			    .group = LAB_GROUP,
			    .recovery = recovery};
	struct err e = ERR_INIT;

	ASSERT_OK(sb_boot_verify(&b, r, &e), &e);
}

enum sb_end lab_ends(struct lab *l, enum img4_result *ret_result)
{
	struct sb_result r;
	enum sb_end end;

	lab_boot(l, false, &r);
	end = r.end;
	*ret_result = r.result;
	sb_result_release(&r);
	return end;
}

struct fs_node *lab_object(struct lab *l, uint32_t object)
{
	char path[512], active[128] = "";
	const struct fs_node *a;
	size_t n;
	const struct sb_row *row = sb_rows(l->machine->secure_boot, false, &n);

	snprintf(path, sizeof(path), "/" LAB_GROUP "/" SB_ACTIVE);
	a = fs_tree_find(&l->preboot, path);
	if (a)
		snprintf(active, sizeof(active), "boot/%s/", (const char *)a->data);
	for (size_t i = 0; i < n; i++) {
		if (row[i].object != object || !row[i].path)
			continue;
		snprintf(path, sizeof(path), "/" LAB_GROUP "/%s%s", active, row[i].path);
		return fs_tree_find(&l->preboot, path);
	}
	return NULL;
}

struct fs_node *lab_policy_file(struct lab *l, const char *group, const char *suffix,
				char path[static LP_PATH_MAX])
{
	struct fs_node *dir, *found = NULL;

	snprintf(path, LP_PATH_MAX, "/%s/" LP_FOLDER, group);
	dir = fs_tree_find(&l->iscpreboot, path);
	for (struct fs_node *n = dir ? dir->children : NULL; n; n = n->next) {
		size_t len = strlen(n->name), tail = strlen(suffix);

		if (len != 2 * IMG4_DIGEST_LEN + tail ||
		    strcmp(n->name + len - tail, suffix) != 0)
			continue;
		CU_ASSERT_PTR_NULL(found);
		found = n;
		snprintf(path, LP_PATH_MAX, "/%s/" LP_FOLDER "/%s", group, n->name);
	}
	return found;
}
