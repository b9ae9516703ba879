/* SPDX-License-Identifier: MIT */
/*
 * The power fails while a transaction is written. What it writes is recorded and done
 * again up to each block, on a copy of the container as it was: the copy must be the old
 * state or the new one, for our reader and for apfsck.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/test.h"
#include "sim/formats/apfs/test/edit_case.h"

#define BLOCK 4096u

static struct err e;

/* ---- A disk that remembers ---- */

struct event {
	uint64_t block;
	unsigned epoch; /* how many flushes came before */
	uint8_t data[BLOCK];
};

struct recorder {
	struct vdisk base;
	struct vdisk *under;
	struct event *v; /* owned */
	size_t n, cap;
	unsigned epoch;
};

static int rec_read(struct vdisk *d, uint64_t off, void *buf, size_t len, struct err *er)
{
	return vdisk_read(((struct recorder *)d)->under, off, buf, len, er);
}

static int rec_write(struct vdisk *d, uint64_t off, const void *buf, size_t len,
		     struct err *er)
{
	struct recorder *r = (struct recorder *)d;

	/* Whole blocks, or a power cut could leave half of one. */
	if (off % BLOCK != 0 || len % BLOCK != 0)
		return err_set(er, E_INVAL, "%zu bytes at %llu", len,
			       (unsigned long long)off);
	for (size_t done = 0; done < len; done += BLOCK) {
		if (r->n == r->cap) {
			r->cap = r->cap ? r->cap * 2 : 256;
			r->v = reallocarray(r->v, r->cap, sizeof(*r->v));
			if (!r->v)
				abort();
		}
		r->v[r->n] =
			(struct event){.block = (off + done) / BLOCK, .epoch = r->epoch};
		memcpy(r->v[r->n++].data, (const uint8_t *)buf + done, BLOCK);
	}
	return vdisk_write(r->under, off, buf, len, er);
}

static int rec_flush(struct vdisk *d, struct err *er)
{
	(void)er;
	((struct recorder *)d)->epoch++;
	return 0;
}

static void rec_close(struct vdisk *d)
{
	(void)d;
}

static const struct vdisk_ops rec_ops = {
	.read = rec_read, .write = rec_write, .flush = rec_flush, .close = rec_close};

/* ---- What is done ---- */

struct job {
	const char *name;
	void (*run)(struct apfs_edit *ed, struct image *im);
	int content[2]; /* live, before and after */
	enum edit_look look[2];
};

static void do_snapshot(struct apfs_edit *ed, struct image *im)
{
	(void)im;
	ASSERT_OK(apfs_edit_snapshot_create(ed, EDIT_SYSTEM, "second", &e), &e);
	ASSERT_OK(apfs_edit_set_root(ed, EDIT_SYSTEM, "second", &e), &e);
}

static void do_replace(struct apfs_edit *ed, struct image *im)
{
	ASSERT_OK(apfs_edit_replace_tree(ed, EDIT_SYSTEM, &im->tree[EDIT_DATA],
					 APFS_EDIT_BROKEN, NULL, &e),
		  &e);
}

/* With the snapshot the old content is freed before the new one is written. */
static void do_delete(struct apfs_edit *ed, struct image *im)
{
	ASSERT_OK(apfs_edit_snapshot_delete(ed, EDIT_SYSTEM, "first", &e), &e);
	do_replace(ed, im);
}

static const struct job jobs[] = {
	{"snapshot", do_snapshot, {0, 0}, {EDIT_PLAIN, EDIT_UNKNOWN}},
	{"replace", do_replace, {0, 1}, {EDIT_PLAIN, EDIT_UNKNOWN}},
	{"delete", do_delete, {0, 1}, {EDIT_PLAIN, EDIT_UNKNOWN}},
};

/* ---- What comes of it ---- */

struct outcome {
	char path[300];
	int fd;
	uint64_t old_xid, new_xid;
	const struct job *job;
};

static uint64_t xid_of(const char *path)
{
	struct apfs_info info = {.xid = 0};
	struct apfs *c = NULL;

	if (apfs_open_path(path, &c, &e) != 0) {
		printf("      %s\n", e.msg);
		return 0;
	}
	apfs_get_info(c, &info);
	apfs_close(c);
	return info.xid;
}

/* Is the copy @want, 0 the old state or 1 the new one; whole? */
static bool is_state(const struct outcome *o, int want)
{
	if (xid_of(o->path) != (want ? o->new_xid : o->old_xid))
		return false;
	return edit_content_of(o->path, EDIT_SYSTEM, NULL) == o->job->content[want] &&
	       edit_content_of(o->path, EDIT_DATA, NULL) == 1 &&
	       edit_accepted_cut(o->path, o->job->look[want]);
}

static void put(const struct outcome *o, const struct event *ev, size_t len)
{
	CU_ASSERT_EQUAL(pwrite(o->fd, ev->data, len, (off_t)(ev->block * BLOCK)),
			(ssize_t)len);
}

static void record(struct image *im, const struct job *job, struct recorder *r)
{
	struct apfs_edit *ed;

	*r = (struct recorder){.base = {.ops = &rec_ops}};
	ASSERT_OK(vdisk_open_rw(im->path, &r->under, &e), &e);
	r->base.size = r->under->size;
	ASSERT_OK(apfs_edit_begin(&r->base, 0, r->base.size, EDIT_TIME, &ed, &e), &e);
	job->run(ed, im);
	edit_commit(ed);
	vdisk_close(r->under);
}

static void outcome_init(struct outcome *o, const struct image *im, const struct job *job)
{
	*o = (struct outcome){.job = job};
	snprintf(o->path, sizeof(o->path), "%s.cut", im->path);
	CU_ASSERT_EQUAL(test_shell("cp --sparse=always '%s' '%s'", im->path, o->path), 0);
	o->fd = open(o->path, O_RDWR | O_CLOEXEC);
	CU_ASSERT_FATAL(o->fd >= 0);
	o->old_xid = xid_of(o->path);
}

static void outcome_release(struct outcome *o)
{
	close(o->fd);
	unlink(o->path);
}

/* The epochs: all but the superblock; the superblock; block 0. */
static void cut_at_every_block(const struct job *job)
{
	unsigned failures = CU_get_number_of_failures();
	struct recorder r;
	struct outcome o;
	struct image im;

	edit_case_init(&im, "power.apfs", true);
	outcome_init(&o, &im, job);
	record(&im, job, &r);
	o.new_xid = xid_of(im.path);
	CU_ASSERT_EQUAL(r.epoch, 3);
	CU_ASSERT_EQUAL(r.v[r.n - 1].block, 0);
	CU_ASSERT_EQUAL(r.v[r.n - 2].epoch, 1);
	for (size_t i = 0; i < r.n; i++) {
		/* A torn superblock has no valid checksum, and so does not count. */
		if (r.v[i].epoch == 1) {
			put(&o, &r.v[i], 512);
			CU_ASSERT_TRUE(is_state(&o, 0));
			put(&o, &r.v[i], 1024);
			CU_ASSERT_TRUE(is_state(&o, 0));
		}
		put(&o, &r.v[i], BLOCK);
		CU_ASSERT_TRUE(is_state(&o, r.v[i].epoch >= 1));
		if (CU_get_number_of_failures() != failures) {
			printf("      %s: after write %zu of %zu, block %llu\n",
			       job->name, i + 1, r.n, (unsigned long long)r.v[i].block);
			break;
		}
	}
	CU_ASSERT_EQUAL(test_shell("cmp '%s' '%s'", im.path, o.path), 0);
	printf("      %s: %zu blocks\n", job->name, r.n);
	free(r.v);
	outcome_release(&o);
	image_release(&im);
}

/* Between two flushes a disk may write what it likes, in any order. */
static void cut_in_any_order(const struct job *job)
{
	struct recorder r;
	struct outcome o;
	struct image im;
	char before[320];

	srandom(42);
	edit_case_init(&im, "order.apfs", true);
	outcome_init(&o, &im, job);
	snprintf(before, sizeof(before), "%s.before", o.path);
	CU_ASSERT_EQUAL(test_shell("cp --sparse=always '%s' '%s'", o.path, before), 0);
	record(&im, job, &r);
	o.new_xid = xid_of(im.path);
	for (int round = 0; round < 12; round++) {
		CU_ASSERT_EQUAL(
			test_shell("cp --sparse=always '%s' '%s'", before, o.path), 0);
		for (size_t i = 0; i < r.n; i++)
			if (r.v[i].epoch == 0 && random() % 2)
				put(&o, &r.v[i], random() % 8 ? BLOCK : 512);
		CU_ASSERT_TRUE(is_state(&o, 0));
	}
	unlink(before);
	free(r.v);
	outcome_release(&o);
	image_release(&im);
}

static void cut_while_a_snapshot_is_made(void)
{
	cut_at_every_block(&jobs[0]);
}

static void cut_while_content_is_replaced(void)
{
	cut_at_every_block(&jobs[1]);
}

static void cut_while_a_snapshot_is_deleted(void)
{
	cut_at_every_block(&jobs[2]);
}

static void in_any_order(void)
{
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++)
		cut_in_any_order(&jobs[i]);
}

/* After a cut the next transaction works, and gets a number of its own. */
static void the_next_transaction(void)
{
	struct apfs_edit *ed;
	struct recorder r;
	struct outcome o;
	struct image im;

	edit_case_init(&im, "next.apfs", true);
	outcome_init(&o, &im, &jobs[1]);
	record(&im, &jobs[1], &r);
	for (size_t i = 0; i + 1 < r.n; i++)
		put(&o, &r.v[i], r.v[i].epoch ? 1024 : BLOCK);
	CU_ASSERT_EQUAL(xid_of(o.path), o.old_xid);
	ed = edit_begin(o.path);
	do_snapshot(ed, &im);
	edit_commit(ed);
	CU_ASSERT_TRUE(xid_of(o.path) > xid_of(im.path));
	CU_ASSERT_TRUE(edit_accepted(o.path, EDIT_UNKNOWN));
	CU_ASSERT_EQUAL(edit_content_of(o.path, EDIT_SYSTEM, "second"), 0);
	free(r.v);
	outcome_release(&o);
	image_release(&im);
}

/* Both rings go round many times: some 8 places for checkpoints, some 1000 blocks. */
static void the_rings_go_round(void)
{
	struct image im;

	edit_case_init(&im, "rings.apfs", false);
	for (int i = 0; i < 600; i++) {
		struct apfs_edit *ed = edit_begin(im.path);

		ASSERT_OK(apfs_edit_set_root(ed, EDIT_SYSTEM, i % 2 ? NULL : "first", &e),
			  &e);
		edit_commit(ed);
		if (i % 40 == 39)
			CU_ASSERT_TRUE(edit_accepted(im.path, EDIT_PLAIN));
	}
	CU_ASSERT_EQUAL(edit_content_of(im.path, EDIT_SYSTEM, NULL), 0);
	image_release(&im);
}

TEST_MAIN("apfs edit power",
	  {"a cut while a snapshot is made", cut_while_a_snapshot_is_made},
	  {"a cut while content is replaced", cut_while_content_is_replaced},
	  {"a cut while a snapshot is deleted", cut_while_a_snapshot_is_deleted},
	  {"a cut with writes in any order", in_any_order},
	  {"the next transaction", the_next_transaction},
	  {"the rings go round", the_rings_go_round})
