/* SPDX-License-Identifier: MIT */
/* Seals that hold, and every kind of damage to one. */
#include "sim/formats/apfs/test/seal_image.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/base/test.h"
#include "sim/formats/apfs/seal.h"

#define BS APFS_BLOCK_SIZE

static struct seal_image im;
static struct apfs *c;
static struct apfs_volume *v;

static void open_state(const char *snapshot)
{
	struct err e = ERR_INIT;

	ASSERT_OK(apfs_open_path(im.path, &c, &e), &e);
	ASSERT_OK(apfs_volume_open(c, 0, snapshot, &v, &e), &e);
}

static void close_state(void)
{
	apfs_volume_close(v);
	apfs_close(c);
}

/* All content and attributes of the volume; *bad_files: how many could not be read. */
struct reading {
	struct apfs_volume *v;
	unsigned bad;
	struct err why;
};

static int read_file(void *ctx, const struct apfs_walk_entry *w, struct err *e)
{
	struct reading *t = ctx;
	struct buf b = BUF_INIT;
	struct apfs_xattr *list = NULL;
	size_t n = 0;
	int r = apfs_xattrs(t->v, w->inode->ino, &list, &n, e);

	for (size_t i = 0; i < n && !r; i++)
		r = apfs_xattr_get(t->v, w->inode->ino, list[i].name, 1 << 20, &b, e);
	buf_clear(&b);
	if (!r && S_ISREG(w->inode->mode))
		r = apfs_read_inode(t->v, w->inode, 1 << 20, &b, e);
	free(list);
	buf_release(&b);
	if (r != -E_BADHASH)
		return r;
	t->bad++;
	t->why = *e;
	err_clear(e);
	return 0;
}

/* Verify, and read everything. What a walk cannot pass is an error. */
static int read_verified(const uint8_t *root, struct reading *t, struct err *e)
{
	int r = apfs_volume_verify(v, root, e);

	*t = (struct reading){.v = v};
	return r ? r : apfs_walk(v, "/", read_file, t, e);
}

static uint64_t check(struct apfs_seal_report *report)
{
	struct apfs_seal_opts opts = {.threads = 2};
	struct err e = ERR_INIT;

	ASSERT_OK(apfs_seal_check(v, &opts, report, &e), &e);
	return report->faults;
}

/* The finding about @block; NULL when there is none. */
static const struct apfs_seal_finding *about(const struct apfs_seal_report *r,
					     uint64_t block)
{
	for (size_t i = 0; i < r->n_findings; i++)
		if (r->findings[i].block == block)
			return &r->findings[i];
	return NULL;
}

static bool names_path(const struct apfs_seal_finding *f, const char *path)
{
	for (size_t i = 0; f && i < f->n_paths; i++)
		if (!strcmp(f->paths[i], path))
			return true;
	return false;
}

/* ---- seals that hold ---- */

static void holds(void)
{
	struct apfs_seal_report report;
	struct apfs_verify_stats first, second;
	struct apfs_seal_info info;
	struct err e = ERR_INIT;
	struct reading t;
	const char *states[] = {NULL, im.sealed.snapshot};

	for (size_t i = 0; i < 2; i++) {
		open_state(states[i]);
		ASSERT_OK(apfs_seal_info_get(v, &info, &e), &e);
		CU_ASSERT_TRUE(info.sealed && !info.broken);
		CU_ASSERT_EQUAL(info.version, 2);
		CU_ASSERT_EQUAL(memcmp(info.root_hash, im.sealed.root_hash, 32), 0);
		CU_ASSERT_EQUAL(check(&report), 0);
		CU_ASSERT_TRUE(report.nodes > 20);
		CU_ASSERT_EQUAL(report.node_bytes, report.nodes * BS);
		CU_ASSERT_TRUE(report.data_bytes > SEAL_BIG_BYTES);
		ASSERT_OK(read_verified(NULL, &t, &e), &e);
		CU_ASSERT_EQUAL(t.bad, 0);
		apfs_verify_stats_of(v, &first);
		CU_ASSERT_EQUAL(first.nodes, report.nodes);
		CU_ASSERT_EQUAL(first.chunks, report.chunks);
		apfs_seal_report_release(&report);
		/* Again: nothing is hashed a second time. */
		ASSERT_OK(apfs_walk(v, "/", read_file, &t, &e), &e);
		apfs_verify_stats_of(v, &second);
		CU_ASSERT_EQUAL(second.bytes, first.bytes);
		CU_ASSERT_TRUE(second.known_chunks > first.known_chunks);
		close_state();
	}
}

/* Parts of a file, in an order that nobody expects. */
static void reads_in_pieces(void)
{
	static uint8_t want[SEAL_BIG_BYTES], got[SEAL_BIG_BYTES];
	struct err e = ERR_INIT;
	struct apfs_inode ino;
	struct apfs_file *f;
	size_t n;

	seal_image_content("/big", want, sizeof(want));
	open_state(NULL);
	ASSERT_OK(apfs_volume_verify(v, NULL, &e), &e);
	ASSERT_OK(apfs_lookup(v, "/big", 0, &ino, &e), &e);
	ASSERT_OK(apfs_file_open(v, &ino, &f, &e), &e);
	for (uint32_t i = 0, x = 12345; i < 400; i++) {
		size_t off, len;

		x = x * 1664525u + 1013904223u;
		off = (x >> 8) % sizeof(want);
		len = i % 3 ? x % 5000 : x % 100000;
		ASSERT_OK(apfs_file_pread(f, off, got, len, &n, &e), &e);
		CU_ASSERT_EQUAL(n, len < sizeof(want) - off ? len : sizeof(want) - off);
		CU_ASSERT_EQUAL(memcmp(got, want + off, n), 0);
	}
	apfs_file_close(f);
	close_state();
}

static void another_root_hash(void)
{
	uint8_t other[32];
	struct apfs_seal_opts opts = {.root_hash = other};
	struct apfs_seal_report report;
	struct apfs_bad_hash bad;
	struct err e = ERR_INIT;
	struct reading t;

	memcpy(other, im.sealed.root_hash, sizeof(other));
	open_state(NULL);
	ASSERT_OK(read_verified(other, &t, &e), &e);
	CU_ASSERT_FALSE(apfs_volume_bad_hash(v, &bad));
	ASSERT_OK(apfs_seal_check(v, &opts, &report, &e), &e);
	CU_ASSERT_EQUAL(report.faults, 0);
	apfs_seal_report_release(&report);
	other[31] ^= 1;
	ASSERT_FAILS(read_verified(other, &t, &e), E_BADHASH);
	/* Once asked for, it stays. */
	ASSERT_FAILS(apfs_walk(v, "/", read_file, &t, &e), E_BADHASH);
	CU_ASSERT_TRUE(apfs_volume_bad_hash(v, &bad));
	CU_ASSERT_TRUE(bad.node && bad.block);
	ASSERT_OK(apfs_seal_check(v, &opts, &report, &e), &e);
	CU_ASSERT_EQUAL(report.faults, 2);
	apfs_seal_report_release(&report);
	close_state();
}

/* ---- bits ---- */

/* A bit of the node at @bno is wrong: both checks name the block. */
static void node_is_caught(uint64_t bno, bool root)
{
	struct apfs_seal_report report;
	const struct apfs_seal_finding *f;
	struct apfs_bad_hash bad;
	struct err e = ERR_INIT;
	struct reading t;
	char where[32];
	int r;

	snprintf(where, sizeof(where), "block %" PRIu64 ":", bno);
	open_state(NULL);
	CU_ASSERT_TRUE(check(&report) >= 1);
	f = about(&report, bno);
	CU_ASSERT_TRUE(f &&
		       f->fault == (root ? APFS_SEAL_FAULT_ROOT : APFS_SEAL_FAULT_NODE));
	CU_ASSERT_TRUE(f && strstr(f->text, where));
	apfs_seal_report_release(&report);
	r = read_verified(NULL, &t, &e);
	CU_ASSERT_TRUE(r == -E_BADHASH || (!r && t.bad));
	CU_ASSERT_TRUE(apfs_volume_bad_hash(v, &bad));
	CU_ASSERT_TRUE(bad.node && bad.block == bno);
	CU_ASSERT_PTR_NOT_NULL(strstr(r ? e.msg : t.why.msg, where));
	close_state();
}

static void every_node(void)
{
	uint8_t b[BS];
	unsigned nodes = 0;
	uint32_t x = 99;

	for (uint64_t bno = 1; bno < im.blocks; bno++) {
		seal_image_get(&im, bno, b);
		if (!seal_image_is_node(b))
			continue;
		nodes++;
		for (int i = 0; i < 4; i++) {
			size_t at = (x = x * 1664525u + 1013904223u) >> 20;
			uint8_t mask = (uint8_t)(1 << (x >> 8 & 7));

			/* Its level: not even the layout is right then. */
			if (!i)
				at = 0x22;
			seal_image_flip(&im, bno, at, mask);
			node_is_caught(bno, b[0x20] & APFS_BTNODE_ROOT);
			seal_image_flip(&im, bno, at, mask);
		}
	}
	CU_ASSERT_TRUE(nodes > 20);
}

/* A bit of the data at @bno, which is block @i of the file @path, is wrong. */
static void data_is_caught(uint64_t bno, uint64_t i, const char *path)
{
	struct apfs_seal_report report;
	const struct apfs_seal_finding *f;
	struct apfs_bad_hash bad;
	struct err e = ERR_INIT;
	struct reading t;

	open_state(NULL);
	CU_ASSERT_EQUAL(check(&report), 1);
	CU_ASSERT_EQUAL_FATAL(report.n_findings, 1);
	f = report.findings;
	CU_ASSERT_EQUAL(f->fault, APFS_SEAL_FAULT_DATA);
	CU_ASSERT_TRUE(f->offset <= i * BS && i * BS < f->offset + f->length);
	CU_ASSERT_EQUAL(f->block, bno - (i - f->offset / BS));
	CU_ASSERT_TRUE(names_path(f, path));
	apfs_seal_report_release(&report);
	ASSERT_OK(read_verified(NULL, &t, &e), &e);
	CU_ASSERT_TRUE(t.bad >= 1 && t.bad <= 2); /* hard links are read twice */
	CU_ASSERT_TRUE(apfs_volume_bad_hash(v, &bad));
	CU_ASSERT_FALSE(bad.node);
	CU_ASSERT_TRUE(bad.offset <= i * BS && i * BS < bad.offset + 16384);
	close_state();
}

/* One bit in each block of the file that @name's content is, slack included. */
static void every_block_of(const char *name, size_t len, const char *path)
{
	static uint8_t data[SEAL_BIG_BYTES + BS];
	uint32_t x = (uint32_t)len;

	memset(data, 0, sizeof(data));
	seal_image_content(name, data, len);
	for (uint64_t i = 0; i * BS < len; i++) {
		uint64_t bno = seal_image_find(&im, 1, data + i * BS, BS, NULL);
		size_t at = (x = x * 1664525u + 1013904223u) >> 20;
		uint8_t mask = (uint8_t)(1 << (x >> 8 & 7));

		CU_ASSERT_FATAL(bno != 0);
		seal_image_flip(&im, bno, at, mask);
		data_is_caught(bno, i, path);
		seal_image_flip(&im, bno, at, mask);
	}
}

static void every_file(void)
{
	char path[64];

	every_block_of("/big", SEAL_BIG_BYTES, "/big");
	every_block_of("/slack", 5000, "/slack");
	every_block_of("/linked", 20000, "/linked");
	every_block_of("/linked", 4096, "/folder 1/again");
	every_block_of("long", 20000, "/attr (attribute long)");
	for (int i = 47; i < SEAL_SMALL_FILES; i += 37) {
		snprintf(path, sizeof(path), "/folder %d/file %d", i % 10, i);
		every_block_of(path, (size_t)i, path);
	}
}

/* A bad chunk impairs nothing else: not even the rest of its file. */
static void neighbours_are_read(void)
{
	static uint8_t data[SEAL_BIG_BYTES], got[16384];
	struct err e = ERR_INIT;
	struct apfs_inode ino;
	struct apfs_file *f;
	uint64_t bno;
	size_t n;

	seal_image_content("/big", data, sizeof(data));
	bno = seal_image_find(&im, 1, data + 5 * BS, BS, NULL);
	seal_image_flip(&im, bno, 17, 4);
	open_state(NULL);
	ASSERT_OK(apfs_volume_verify(v, NULL, &e), &e);
	ASSERT_OK(apfs_lookup(v, "/big", 0, &ino, &e), &e);
	ASSERT_OK(apfs_file_open(v, &ino, &f, &e), &e);
	for (size_t i = 0; i < SEAL_BIG_BYTES / 16384; i++) {
		int r = apfs_file_pread(f, i * 16384, got, sizeof(got), &n, &e);

		CU_ASSERT_EQUAL(r, i == 1 ? -E_BADHASH : 0);
		CU_ASSERT_TRUE(i == 1 || !memcmp(got, data + i * 16384, sizeof(got)));
	}
	/* Nothing of a bad chunk is handed out, not even the part that is right. */
	ASSERT_FAILS(apfs_file_pread(f, 16384, got, 1, &n, &e), E_BADHASH);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "at offset 16384"));
	seal_image_flip(&im, bno, 17, 4);
	ASSERT_OK(apfs_file_pread(f, 16384, got, sizeof(got), &n, &e), &e);
	apfs_file_close(f);
	close_state();
}

/* ---- integrity metadata ---- */

#define INTEGRITY APFS_OT_INTEGRITY_META

static void root_hash_bits(void)
{
	struct apfs_seal_report report;
	struct err e = ERR_INIT;
	struct reading t;
	uint8_t b[BS];
	uint64_t bno = seal_image_object(&im, INTEGRITY, b);

	for (size_t i = 0; i < 256; i += 5) {
		b[0x80 + i / 8] ^= (uint8_t)(1 << i % 8);
		seal_image_put_object(&im, bno, b);
		open_state(NULL);
		CU_ASSERT_EQUAL(check(&report), 1);
		CU_ASSERT_EQUAL(report.findings[0].fault, APFS_SEAL_FAULT_ROOT);
		apfs_seal_report_release(&report);
		ASSERT_FAILS(read_verified(NULL, &t, &e), E_BADHASH);
		close_state();
		b[0x80 + i / 8] ^= (uint8_t)(1 << i % 8);
	}
	seal_image_put_object(&im, bno, b);
}

static void broken_flag(void)
{
	struct apfs_seal_report report;
	struct apfs_seal_info info;
	struct err e = ERR_INIT;
	struct reading t;
	uint8_t b[BS];
	uint64_t bno = seal_image_object(&im, INTEGRITY, b);

	b[0x24] ^= APFS_SEAL_BROKEN;
	seal_image_put_object(&im, bno, b);
	open_state(NULL);
	ASSERT_OK(apfs_seal_info_get(v, &info, &e), &e);
	CU_ASSERT_TRUE(info.broken);
	CU_ASSERT_EQUAL(check(&report), 1);
	CU_ASSERT_EQUAL(report.findings[0].fault, APFS_SEAL_FAULT_FLAG);
	CU_ASSERT_EQUAL(report.findings[0].block, bno);
	apfs_seal_report_release(&report);
	ASSERT_FAILS(read_verified(im.sealed.root_hash, &t, &e), E_BADHASH);
	close_state();
	b[0x24] ^= APFS_SEAL_BROKEN;
	seal_image_put_object(&im, bno, b);
}

/* Change 32 bits of the integrity metadata; the error names block and field. */
static void bad_metadata(size_t at, uint32_t value, enum err_code code, const char *field)
{
	struct apfs_seal_report report;
	struct apfs_seal_info info;
	struct err e = ERR_INIT;
	struct reading t;
	uint8_t b[BS], good[BS];
	uint64_t bno = seal_image_object(&im, INTEGRITY, b);
	char where[32];

	memcpy(good, b, BS);
	put_le32(b + at, value);
	seal_image_put_object(&im, bno, b);
	open_state(NULL);
	ASSERT_FAILS(apfs_seal_info_get(v, &info, &e), code);
	snprintf(where, sizeof(where), "block %" PRIu64 ":", bno);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, where));
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, field));
	ASSERT_FAILS(apfs_seal_check(v, NULL, &report, &e), code);
	apfs_seal_report_release(&report);
	ASSERT_FAILS(read_verified(NULL, &t, &e), code);
	close_state();
	seal_image_put(&im, bno, good);
}

static void metadata_is_read_strictly(void)
{
	bad_metadata(0x20, 0, E_UNSUPPORTED, "im_version is 0");
	bad_metadata(0x20, 3, E_UNSUPPORTED, "im_version is 3");
	bad_metadata(0x24, 2, E_CORRUPT, "im_flags");
	bad_metadata(0x28, 0, E_UNSUPPORTED, "im_hash_type is 0 (unknown)");
	bad_metadata(0x28, 2, E_UNSUPPORTED, "im_hash_type is 2 (SHA-512/256)");
	bad_metadata(0x28, 4, E_UNSUPPORTED, "im_hash_type is 4 (SHA-512)");
	bad_metadata(0x28, 0xffffffff, E_UNSUPPORTED, "im_hash_type");
	bad_metadata(0x2c, 0x78, E_CORRUPT, "im_root_hash_offset");
	bad_metadata(0x2c, 0x81, E_CORRUPT, "im_root_hash_offset");
	bad_metadata(0x2c, BS - 24, E_CORRUPT, "im_root_hash_offset");
	bad_metadata(0x2c, 0xfffffff8, E_CORRUPT, "im_root_hash_offset");
	bad_metadata(0x30, 1, E_CORRUPT, "im_broken_xid");
	bad_metadata(0x38, 1, E_CORRUPT, "im_reserved");
	bad_metadata(0x7c, 1, E_CORRUPT, "im_reserved");
	bad_metadata(0x08, 77, E_CORRUPT, "expected");
	bad_metadata(0x18, APFS_OT_FS, E_CORRUPT, "no integrity metadata");
}

/* ---- the disk says another place ---- */

/* An extent of one file sends the reader to the content of another. */
static void moved_extent(void)
{
	struct apfs_seal_report report;
	struct err e = ERR_INIT;
	struct reading t;
	uint8_t b[BS], data[BS], good[BS];
	uint64_t bno, slack, linked;
	size_t at;

	memset(data, 0, sizeof(data));
	seal_image_content("/slack", data, BS);
	slack = seal_image_find(&im, 1, data, BS, NULL);
	seal_image_content("/linked", data, BS);
	linked = seal_image_find(&im, 1, data, BS, NULL);
	/* Two blocks at slack: the value of an extent, in the live state's tree. */
	put_le64(data, 2 * BS);
	put_le64(data + 8, slack);
	for (bno = 1; (bno = seal_image_find(&im, bno, data, 16, &at)); bno++) {
		seal_image_get(&im, bno, b);
		memcpy(good, b, BS);
		put_le64(b + at + 8, linked);
		seal_image_put_object(&im, bno, b);
		open_state(get_le64(b + 0x10) == im.sealed.snapshot_xid
				   ? im.sealed.snapshot
				   : NULL);
		CU_ASSERT_EQUAL(check(&report), 1);
		CU_ASSERT_EQUAL(report.findings[0].fault, APFS_SEAL_FAULT_DATA);
		CU_ASSERT_TRUE(names_path(report.findings, "/slack"));
		apfs_seal_report_release(&report);
		ASSERT_OK(read_verified(NULL, &t, &e), &e);
		CU_ASSERT_EQUAL(t.bad, 1);
		close_state();
		seal_image_put(&im, bno, good);
	}
}

/* ---- what it costs ---- */

static int stop(void *ctx, uint64_t done, uint64_t all)
{
	CU_ASSERT_TRUE(done <= all);
	return ++*(int *)ctx >= 2 ? -1 : 0;
}

static void can_be_stopped(void)
{
	int n = 0;
	struct apfs_seal_opts opts = {.progress = stop, .ctx = &n};
	struct apfs_seal_report report;
	struct err e = ERR_INIT;

	open_state(NULL);
	ASSERT_FAILS(apfs_seal_check(v, &opts, &report, &e), E_CANCELED);
	apfs_seal_report_release(&report);
	close_state();
}

static void any_number_of_threads(void)
{
	struct apfs_seal_report report;
	struct err e = ERR_INIT;
	uint64_t chunks = 0;

	open_state(NULL);
	for (unsigned n = 1; n < 20; n += 3) {
		struct apfs_seal_opts opts = {.threads = n};

		ASSERT_OK(apfs_seal_check(v, &opts, &report, &e), &e);
		CU_ASSERT_EQUAL(report.faults, 0);
		CU_ASSERT_TRUE(!chunks || chunks == report.chunks);
		chunks = report.chunks;
		apfs_seal_report_release(&report);
	}
	close_state();
}

static void make(void)
{
	seal_image_make(&im, "sealed");
}

static void finish(void)
{
	seal_image_close(&im);
}

TEST_MAIN("apfs-seal", {"makes an image", make}, {"a seal holds", holds},
	  {"reads in pieces", reads_in_pieces},
	  {"takes the root hash that is asked for", another_root_hash},
	  {"a bit in any node is caught", every_node},
	  {"a bit in any block of a file is caught", every_file},
	  {"a bad chunk impairs nothing else", neighbours_are_read},
	  {"a bit in the root hash is caught", root_hash_bits},
	  {"the broken flag is caught", broken_flag},
	  {"integrity metadata is read strictly", metadata_is_read_strictly},
	  {"an extent that leads elsewhere is caught", moved_extent},
	  {"a check can be stopped", can_be_stopped},
	  {"a check takes any number of threads", any_number_of_threads},
	  {"closes the image", finish})
