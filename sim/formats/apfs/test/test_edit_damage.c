/* SPDX-License-Identifier: MIT */
/*
 * Damaged containers, with checksums that are right: a transaction either works or says
 * which block and field is wrong. It never crashes, and what it refuses stays as it is.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/test.h"
#include "sim/formats/apfs/raw_space.h"
#include "sim/formats/apfs/test/edit_case.h"
#include "sim/formats/apfs/test/patch_disk.h"

static struct err e;
static struct patch_disk disk;
static struct fs_tree content;

/* A container with all that can be damaged: queues that are filled, snapshots, a seal. */
static void load(void)
{
	struct image im;
	struct apfs_edit *ed;
	int fd;

	if (disk.n > 0)
		return;
	edit_case_init(&im, "damage.apfs", true);
	ed = edit_begin(im.path);
	ASSERT_OK(apfs_edit_replace_tree(ed, EDIT_SYSTEM, &im.tree[EDIT_DATA],
					 APFS_EDIT_BROKEN, NULL, &e),
		  &e);
	ASSERT_OK(apfs_edit_snapshot_create(ed, EDIT_SYSTEM, "second", &e), &e);
	edit_commit(ed);
	fd = open(im.path, O_RDONLY | O_CLOEXEC);
	patch_disk_load(&disk, fd);
	close(fd);
	image_release(&im);
	ASSERT_OK(fs_tree_init(&content, EDIT_TIME, &e), &e);
	edit_content(&content, 3);
}

/* ---- Operations ---- */

static int replace(struct apfs_edit *ed)
{
	return apfs_edit_replace_tree(ed, EDIT_SYSTEM, &content, APFS_EDIT_SEALED, NULL,
				      &e);
}

static int delete (struct apfs_edit *ed)
{
	return apfs_edit_snapshot_delete(ed, EDIT_SYSTEM, "first", &e);
}

static int revert(struct apfs_edit *ed)
{
	return apfs_edit_revert(ed, EDIT_SYSTEM, "first", &e);
}

static int create(struct apfs_edit *ed)
{
	return apfs_edit_snapshot_create(ed, EDIT_DATA, "third", &e);
}

static int mend(struct apfs_edit *ed)
{
	return apfs_edit_unbreak(ed, EDIT_SYSTEM, &e);
}

static int (*const operations[])(struct apfs_edit *ed) = {replace, delete, revert, create,
							  mend};
#define N_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* One operation, or with @op N_OPERATIONS all of them in one transaction. */
static int transact(size_t op)
{
	struct apfs_edit *ed = NULL;
	int rc = apfs_edit_begin(&disk.base, 0, disk.base.size, EDIT_TIME, &ed, &e);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < N_OPERATIONS && rc == 0; i++)
		if ((op == i || op == N_OPERATIONS) && operations[i] != mend)
			rc = operations[i](ed);
	if (op == 4)
		rc = mend(ed);
	if (rc != 0) {
		apfs_edit_abort(ed);
		return rc;
	}
	return apfs_edit_commit(ed, &e);
}

/* ---- Every block ---- */

/* An error has words, and is one of those that bad input may give. */
static void check_error(int rc)
{
	static const enum err_code fine[] = {E_CORRUPT, E_UNSUPPORTED, E_NOTFOUND,
					     E_NOSPC,	E_PERM,	       E_INVAL,
					     E_BADHASH, E_EXISTS};
	bool known = false;

	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		known |= rc == -(int)fine[i];
	CU_ASSERT_TRUE(known);
	CU_ASSERT_TRUE(e.msg[0] != '\0');
	if (!known)
		printf("      %d: %s\n", rc, e.msg);
}

/* What matters of a block: headers, tables of contents, the ends where roots say more. */
static const struct {
	size_t from, to;
} parts[] = {
	{0x08, 0x100}, {0x140, 0x158}, {0x3b8, 0x420}, {0x9d8, 0xa20}, {0xf00, 0x1000}};

static void every_field_of_every_block(void)
{
	static const uint8_t values[][4] = {
		{0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {1, 0, 0, 0}, {0, 0x10, 0, 0}};
	size_t runs = 0, refused = 0;

	load();
	for (size_t i = 0; i < disk.n; i++) {
		if (!disk.v[i]->summed)
			continue;
		for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
			for (size_t off = parts[p].from + 4 * (i % 2); off < parts[p].to;
			     off += 8) {
				patch_disk_set(&disk, i, off, values[(off / 4 + i) % 4],
					       4);
				patch_disk_seal(&disk);
				int rc = transact((off / 4 + i) % (N_OPERATIONS + 1));

				if (rc != 0)
					check_error(rc);
				refused += rc != 0;
				runs++;
				patch_disk_reset(&disk);
			}
		}
	}
	printf("      %zu transactions, %zu refused\n", runs, refused);
	CU_ASSERT_TRUE(refused > runs / 20 && refused < runs);
}

/* Content of nodes without checksum, of data, of bitmaps. */
static void blocks_without_checksum(void)
{
	load();
	srandom(11);
	for (size_t i = 0; i < disk.n; i++) {
		if (disk.v[i]->summed)
			continue;
		for (int n = 0; n < 6; n++) {
			uint8_t bytes[8];

			for (size_t k = 0; k < sizeof(bytes); k++)
				bytes[k] = (uint8_t)random();
			patch_disk_set(&disk, i, (size_t)random() % PATCH_BLOCK, bytes,
				       1 + (size_t)random() % sizeof(bytes));
			int rc = transact((size_t)random() % (N_OPERATIONS + 1));

			if (rc != 0)
				check_error(rc);
			patch_disk_reset(&disk);
		}
	}
}

/* ---- Fields by name ---- */

/* The newest block that begins with an object of @type, @nth of those with its xid. */
static size_t newest(uint32_t type, uint32_t subtype)
{
	size_t best = 0;
	uint64_t xid = 0;

	for (size_t i = 0; i < disk.n; i++) {
		const struct apfs_obj *o = (const void *)disk.v[i]->good;

		if (disk.v[i]->summed && le32_get(o->o_type) == type &&
		    le32_get(o->o_subtype) == subtype && le64_get(o->o_xid) >= xid) {
			xid = le64_get(o->o_xid);
			best = i;
		}
	}
	CU_ASSERT_FATAL(xid != 0);
	return best;
}

#define SPACEMAN  (APFS_OBJ_EPHEMERAL | APFS_OT_SPACEMAN), 0
#define CIB	  (APFS_OBJ_PHYSICAL | APFS_OT_CIB), 0
#define NX	  (APFS_OBJ_EPHEMERAL | APFS_OT_NX_SUPERBLOCK), 0
#define VOLUME	  (APFS_OBJ_VIRTUAL | APFS_OT_FS), 0
#define OMAP	  (APFS_OBJ_PHYSICAL | APFS_OT_OMAP), 0
#define EXTENTS	  (APFS_OBJ_PHYSICAL | APFS_OT_BTREE), APFS_OT_EXTENTREF_TREE
#define SM(field) offsetof(struct apfs_spaceman, field)
#define CI(field) (sizeof(struct apfs_cib) + offsetof(struct apfs_chunk_info, field))

static void lies_are_named(void)
{
	static const struct {
		uint32_t type, subtype;
		size_t off;
		uint64_t value;
		size_t len;
		enum err_code code;
		const char *says;
	} lies[] = {
		{SPACEMAN, SM(sm_block_size), 8192, 4, E_CORRUPT, "sm_block_size"},
		{SPACEMAN, SM(sm_flags), 6, 4, E_UNSUPPORTED, "sm_flags"},
		{SPACEMAN, SM(sm_dev[0].sm_cab_count), 2, 4, E_UNSUPPORTED,
		 "sm_cab_count"},
		{SPACEMAN, SM(sm_dev[0].sm_cib_count), 2, 4, E_CORRUPT, "sm_cib_count"},
		{SPACEMAN, SM(sm_dev[0].sm_free_count), 77, 8, E_CORRUPT,
		 "sm_free_count"},
		{SPACEMAN, SM(sm_dev[0].sm_addr_offset), 100, 4, E_CORRUPT,
		 "sm_addr_offset"},
		{SPACEMAN, SM(sm_dev[1].sm_block_count), 9, 8, E_UNSUPPORTED,
		 "second device"},
		{SPACEMAN, SM(sm_ip_block_count), 5, 8, E_CORRUPT, "sm_ip_block_count"},
		{SPACEMAN, SM(sm_ip_base), 1ull << 60, 8, E_CORRUPT, "sm_ip_base"},
		{SPACEMAN, SM(sm_ip_bm_block_count), 1, 4, E_CORRUPT,
		 "sm_ip_bm_block_count"},
		{SPACEMAN, SM(sm_ip_bm_free_next_offset), 4090, 4, E_CORRUPT,
		 "sm_ip_bm_free_next_offset"},
		{SPACEMAN, SM(sm_ip_bm_free_head), 99, 2, E_CORRUPT,
		 "ring of pool bitmaps"},
		{SPACEMAN, SM(sm_fq[0].sfq_count), 1, 8, E_CORRUPT, "sfq_count"},
		{SPACEMAN, SM(sm_fq[1].sfq_tree_oid), 999, 8, E_CORRUPT, "free queue"},
		{SPACEMAN, SM(sm_fq[1].sfq_tree_node_limit), 0, 2, E_NOSPC, "free queue"},
		{CIB, CI(ci_free_count), 3, 4, E_CORRUPT, "sm_free_count"},
		{CIB, CI(ci_addr), 1, 8, E_CORRUPT, "ci_addr"},
		{CIB, CI(ci_block_count), 1, 4, E_CORRUPT, "ci_block_count"},
		{CIB, CI(ci_bitmap_addr), 3, 8, E_CORRUPT, "internal pool"},
		{CIB, CI(ci_xid), 1000000, 8, E_CORRUPT, "ci_xid"},
		{NX, offsetof(struct apfs_nx_superblock, nx_features), 0x10, 8,
		 E_UNSUPPORTED, "nx_features"},
		{NX, offsetof(struct apfs_nx_superblock, nx_flags), 4, 8, E_UNSUPPORTED,
		 "nx_flags"},
		{VOLUME, offsetof(struct apfs_superblock, apfs_incompatible_features),
		 0x400, 8, E_UNSUPPORTED, "apfs_incompatible_features"},
		{VOLUME, offsetof(struct apfs_superblock, apfs_revert_to_xid), 2, 8,
		 E_UNSUPPORTED, "apfs_revert_to_xid"},
		{VOLUME, offsetof(struct apfs_superblock, apfs_num_snapshots), 7, 8,
		 E_CORRUPT, "apfs_num_snapshots"},
		{VOLUME, offsetof(struct apfs_superblock, apfs_fs_alloc_count), 1, 8,
		 E_CORRUPT, "apfs_fs_alloc_count"},
		{VOLUME, offsetof(struct apfs_superblock, apfs_fs_flags), 0, 8,
		 E_UNSUPPORTED, "encrypted"},
	};

	load();
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		const le64 value = to_le64(lies[i].value);
		int rc;

		patch_disk_set(&disk, newest(lies[i].type, lies[i].subtype), lies[i].off,
			       &value, lies[i].len);
		patch_disk_seal(&disk);
		rc = transact(1);
		CU_ASSERT_EQUAL(rc, -(int)lies[i].code);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, lies[i].says));
		if (rc == 0 || !strstr(e.msg, lies[i].says))
			printf("      '%s': %d %s\n", lies[i].says, rc, rc ? e.msg : "");
		patch_disk_reset(&disk);
	}
}

/* Does the container hold what it held before the damage and the refused transaction? */
static void what_is_refused_stays(void)
{
	const le64 one = to_le64(1);
	size_t changed = 0;

	load();
	patch_disk_set(&disk, newest(VOLUME),
		       offsetof(struct apfs_superblock, apfs_fs_alloc_count), &one, 8);
	patch_disk_seal(&disk);
	ASSERT_FAILS(transact(1), E_CORRUPT);
	/* Only the block that was damaged differs; what was written is elsewhere. */
	for (size_t i = 0; i < disk.n; i++)
		changed += memcmp(disk.v[i]->good, disk.v[i]->now, PATCH_BLOCK) != 0;
	CU_ASSERT_EQUAL(changed, 1);
	patch_disk_reset(&disk);
}

static void give_back(void)
{
	patch_disk_release(&disk);
	fs_tree_release(&content);
}

TEST_MAIN("apfs edit damage", {"lies are named", lies_are_named},
	  {"what is refused stays", what_is_refused_stays},
	  {"blocks without checksum", blocks_without_checksum},
	  {"every field of every block", every_field_of_every_block},
	  {"the memory is given back", give_back})
