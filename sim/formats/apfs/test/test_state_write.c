/* SPDX-License-Identifier: MIT */
/* A state in scattered free space, block by block; a folder as a sealed image. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/sha256.h"
#include "sim/base/test.h"
#include "sim/formats/apfs/reader.h"
#include "sim/formats/apfs/seal_make.h"
#include "sim/formats/apfs/state.h"
#include "sim/formats/apfs/test/image.h"

#define BLOCKS 65536u /* of the disk: 256 MiB */
#define SLOT   64u    /* each holds one free run */
#define MIB    1048576ull

static struct err e;

/* ---- A disk with holes in its free space ---- */

enum { NOBODYS, HANDED_OUT, WRITTEN };

struct disk {
	uint8_t *mem;		  /* owned */
	uint8_t block[BLOCKS];	  /* what became of each */
	size_t turn;		  /* of the next run */
	uint64_t limit;		  /* blocks that may still be handed out */
	unsigned writes, fail_at; /* fail_at 0: never */
};

/* Runs of lengths around that of a piece, in turn from both ends of the disk. */
static int next_run(void *ctx, struct apfs_range *ret, struct err *err)
{
	static const uint64_t lengths[] = {1, 2, 3, 4, 5, 7, 1, 17, 11, SLOT - 1};
	struct disk *d = ctx;
	uint64_t len = lengths[d->turn % 10], at = d->turn / 2 * SLOT;

	(void)err;
	if (d->turn % 2)
		at = BLOCKS - SLOT - at;
	d->turn++;
	CU_ASSERT_FATAL(d->block[at] == NOBODYS);
	*ret = (struct apfs_range){at, len < d->limit ? len : d->limit};
	d->limit -= ret->count;
	for (uint64_t i = 0; i < ret->count; i++)
		d->block[at + i] = HANDED_OUT;
	return 0;
}

static int write_disk(void *ctx, uint64_t block, const void *data, size_t len,
		      struct err *err)
{
	struct disk *d = ctx;

	if (++d->writes == d->fail_at)
		return err_set(err, E_IO, "the disk is gone");
	for (size_t i = 0; i < len / APFS_BLOCK_SIZE; i++) {
		CU_ASSERT_EQUAL(d->block[block + i], HANDED_OUT); /* only once */
		d->block[block + i] = WRITTEN;
	}
	memcpy(d->mem + block * APFS_BLOCK_SIZE, data, len);
	return 0;
}

struct scene {
	struct disk disk;
	struct fs_tree tree;
	struct apfs_volume_spec volume;
	struct apfs_out out;
	struct apfs_mappings map;
	struct apfs_state state;
	uint64_t next_oid;
};

static void scene_init(struct scene *s, bool sealed)
{
	const struct apfs_out_space space = {next_run, write_disk, &s->disk};
	static uint8_t data[2 * MIB];
	struct fs_node *n;
	char path[32];

	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i >> 12 ^ i * 7);
	s->disk.mem = malloc(BLOCKS * (size_t)APFS_BLOCK_SIZE);
	s->disk.limit = UINT64_MAX;
	s->next_oid = 5000;
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->disk.mem);
	memset(s->disk.mem, 0xaa, BLOCKS * (size_t)APFS_BLOCK_SIZE);
	ASSERT_OK(fs_tree_init(&s->tree, 0, &e), &e);
	for (size_t i = 0; i < 40; i++) {
		snprintf(path, sizeof(path), "/d%zu/f%zu", i % 7, i);
		n = image_file(&s->tree, path, data + i, i * i * 487 % sizeof(data));
	}
	ASSERT_OK(fs_node_set_xattr(n, "large", data, 70001, &e), &e);
	image_file(&s->tree, "/zeros", data + 1, 0);
	s->volume = (struct apfs_volume_spec){
		.name = "V", .tree = &s->tree, .sealed = sealed};
	ASSERT_OK(apfs_out_init_space(&s->out, &space, &e), &e);
}

static int scene_write(struct scene *s, uint64_t first_id)
{
	const struct apfs_state_spec spec = {
		.volume = &s->volume,
		.first_id = first_id,
		.xid = 77,
		.out = &s->out,
		.next_oid = &s->next_oid,
		.map = &s->map,
	};

	return apfs_state_write(&spec, &s->state, &e);
}

static void scene_release(struct scene *s)
{
	apfs_out_release(&s->out);
	apfs_state_release(&s->state);
	apfs_mappings_release(&s->map);
	fs_tree_release(&s->tree);
	free(s->disk.mem);
}

/* ---- What must be there ---- */

/* The stream @owner from its runs, which must cover it without a gap. */
static uint8_t *gather(const struct scene *s, uint64_t owner, uint64_t *ret_blocks)
{
	const struct apfs_streams *st = &s->state.streams;
	uint8_t *all = malloc(BLOCKS * (size_t)APFS_BLOCK_SIZE);
	uint64_t n = 0;
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < st->n_runs; i++) {
			const struct apfs_run *r = &st->runs[i];

			if (r->owner != owner || r->offset != n || r->count == 0)
				continue;
			memcpy(all + n * APFS_BLOCK_SIZE,
			       s->disk.mem + r->block * APFS_BLOCK_SIZE,
			       r->count * APFS_BLOCK_SIZE);
			n += r->count;
			more = true;
		}
	}
	*ret_blocks = n;
	return all;
}

static void check_hashes(const struct scene *s, uint64_t owner, const uint8_t *content,
			 uint64_t n_blocks)
{
	const struct apfs_stream_hashes *h = s->state.streams.hashes;
	struct sha256 sha;
	uint8_t hash[SHA256_SIZE];

	while (h->owner != owner)
		h++;
	CU_ASSERT_EQUAL_FATAL(h->n_blocks, n_blocks);
	ASSERT_OK(sha256_init(&sha, &e), &e);
	for (uint64_t at = 0; at < n_blocks; at += 4) {
		uint64_t n = n_blocks - at < 4 ? n_blocks - at : 4;

		ASSERT_OK(sha256_of(&sha, content + at * APFS_BLOCK_SIZE,
				    n * APFS_BLOCK_SIZE, hash, &e),
			  &e);
		CU_ASSERT_EQUAL(memcmp(hash, h->hash + at / 4 * 32, 32), 0);
	}
	sha256_release(&sha);
}

static void scattered(bool sealed)
{
	struct scene *s = malloc(sizeof(*s));
	struct apfs_tree_at extentref, fext;
	uint64_t n_blocks;

	scene_init(s, sealed);
	ASSERT_OK(scene_write(s, 0), &e);
	for (const struct fs_node *n = s->tree.root; n; n = fs_tree_next(&s->tree, n)) {
		if (!S_ISREG(n->mode) || n->size == 0)
			continue;
		uint8_t *all = gather(s, n->tag, &n_blocks);

		CU_ASSERT_EQUAL_FATAL(n_blocks, apfs_blocks_of(n->size));
		CU_ASSERT_EQUAL(memcmp(all, n->data, n->size), 0);
		/* The rest of the last block is part of what is hashed. */
		for (uint64_t i = n->size; i < n_blocks * APFS_BLOCK_SIZE; i++)
			CU_ASSERT_EQUAL_FATAL(all[i], 0);
		if (sealed)
			check_hashes(s, n->tag, all, n_blocks);
		free(all);
	}
	for (size_t i = 1; i < s->state.streams.n_runs; i++) {
		const struct apfs_run *r = &s->state.streams.runs[i];

		CU_ASSERT(r[-1].block + r[-1].count <= r->block);
	}
	CU_ASSERT(s->state.streams.n_runs > 200);
	CU_ASSERT_EQUAL(s->state.streams.n_hashes > 0, sealed);
	ASSERT_OK(apfs_extentref_write(&s->out, 77, s->state.streams.runs,
				       s->state.streams.n_runs, &extentref, &e),
		  &e);
	ASSERT_OK(apfs_fext_write(&s->out, 77, &s->state.streams, &fext, &e), &e);
	ASSERT_OK(apfs_out_flush(&s->out, &e), &e);
	CU_ASSERT_EQUAL(s->disk.block[extentref.root], WRITTEN);
	CU_ASSERT_EQUAL(s->disk.block[fext.root], WRITTEN);
	/* All that was handed out is written, but what is left of the last run. */
	for (uint64_t i = 0, left = 0; i < BLOCKS; i++) {
		left += s->disk.block[i] == HANDED_OUT;
		CU_ASSERT(left <= s->out.run.count);
	}
	scene_release(s);
	free(s);
}

static void scattered_free_space(void)
{
	scattered(false);
	scattered(true);
}

static void ids_begin_where_they_are_told(void)
{
	struct scene *s = malloc(sizeof(*s));

	scene_init(s, true);
	ASSERT_OK(scene_write(s, 100000), &e);
	for (struct fs_node *n = fs_tree_next(&s->tree, s->tree.root); n;
	     n = fs_tree_next(&s->tree, n))
		CU_ASSERT(n->tag >= 100000 && n->tag < s->state.next_id);
	CU_ASSERT_EQUAL(s->state.root_oid, 5000);
	for (size_t i = 0; i < s->map.n; i++) {
		CU_ASSERT_EQUAL(s->map.v[i].xid, 77);
		CU_ASSERT(s->map.v[i].oid >= 5000 && s->map.v[i].oid < s->next_oid);
		CU_ASSERT_NOT_EQUAL(s->disk.block[s->map.v[i].paddr], NOBODYS);
	}
	scene_release(s);
	free(s);
}

/* The n-th write fails, in whichever thread: that is the error, and nothing leaks. */
static void a_write_that_fails_is_reported(void)
{
	static const unsigned fail_at[] = {1, 2, 40, 150};

	for (size_t i = 0; i < sizeof(fail_at) / sizeof(fail_at[0]); i++) {
		struct scene *s = malloc(sizeof(*s));
		struct apfs_tree_at t;

		scene_init(s, true);
		s->disk.fail_at = fail_at[i];
		int rc = scene_write(s, 0);

		if (rc == 0)
			rc = apfs_fext_write(&s->out, 77, &s->state.streams, &t, &e);
		if (rc == 0)
			rc = apfs_out_flush(&s->out, &e);
		CU_ASSERT_EQUAL(rc, -E_IO);
		CU_ASSERT_STRING_EQUAL(e.msg + strlen(e.msg) - 16, "the disk is gone");
		scene_release(s);
		free(s);
	}
}

static void full_disk(void)
{
	static const uint64_t limits[] = {0, 1, 700, 2000};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct scene *s = malloc(sizeof(*s));

		scene_init(s, true);
		s->disk.limit = limits[i];
		ASSERT_FAILS(scene_write(s, 0), E_NOSPC);
		scene_release(s);
		free(s);
	}
}

/* ---- A folder as a sealed image ---- */

static void make_folder(const char *dir)
{
	CU_ASSERT_EQUAL_FATAL(
		test_shell("set -e; rm -rf '%s'; mkdir -p '%s/usr/bin' '%s/System'; cd "
			   "'%s'; "
			   "echo hi "
			   ">usr/bin/tool; chmod 755 usr/bin/tool; ln usr/bin/tool "
			   "usr/bin/alias; ln -s usr/bin/tool link; : >empty; head -c "
			   "100000 /dev/zero | tr '\\0' x >System/x; for i in $(seq "
			   "2000); do echo $i >System/$i; done; truncate -s 150M sparse",
			   dir, dir, dir, dir),
		0);
}

static void folder_becomes_a_sealed_image(void)
{
	struct apfs_seal_make opts = {.snapshot = true, .time_ns = 1634515200000000000};
	struct apfs_sealed first, second;
	struct apfs *c;
	struct apfs_volume *v;
	struct buf got = BUF_INIT;
	char dir[300], image[300];
	struct stat st;

	snprintf(dir, sizeof(dir), "%s/folder", test_tmpdir());
	snprintf(image, sizeof(image), "%s/sealed.apfs", test_tmpdir());
	make_folder(dir);
	ASSERT_OK(apfs_seal_make(dir, image, &opts, &first, &e), &e);
	CU_ASSERT_TRUE(judges_accept(image));
	CU_ASSERT_EQUAL(stat(image, &st), 0);
	/* As large as it must be, but not much larger; and the hole stays one. */
	CU_ASSERT((uint64_t)st.st_size > 150 * MIB && (uint64_t)st.st_size < 250 * MIB);
	CU_ASSERT(st.st_blocks * 512 < (off_t)(20 * MIB));
	ASSERT_OK(apfs_open_path(image, &c, &e), &e);
	ASSERT_OK(apfs_volume_open(c, 0, first.snapshot, &v, &e), &e);
	CU_ASSERT_STRING_EQUAL(apfs_volume_info_of(v)->name, "Macintosh HD");
	ASSERT_OK(apfs_read_path(v, "/link", 100, &got, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&got), "hi\n");
	apfs_volume_close(v);
	apfs_close(c);
	buf_release(&got);

	/* Another UUID was drawn, and still: */
	ASSERT_OK(apfs_seal_make(dir, image, &opts, &second, &e), &e);
	CU_ASSERT_EQUAL(memcmp(first.root_hash, second.root_hash, 32), 0);
	CU_ASSERT_EQUAL(test_shell("echo ho >'%s/usr/bin/tool'", dir), 0);
	opts.snapshot = false;
	ASSERT_OK(apfs_seal_make(dir, image, &opts, &second, &e), &e);
	CU_ASSERT_NOT_EQUAL(memcmp(first.root_hash, second.root_hash, 32), 0);
	CU_ASSERT_EQUAL(second.snapshot_xid, 0);
	CU_ASSERT_STRING_EQUAL(second.snapshot, "");
	CU_ASSERT_TRUE(judges_accept(image));
	unlink(image);
}

static void no_sealed_image(void)
{
	struct apfs_seal_make opts = {.size = APFS_MIN_CONTAINER};
	struct apfs_sealed s;
	char dir[300], image[300];

	snprintf(dir, sizeof(dir), "%s/folder", test_tmpdir());
	snprintf(image, sizeof(image), "%s/none.apfs", test_tmpdir());
	make_folder(dir);
	ASSERT_FAILS(apfs_seal_make(dir, image, &opts, &s, &e), E_NOSPC);
	CU_ASSERT_NOT_EQUAL(access(image, F_OK), 0);
	opts.size = 64 * MIB;
	ASSERT_FAILS(apfs_seal_make(dir, image, &opts, &s, &e), E_UNSUPPORTED);
	opts.size = 0;
	ASSERT_FAILS(apfs_seal_make("/nowhere", image, &opts, &s, &e), E_NOTFOUND);
	ASSERT_FAILS(apfs_seal_make(dir, "/nowhere/image", &opts, &s, &e), E_NOTFOUND);
	CU_ASSERT_EQUAL_FATAL(test_shell("mkfifo '%s/pipe'", dir), 0);
	ASSERT_FAILS(apfs_seal_make(dir, image, &opts, &s, &e), E_UNSUPPORTED);
	CU_ASSERT_NOT_EQUAL(access(image, F_OK), 0);
	test_shell("rm -r '%s'", dir);
}

TEST_MAIN("apfs state writer", {"scattered free space", scattered_free_space},
	  {"ids begin where they are told", ids_begin_where_they_are_told},
	  {"a write that fails is reported", a_write_that_fails_is_reported},
	  {"a full disk", full_disk},
	  {"a folder becomes a sealed image", folder_becomes_a_sealed_image},
	  {"a folder does not become one", no_sealed_image})
