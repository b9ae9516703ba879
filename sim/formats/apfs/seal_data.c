/* SPDX-License-Identifier: MIT */
/*
 * The content of files against its hashes. Chunks come in the order of the tree, and are
 * read in the order of the disk, as many as lie together at once.
 */
#include "sim/formats/apfs/seal_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* So much is read into a job before it is handed over: the second-level cache holds it.
 */
#define JOB_FILL (256u << 10)

static uint64_t block_of(const struct seal_todo *t)
{
	return t->disk_off == SEAL_SCATTERED ? 0 : t->disk_off / APFS_BLOCK_SIZE;
}

static int unreadable(struct seal_check *s, const struct seal_todo *t, struct err *e)
{
	struct apfs_seal_finding f = {
		.fault = APFS_SEAL_FAULT_UNREAD,
		.first_id = t->chunk.id,
		.last_id = t->chunk.id,
		.offset = t->chunk.off,
		.length = t->chunk.len,
		.block = block_of(t),
	};
	struct err why = *e;

	if (why.code == E_NOMEM || why.code == E_INFRA)
		return -(int)why.code;
	err_clear(e);
	return seal_find(s, &f, e, "%s", why.msg);
}

/* ---- jobs ---- */

static int look_at(struct seal_check *s, const struct seal_job *job, struct err *e)
{
	int r = 0;

	if (job->error)
		return err_set(e, job->why.code, "%s", job->why.msg);
	for (size_t i = 0; i < job->n && !r; i++) {
		const struct seal_piece *p = &job->pieces[i];
		struct apfs_seal_finding f = {
			.fault = APFS_SEAL_FAULT_DATA,
			.first_id = p->chunk.id,
			.last_id = p->chunk.id,
			.offset = p->chunk.off,
			.length = p->chunk.len,
			.block = p->bno,
		};

		s->report->chunks++;
		s->report->data_bytes += p->chunk.len;
		if (p->bad)
			r = seal_find(s, &f, e,
				      "data of %#" PRIx64 ": its hash is not the one in "
				      "block %" PRIu64,
				      p->chunk.id, p->chunk.leaf);
	}
	return r;
}

static int take_job(struct seal_check *s, struct seal_job **ret, struct err *e)
{
	int r;

	*ret = seal_pool_take(&s->pool);
	r = look_at(s, *ret, e);
	(*ret)->n = (*ret)->len = 0;
	return r ? r : seal_progress(s, e);
}

static void add_piece(struct seal_job *job, const struct apfs_chunk *c, uint64_t bno)
{
	job->pieces[job->n++] = (struct seal_piece){.chunk = *c, .bno = bno};
	job->len += c->len;
}

static bool has_room(const struct seal_job *job, uint32_t len)
{
	return !job->n || job->len + len <= JOB_FILL;
}

/* ---- from the disk ---- */

/* How many of @t, of which there are @n, lie one behind the other and fit into @job. */
static size_t run_length(const struct seal_job *job, const struct seal_todo *t, size_t n,
			 size_t *ret_bytes)
{
	size_t i = 1, bytes = t->chunk.len;

	while (i < n && t[i].disk_off == t->disk_off + bytes &&
	       job->len + bytes + t[i].chunk.len <= JOB_FILL)
		bytes += t[i++].chunk.len;
	*ret_bytes = bytes;
	return i;
}

static int read_chunk(struct seal_check *s, const struct seal_todo *t, uint8_t *to,
		      struct err *e)
{
	if (t->disk_off != SEAL_SCATTERED)
		return apfs_read_bytes(s->plain.c, t->disk_off, to, t->chunk.len, e);
	if (s->stream.id != t->chunk.id)
		apfs_stream_init(&s->stream, &s->plain, t->chunk.id, UINT64_MAX);
	return apfs_stream_read(&s->stream, t->chunk.off, to, t->chunk.len, e);
}

/* One by one, since there is something in the run that cannot be read. */
static int read_each(struct seal_check *s, struct seal_job *job,
		     const struct seal_todo *t, size_t n, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		err_clear(e);
		if (read_chunk(s, &t[i], job->data + job->len, e))
			r = unreadable(s, &t[i], e);
		else
			add_piece(job, &t[i].chunk, block_of(&t[i]));
	}
	return r;
}

/* Read a run from the start of @t into @job; *ret_n chunks. */
static int read_run(struct seal_check *s, struct seal_job *job, const struct seal_todo *t,
		    size_t n, size_t *ret_n, struct err *e)
{
	size_t bytes;

	*ret_n = t->disk_off == SEAL_SCATTERED ? 1 : run_length(job, t, n, &bytes);
	if (*ret_n == 1 ||
	    apfs_read_bytes(s->plain.c, t->disk_off, job->data + job->len, bytes, e))
		return read_each(s, job, t, *ret_n, e);
	for (size_t i = 0; i < *ret_n; i++)
		add_piece(job, &t[i].chunk, block_of(&t[i]));
	return 0;
}

static int cmp_todo(const void *a, const void *b)
{
	const struct seal_todo *x = a, *y = b;

	if (x->disk_off != y->disk_off)
		return x->disk_off < y->disk_off ? -1 : 1;
	return x->chunk.off < y->chunk.off ? -1 : x->chunk.off > y->chunk.off;
}

static int read_todo(struct seal_check *s, struct err *e)
{
	struct seal_job *job = NULL;
	int r = 0;

	qsort(s->todo, s->n_todo, sizeof(*s->todo), cmp_todo);
	for (size_t i = 0, n; i < s->n_todo && !r; i += n) {
		n = 0;
		if (job && !has_room(job, s->todo[i].chunk.len)) {
			seal_pool_give(&s->pool, job);
			job = NULL;
		}
		if (!job)
			r = take_job(s, &job, e);
		if (!r)
			r = read_run(s, job, s->todo + i, s->n_todo - i, &n, e);
	}
	if (job)
		seal_pool_give(&s->pool, job);
	s->n_todo = 0;
	return r;
}

int seal_data_add(struct seal_check *s, const struct apfs_chunk *c, struct err *e)
{
	struct seal_todo *t = &s->todo[s->n_todo];
	struct apfs_stream *at = &s->stream;

	*t = (struct seal_todo){.chunk = *c, .disk_off = SEAL_SCATTERED};
	if (at->id != c->id)
		apfs_stream_init(at, &s->plain, c->id, UINT64_MAX);
	if (apfs_stream_locate(at, c->off, e))
		return unreadable(s, t, e);
	if (at->disk_off && at->end - c->off >= c->len)
		t->disk_off = at->disk_off + (c->off - at->start);
	return ++s->n_todo < SEAL_TODO_MAX ? 0 : read_todo(s, e);
}

int seal_data_finish(struct seal_check *s, struct err *e)
{
	struct seal_job *job;
	int r = read_todo(s, e);

	while (!r && (job = seal_pool_drain(&s->pool)))
		r = look_at(s, job, e);
	return r;
}

/* ---- compressed files ---- */

static int not_covered(struct seal_check *s, uint64_t ino, uint64_t stream, uint64_t from,
		       uint64_t size, struct err *e)
{
	struct apfs_seal_finding f = {
		.fault = APFS_SEAL_FAULT_COVER,
		.first_id = ino,
		.last_id = ino,
		.offset = from,
		.length = size - from,
	};

	return seal_find(s, &f, e, "data of %#" PRIx64 ": not all has a hash", stream);
}

/* Unpack chunk @c of @z into a job of its own. */
static int unpack_chunk(struct seal_check *s, struct apfs_decmpfs *z,
			const struct apfs_chunk *c, struct err *e)
{
	struct seal_todo todo = {.chunk = *c, .disk_off = SEAL_SCATTERED};
	struct seal_job *job;
	size_t n;
	int r = take_job(s, &job, e);

	if (r)
		return r;
	if (apfs_decmpfs_pread(z, c->off, job->data, c->len, &n, e)) {
		r = unreadable(s, &todo, e);
	} else {
		memset(job->data + n, 0, c->len - n);
		add_piece(job, c, 0);
	}
	seal_pool_give(&s->pool, job);
	return r;
}

static int check_unpacked(struct seal_check *s, uint64_t ino, struct apfs_decmpfs *z,
			  struct err *e)
{
	uint64_t id = apfs_decmpfs_hashed_as(z), size = apfs_decmpfs_length(z), off = 0;
	struct apfs_chunk c;
	int r = 0;

	while (!r && off < size) {
		r = apfs_chunk_find(&s->plain, id, off, &c, e);
		if (r == -E_BADHASH || (!r && c.off != off)) {
			err_clear(e);
			return not_covered(s, ino, id, off, size, e);
		}
		if (!r)
			r = unpack_chunk(s, z, &c, e);
		off += c.len;
	}
	return r;
}

int seal_data_packed(struct seal_check *s, const struct apfs_inode *ino,
		     uint64_t *ret_stream, struct err *e)
{
	struct seal_todo all = {.chunk.id = ino->ino, .disk_off = SEAL_SCATTERED};
	struct apfs_decmpfs *z;
	int r;

	*ret_stream = 0;
	if (apfs_decmpfs_open(&s->plain, ino->ino, &z, e))
		return unreadable(s, &all, e);
	if (apfs_decmpfs_hashed_as(z) != ino->ino)
		*ret_stream = apfs_decmpfs_hashed_as(z);
	r = check_unpacked(s, ino->ino, z, e);
	apfs_decmpfs_close(z);
	if (r && e->code != E_NOMEM && e->code != E_INFRA && e->code != E_CANCELED)
		return unreadable(s, &all, e);
	return r;
}
