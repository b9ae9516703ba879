/* SPDX-License-Identifier: MIT */
/* What protects one file: the hashes from its content up to the root. */
#include "sim/formats/apfs/reader_verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CHUNKS_MAX (1u << 20) /* 16 GiB as Macs cut them */

struct explain {
	struct apfs_volume
		plain; /* read without checking: what is wrong is to be shown */
	struct apfs_seal_explanation *x;
	struct sha256 sha;
	struct buf data;
	struct apfs_file *file; /* of a compressed file */
	size_t cap_nodes, cap_chunks;
};

/* Make room for one more of @n elements of @size bytes in *@list. */
static int grow(void *list, size_t n, size_t *cap, size_t size, struct err *e)
{
	void **p = list, *bigger;

	if (n < *cap)
		return 0;
	*cap = *cap ? 2 * *cap : 16;
	bigger = reallocarray(*p, *cap, size);
	if (!bigger)
		return err_set(e, E_NOMEM, "explanation: out of memory");
	*p = bigger;
	return 0;
}

/* ---- nodes ---- */

static int add_node(struct explain *s, const struct apfs_node *n,
		    const struct apfs_child *to, size_t parent, size_t *ret,
		    struct err *e)
{
	struct apfs_seal_explanation *x = s->x;
	struct apfs_seal_node *node;
	int r;

	for (*ret = 0; *ret < x->n_nodes; ++*ret)
		if (x->nodes[*ret].block == n->b->bno && x->nodes[*ret].oid == to->ref)
			return 0;
	r = grow(&x->nodes, x->n_nodes, &s->cap_nodes, sizeof(*x->nodes), e);
	if (r)
		return r;
	node = &x->nodes[x->n_nodes++];
	*node = (struct apfs_seal_node){
		.oid = to->ref,
		.block = n->b->bno,
		.level = n->level,
		.parent = parent,
	};
	if (to->hash)
		memcpy(node->expected, to->hash, sizeof(node->expected));
	return sha256_of(&s->sha, n->b->data, APFS_BLOCK_SIZE, node->found, e);
}

/* The nodes that @cur holds; *ret is the index of the leaf. */
static int add_path(struct explain *s, const struct apfs_cursor *cur, size_t *ret,
		    struct err *e)
{
	struct apfs_child to = {.ref = cur->t->root, .hash = s->x->info.root_hash};
	int r = 0;

	*ret = 0;
	for (unsigned i = 0; i < cur->depth && !r; i++) {
		r = add_node(s, &cur->at[i], &to, *ret, ret, e);
		if (!r && i + 1 < cur->depth)
			r = apfs_node_child(cur->t, &cur->at[i], cur->at[i].i, &to, e);
	}
	return r;
}

static int add_inode(struct explain *s, struct err *e)
{
	struct apfs_key key = {.id = s->x->inode.ino, .type = APFS_REC_INODE, .name = ""};
	struct apfs_cursor cur;
	int r = apfs_record_find(&s->plain, &cur, &key, e);

	if (r)
		return r;
	r = add_path(s, &cur, &s->x->inode_leaf, e);
	apfs_cursor_release(&cur);
	return r;
}

/* ---- content ---- */

/* The content of @c into s->data; false when it cannot be read. */
static bool read_chunk(struct explain *s, const struct apfs_chunk *c, uint64_t *bno)
{
	struct apfs_stream stream;
	struct err why = ERR_INIT;
	size_t n = 0;

	*bno = 0;
	if (s->file) {
		if (apfs_file_pread(s->file, c->off, s->data.data, c->len, &n, &why))
			return false;
		memset(s->data.data + n, 0, c->len - n);
		return true;
	}
	apfs_stream_init(&stream, &s->plain, c->id, UINT64_MAX);
	if (apfs_stream_locate(&stream, c->off, &why))
		return false;
	if (stream.disk_off)
		*bno = (stream.disk_off + (c->off - stream.start)) / APFS_BLOCK_SIZE;
	return !apfs_stream_read(&stream, c->off, s->data.data, c->len, &why);
}

static int add_chunk(struct explain *s, const struct apfs_cursor *cur, struct err *e)
{
	struct apfs_seal_explanation *x = s->x;
	struct apfs_seal_chunk *out;
	struct apfs_chunk c;
	int r = apfs_chunk_parse(&cur->key, cur->val, cur->val_len, &c, e);

	if (!r && x->n_chunks == CHUNKS_MAX)
		r = err_set(e, E_OVERFLOW, "more than %u hashes", CHUNKS_MAX);
	if (!r)
		r = grow(&x->chunks, x->n_chunks, &s->cap_chunks, sizeof(*out), e);
	buf_clear(&s->data);
	if (!r)
		r = buf_reserve(&s->data, c.len, e);
	if (r)
		return r;
	out = &x->chunks[x->n_chunks++];
	*out = (struct apfs_seal_chunk){.offset = c.off, .length = c.len};
	memcpy(out->expected, c.hash, sizeof(out->expected));
	out->read = read_chunk(s, &c, &out->block);
	if (out->read)
		r = sha256_of(&s->sha, s->data.data, c.len, out->found, e);
	return r ? r : add_path(s, cur, &out->leaf, e);
}

static int add_content(struct explain *s, struct err *e)
{
	struct apfs_key first = {
		.id = s->x->stream, .type = APFS_REC_FILE_INFO, .name = ""};
	struct apfs_cursor cur;
	int r;

	apfs_cursor_init(&cur, &s->plain.fs);
	r = apfs_cursor_seek(&cur, &first, e);
	while (!r && !cur.end && cur.key.id == first.id && cur.key.type == first.type) {
		r = add_chunk(s, &cur, e);
		if (!r)
			r = apfs_cursor_next(&cur, e);
	}
	apfs_cursor_release(&cur);
	return r;
}

/* A compressed file's hashes are filed under its inode or its fork's stream. */
static int open_compressed(struct explain *s, struct err *e)
{
	struct apfs_decmpfs *z;
	int r;

	s->x->compressed = true;
	r = apfs_decmpfs_open(&s->plain, s->x->inode.ino, &z, e);
	if (r)
		return r;
	s->x->stream = apfs_decmpfs_hashed_as(z);
	apfs_decmpfs_close(z);
	return apfs_file_open(&s->plain, &s->x->inode, &s->file, e);
}

static int explain(struct explain *s, const char *path, struct err *e)
{
	struct apfs_inode *ino = &s->x->inode;
	int r = apfs_lookup(&s->plain, path, 0, ino, e);

	if (!r)
		r = add_inode(s, e);
	if (r || !S_ISREG(ino->mode))
		return r;
	s->x->stream = ino->stream;
	if (ino->bsd_flags & APFS_UF_COMPRESSED)
		r = open_compressed(s, e);
	return r ? r : add_content(s, e);
}

void apfs_seal_explanation_release(struct apfs_seal_explanation *x)
{
	free(x->nodes);
	free(x->chunks);
	*x = (struct apfs_seal_explanation){0};
}

int apfs_seal_explain(struct apfs_volume *v, const char *path,
		      struct apfs_seal_explanation *ret, struct err *e)
{
	struct explain s = {.plain = *v, .x = ret};
	int r;

	s.plain.verify = s.plain.fs.verify = NULL;
	*ret = (struct apfs_seal_explanation){0};
	r = apfs_seal_info_get(v, &ret->info, e);
	if (!r && !ret->info.sealed)
		r = err_set(e, E_INVAL, "volume '%s' is not sealed", v->info.name);
	if (!r)
		r = sha256_init(&s.sha, e);
	if (!r)
		r = explain(&s, path, e);
	apfs_file_close(s.file);
	sha256_release(&s.sha);
	buf_release(&s.data);
	if (r)
		apfs_seal_explanation_release(ret);
	return r;
}
