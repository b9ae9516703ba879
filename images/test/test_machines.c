/* SPDX-License-Identifier: MIT */
/*
 * The disks of every kind of Mac with macOS 11 and 12: judged by apfsck and 7-Zip, sealed,
 * signed so that the chain of the boot holds, and the same bytes when they are made again.
 */
#include "sim/formats/apfs/test/image.h"
#include "sim/formats/apfs/test/make_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/disk_files.h"
#include "images/cachekey.h"
#include "images/inspect.h"
#include "images/layout.h"
#include "images/sparse.h"
#include "sim/base/fsio.h"
#include "sim/formats/apfs/edit.h"
#include "sim/formats/apfs/seal.h"
#include "sim/formats/apfs/writer.h"
#include "sim/platform/secureboot/chain.h"
#include "sim/platform/secureboot/policy.h"

#define PATH_BUF 4096

static const struct {
	const char *machine, *release;
	bool owner; /* set something: Permissive, SIP off */
} macs[] = {
	{"m1", "11.0.1", false},     {"m1", "12.1", true},    {"m1-pro", "12.1", false},
	{"m1-max", "12.0.1", false}, {"intel", "11.0.1", false}, {"intel", "12.1", false},
	{"t2", "12.1", false},	     {"m1", "12.1", false},
};
#define N_MACS (sizeof(macs) / sizeof(macs[0]))

static struct image_env env(void)
{
	static char build[PATH_BUF];

	snprintf(build, sizeof(build), "%s", test_source("build"));
	return (struct image_env){.source_dir = getenv("SRCDIR") ? getenv("SRCDIR") : ".",
				  .build_dir = build};
}

/* Guest programs are not part of every build; partitions need the carrier's kernel. */
static bool parts_missing(void)
{
	return !fsio_exists(test_source("build/guest/kernelmanagerd")) ||
	       !fsio_exists(test_source("build/cache/carrier/current/vmlinuz"));
}

static struct disk_spec spec_of(size_t i)
{
	return (struct disk_spec){.machine = machine_by_name(macs[i].machine),
				  .release = release_by_name(macs[i].release),
				  .order = i % 2 ? VOLUME_ORDER_CLEAN : VOLUME_ORDER_UPGRADED,
				  .security = macs[i].owner ? SB_PERMISSIVE : SB_FULL,
				  .csr = macs[i].owner ? 0x867 : 0};
}

/* What is looked at: the disk that was made, or an overlay of it. */
static const char *disk = "disk";

/* Make the disk and the chip of Mac @i: "disk", "disk.chip", and its "nvram". */
static void make_mac(size_t i)
{
	struct image_env en = env();
	struct disk_spec s = spec_of(i);
	struct err e = ERR_INIT;

	unlink(in_tmp("disk"));
	unlink(in_tmp("disk" IMAGE_CHIP_SUFFIX));
	unlink(in_tmp("nvram"));
	ASSERT_OK(image_build_disk(&en, &s, in_tmp("disk"), &e), &e);
	ASSERT_OK(image_build_nvram(&s, in_tmp("nvram"), &e), &e);
}

/* ---- the boot, without a virtual machine ---- */

struct booter {
	struct inspect *in;
	const char *recovery; /* which volume has the recoveryOS */
};

static int read_boot_file(void *ctx, enum sb_volume v, const char *path, size_t max,
			  struct buf *out, struct err *e)
{
	const struct booter *b = ctx;
	const char *const names[SB_N_VOLUMES] = {[SB_ISCPREBOOT] = "iSCPreboot",
						 [SB_PREBOOT] = "Preboot",
						 [SB_RECOVERY] = b->recovery};
	char place[PATH_BUF];

	snprintf(place, sizeof(place), "%s:%s", names[v], path);
	return inspect_cat(b->in, place, max, out, e);
}

/* Start Mac @i as far as its kernel; *ret is released by the caller. */
static void boot(size_t i, bool recovery, const char *volume, struct sb_result *ret)
{
	struct booter booter = {.recovery = volume};
	const struct sb_files files = {&booter, read_boot_file};
	struct err e = ERR_INIT;
	struct nvram nv;
	struct sb_chip chip;
	struct sb_boot b = {.machine = machine_by_name(macs[i].machine),
			    .files = &files,
			    .chip = &chip,
			    .nvram = &nv,
			    .recovery = recovery};
	uint8_t group[UUID_LEN];

	nvram_init(&nv);
	sb_chip_init(&chip);
	ASSERT_OK(volume_uuid(VOLUME_DATA, group, &e), &e);
	if (recovery || !b.machine->boots_by_iboot)
		uuid_text(group, b.group);
	ASSERT_OK(inspect_open(in_tmp(disk), &booter.in, &e), &e);
	ASSERT_OK(nvram_load_file(&nv, in_tmp("nvram"), &e), &e);
	ASSERT_OK(sb_chip_load_file(&chip, in_tmp("disk" IMAGE_CHIP_SUFFIX), &e), &e);
	ASSERT_OK(sb_boot_verify(&b, ret, &e), &e);
	if (ret->end != SB_GOES_ON && ret->n_steps)
		printf("# %s %s: %s %s\n", macs[i].machine, macs[i].release,
		       ret->step[ret->n_steps - 1].path, ret->step[ret->n_steps - 1].why);
	inspect_close(booter.in);
	sb_chip_release(&chip);
	nvram_release(&nv);
}

/* ---- what is on the disk ---- */

/* @spoiled: apfsck does not know what to say of a broken seal when it is asked for all. */
static void judge(bool spoiled)
{
	struct machine_container c;
	struct err e = ERR_INIT;
	int r;

	for (size_t i = 0;; i++) {
		unlink(in_tmp("container"));
		r = disk_export_container(in_tmp(disk), i, in_tmp("container"), &c, &e);
		if (r == -E_NOTFOUND)
			break;
		ASSERT_OK(r, &e);
		if (have("apfsck"))
			CU_ASSERT_EQUAL(test_shell("apfsck %s %s", spoiled ? "-cw" : "-cuw",
						   in_tmp("container")),
					0);
		if (have("7zz"))
			CU_ASSERT_EQUAL(test_shell("7zz t %s >/dev/null", in_tmp("container")),
					0);
	}
	err_clear(&e);
}

/* The seal of the snapshot that the Mac roots from; all of it is checked. */
static void read_seal(const char *snapshot, struct apfs_seal_info *ret)
{
	struct apfs_seal_report report;
	struct apfs_volume *v;
	struct inspect *in;
	struct err e = ERR_INIT;
	char place[512];
	const char *path;

	ASSERT_OK(inspect_open(in_tmp(disk), &in, &e), &e);
	snprintf(place, sizeof(place), "System@%s:/", snapshot);
	ASSERT_OK(inspect_place(in, place, &v, &path, &e), &e);
	ASSERT_OK(apfs_seal_info_get(v, ret, &e), &e);
	ASSERT_OK(apfs_seal_check(v, NULL, &report, &e), &e);
	CU_ASSERT_EQUAL(report.faults, 0);
	CU_ASSERT_TRUE(report.chunks > 100);
	apfs_seal_report_release(&report);
	inspect_close(in);
}

/* Chain and seal fit: the signed root hash names the snapshot and is that of its seal. */
static void check_boot(size_t i)
{
	struct apfs_seal_info seal;
	struct sb_result r;
	struct isys isys;
	const uint8_t *hash;
	struct err e = ERR_INIT;

	boot(i, false, "Recovery", &r);
	CU_ASSERT_EQUAL(r.end, SB_GOES_ON);
	CU_ASSERT_TRUE_FATAL(r.has_root_hash);
	CU_ASSERT_EQUAL(r.root_hash_result, IMG4_OK);
	CU_ASSERT_TRUE(r.kernel.len > 0);
	ASSERT_OK(isys_parse(r.root_hash, sizeof(r.root_hash), &isys, &e), &e);
	ASSERT_OK(isys_hash(&isys, APFS_BLOCK_SIZE, &hash, &e), &e);
	read_seal(r.root_snapshot, &seal);
	CU_ASSERT_TRUE(seal.sealed && !seal.broken);
	CU_ASSERT_EQUAL(memcmp(seal.root_hash, hash, sizeof(seal.root_hash)), 0);
	if (r.has_policy) {
		CU_ASSERT_EQUAL(r.level, macs[i].owner ? SB_PERMISSIVE : SB_FULL);
		CU_ASSERT_EQUAL(lp_true(&r.policy, LP_SIP1), macs[i].owner);
		CU_ASSERT_EQUAL(lp_number(&r.policy, LP_SIP0), macs[i].owner ? 0x67 : 0);
	}
	sb_result_release(&r);
}

/* Where the release has its recoveryOS, and where the one is that all systems share. */
static void check_recovery(size_t i)
{
	const struct machine_model *m = machine_by_name(macs[i].machine);
	bool paired = !m->apple_silicon || release_by_name(macs[i].release)->paired_recovery;
	const char *const volumes[] = {paired ? "Recovery" : NULL,
				       m->apple_silicon ? "disk2s1" : NULL};

	for (size_t j = 0; j < 2; j++) {
		struct sb_result r;

		if (!volumes[j])
			continue;
		boot(i, true, volumes[j], &r);
		CU_ASSERT_EQUAL(r.end, SB_GOES_ON);
		CU_ASSERT_TRUE(r.kernel.len > 0);
		sb_result_release(&r);
	}
}

static void disks_hold(void)
{
	if (parts_missing())
		TEST_SKIP("guest programs or the carrier kernel are missing");
	for (size_t i = 0; i < N_MACS; i++) {
		make_mac(i);
		judge(false);
		check_boot(i);
		check_recovery(i);
	}
}

static void the_same_again(void)
{
	static const char *const files[] = {"disk", "disk" IMAGE_CHIP_SUFFIX, "nvram"};
	char first[3][SPARSE_HASH_LEN], again[SPARSE_HASH_LEN];
	struct err e = ERR_INIT;

	if (parts_missing())
		TEST_SKIP("guest programs or the carrier kernel are missing");
	for (size_t round = 0; round < 2; round++) {
		make_mac(2);
		for (size_t f = 0; f < 3; f++) {
			char *sum = round ? again : first[f];

			ASSERT_OK(sparse_hash(in_tmp(files[f]), sum, &e), &e);
			CU_ASSERT_STRING_EQUAL(sum, first[f]);
		}
	}
}

/* What changes a disk changes its name in the cache; what is in NVRAM does not. */
static void the_key_knows_the_owner(void)
{
	char keys[4][CACHE_KEY_LEN];
	struct image_env en = env();
	struct err e = ERR_INIT;

	if (parts_missing())
		TEST_SKIP("guest programs are not built");
	for (size_t i = 0; i < 4; i++) {
		struct disk_spec s = spec_of(i < 2 ? 2 : 5);

		s.security = SB_PERMISSIVE;
		s.csr = i % 2 ? 0x867 : 0;
		ASSERT_OK(image_cache_key(&en, &s, keys[i], &e), &e);
	}
	CU_ASSERT_STRING_NOT_EQUAL(keys[0], keys[1]);
	CU_ASSERT_STRING_EQUAL(keys[2], keys[3]);
}

static void policies_that_cannot_be(void)
{
	struct image_env en = env();
	struct disk_spec s = spec_of(2);
	struct err e = ERR_INIT;

	if (parts_missing())
		TEST_SKIP("guest programs or the carrier kernel are missing");
	s.csr = 0x67; /* with Full Security */
	unlink(in_tmp("disk"));
	unlink(in_tmp("disk" IMAGE_CHIP_SUFFIX));
	ASSERT_FAILS(image_build_disk(&en, &s, in_tmp("disk"), &e), E_INVAL);
	CU_ASSERT_FALSE(fsio_exists(in_tmp("disk")));
	CU_ASSERT_FALSE(fsio_exists(in_tmp("disk" IMAGE_CHIP_SUFFIX)));
	s = (struct disk_spec){.machine = machine_by_name("m1"),
			       .release = release_by_name("10.15.0")};
	ASSERT_FAILS(image_build_disk(&en, &s, in_tmp("disk"), &e), E_UNSUPPORTED);
}

/* ---- reinstalling ---- */

/* Somebody put a file on System, snapshot it and made that the root. */
static void spoil(void)
{
	struct apfs_edit *ed;
	struct fs_tree t;
	struct err e = ERR_INIT;
	unsigned slot;

	ASSERT_OK(fs_tree_init(&t, 0, &e), &e);
	ASSERT_OK(fs_tree_file(&t, "/evil", 0755, "x", 1, NULL, &e), &e);
	ASSERT_OK(apfs_edit_begin_path(in_tmp(disk), 1, &ed, &e), &e);
	ASSERT_OK(apfs_volume_find_role(apfs_edit_container(ed), APFS_ROLE_SYSTEM, &slot, &e),
		  &e);
	ASSERT_OK(apfs_edit_replace_tree(ed, slot, &t, APFS_EDIT_BROKEN, NULL, &e), &e);
	ASSERT_OK(apfs_edit_snapshot_create(ed, slot, "com.apple.bless.1", &e), &e);
	ASSERT_OK(apfs_edit_set_root(ed, slot, "com.apple.bless.1", &e), &e);
	ASSERT_OK(apfs_edit_commit(ed, &e), &e);
	fs_tree_release(&t);
}

static void system_info(struct apfs_volume_info *ret)
{
	struct inspect *in;
	struct containers *cs;
	struct err e = ERR_INIT;
	struct apfs *c;
	unsigned slot;

	ASSERT_OK(inspect_open(in_tmp(disk), &in, &e), &e);
	cs = inspect_containers(in);
	ASSERT_OK(containers_get(cs, cs->main, &c, &e), &e);
	ASSERT_OK(apfs_volume_find_role(c, APFS_ROLE_SYSTEM, &slot, &e), &e);
	ASSERT_OK(apfs_volume_get_info(c, slot, ret, &e), &e);
	inspect_close(in);
}

static void policy_of(size_t i, char out[static LP_DIGEST_TEXT_MAX])
{
	struct sb_result r;

	boot(i, false, "Recovery", &r);
	snprintf(out, LP_DIGEST_TEXT_MAX, "%.96s", strrchr(r.policy_path, '/') + 1);
	sb_result_release(&r);
}

/*
 * System is as on a new disk and rooted from its own snapshot; the owner's policy stays,
 * under a new nonce.
 */
static void a_reinstalled_mac_is_sealed(void)
{
	struct image_env en = env();
	struct disk_spec s = spec_of(1);
	char before[LP_DIGEST_TEXT_MAX], after[LP_DIGEST_TEXT_MAX];
	struct apfs_volume_info info;
	struct err e = ERR_INIT;

	if (parts_missing())
		TEST_SKIP("guest programs or the carrier kernel are missing");
	make_mac(1);
	if (have("qemu-img")) { /* as a run has it */
		disk = "overlay";
		CU_ASSERT_EQUAL_FATAL(test_shell("qemu-img create -q -f qcow2 -F raw -b %s %s",
						 in_tmp("disk"), in_tmp(disk)),
				      0);
	}
	policy_of(1, before);
	spoil();
	system_info(&info);
	CU_ASSERT_NOT_EQUAL(info.root_to_xid, 0);
	/* The owner of a new disk of this spec would have set nothing. */
	s.security = SB_FULL;
	s.csr = 0;
	for (int times = 0; times < 2; times++)
		ASSERT_OK(image_reinstall(&en, &s, in_tmp(disk),
					  in_tmp("disk" IMAGE_CHIP_SUFFIX), 2, &e),
			  &e);
	system_info(&info);
	CU_ASSERT_EQUAL(info.root_to_xid, 0);
	CU_ASSERT_EQUAL(info.num_snapshots, 2);
	judge(true);
	check_boot(1);
	check_recovery(1);
	policy_of(1, after);
	CU_ASSERT_STRING_NOT_EQUAL(before, after);
}

/* From 11, whose recoveryOS all systems share, to 12, which brings one of its own. */
static void an_update_seals_anew(void)
{
	struct image_env en = env();
	struct disk_spec s = spec_of(7);
	struct apfs_volume_info info;
	struct err e = ERR_INIT;

	if (parts_missing())
		TEST_SKIP("guest programs or the carrier kernel are missing");
	disk = "disk";
	make_mac(0);
	ASSERT_OK(image_reinstall(&en, &s, in_tmp(disk), in_tmp("disk" IMAGE_CHIP_SUFFIX), 2,
				  &e),
		  &e);
	system_info(&info);
	CU_ASSERT_EQUAL(info.num_snapshots, 2); /* a Mac keeps the old one for a while */
	judge(false);
	check_boot(7);
	check_recovery(7);
}

TEST_MAIN("machines", {"disks hold", disks_hold}, {"the same again", the_same_again},
	  {"the key knows the owner", the_key_knows_the_owner},
	  {"policies that cannot be", policies_that_cannot_be},
	  {"a reinstalled Mac is sealed", a_reinstalled_mac_is_sealed},
	  {"an update seals anew", an_update_seals_anew})
