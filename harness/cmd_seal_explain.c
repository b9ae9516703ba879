/* SPDX-License-Identifier: MIT */
/* kextlab seal explain: what protects one file. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/cmd_seal.h"

static bool same(const uint8_t *a, const uint8_t *b)
{
	return !memcmp(a, b, APFS_SEAL_HASH_LEN);
}

static void print_hash(const char *what, const uint8_t *expected, const uint8_t *found)
{
	char text[2 * APFS_SEAL_HASH_LEN + 1];

	hex_text(expected, APFS_SEAL_HASH_LEN, text);
	printf("  %s %s", what, text);
	if (!same(expected, found)) {
		hex_text(found, APFS_SEAL_HASH_LEN, text);
		printf("\n  %*s %s  <- but this is its hash", (int)strlen(what), "",
		       text);
	}
	putchar('\n');
}

static void print_chunk(const struct apfs_seal_explanation *x,
			const struct apfs_seal_chunk *c)
{
	printf("content     offset %" PRIu64 ", %" PRIu64 " bytes", c->offset, c->length);
	if (c->block)
		printf(", block %" PRIu64, c->block);
	printf("; its hash is in block %" PRIu64 "%s\n", x->nodes[c->leaf].block,
	       c->read ? "" : "; it cannot be read");
	print_hash("sha256", c->expected, c->read ? c->found : c->expected);
}

static void print_node(const struct apfs_seal_explanation *x, size_t i)
{
	const struct apfs_seal_node *n = &x->nodes[i];
	const char *what = !i ? "root" : n->level ? "index node" : "leaf";

	printf("%-11s block %" PRIu64 ", object %#" PRIx64 ", level %u", what, n->block,
	       n->oid, n->level);
	if (i)
		printf("; its hash is in block %" PRIu64, x->nodes[n->parent].block);
	else
		printf("; its hash is the root hash, stored in block %" PRIu64
		       " at offset %#x",
		       x->info.block, x->info.hash_offset);
	putchar('\n');
	print_hash("sha256", n->expected, n->found);
}

static void print_text(const struct seal_words *w, const struct apfs_seal_explanation *x)
{
	printf("file        %s, inode %#" PRIx64 " in block %" PRIu64 "\n", w->args[1],
	       x->inode.ino, x->nodes[x->inode_leaf].block);
	if (x->compressed)
		printf("            compressed: the hashes are of the unpacked "
		       "content\n");
	for (size_t i = 0; i < x->n_chunks; i++)
		print_chunk(x, &x->chunks[i]);
	for (size_t i = x->n_nodes; i--;)
		print_node(x, i);
	if (x->info.broken)
		printf("the seal is marked as broken in transaction %" PRIu64 "\n",
		       x->info.broken_xid);
}

static json_t *chunk_json(const struct apfs_seal_chunk *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o}", "offset",
			 (json_int_t)c->offset, "length", (json_int_t)c->length, "block",
			 (json_int_t)c->block, "leaf", (json_int_t)c->leaf, "expected",
			 seal_hash_json(c->expected), "found",
			 c->read ? seal_hash_json(c->found) : json_null());
}

static json_t *node_json(const struct apfs_seal_node *n)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o}", "oid", (json_int_t)n->oid,
			 "block", (json_int_t)n->block, "level", (json_int_t)n->level,
			 "parent", (json_int_t)n->parent, "expected",
			 seal_hash_json(n->expected), "found", seal_hash_json(n->found));
}

static int print_json(const struct seal_words *w, const struct apfs_seal_explanation *x)
{
	json_t *nodes = json_array(), *chunks = json_array();

	for (size_t i = 0; i < x->n_nodes; i++)
		json_array_append_new(nodes, node_json(&x->nodes[i]));
	for (size_t i = 0; i < x->n_chunks; i++)
		json_array_append_new(chunks, chunk_json(&x->chunks[i]));
	return cmd_print_json(json_pack(
		"{s:s, s:s, s:I, s:I, s:b, s:I, s:o, s:o, s:o}", "image", w->args[0],
		"path", w->args[1], "inode", (json_int_t)x->inode.ino, "inode_leaf",
		(json_int_t)x->inode_leaf, "compressed", x->compressed, "stream",
		(json_int_t)x->stream, "chunks", chunks, "nodes", nodes, "seal",
		seal_info_json(&x->info)));
}

int seal_explain(const void *words)
{
	const struct seal_words *w = words;
	struct apfs_seal_explanation x = {0};
	struct apfs_volume *v = NULL;
	struct seal_place place;
	struct err e = ERR_INIT;
	uint64_t xid;
	int status, r = seal_place_open(&place, w->args[0], w->volume, &e);

	if (!r)
		r = seal_place_state(&place, w->snapshot, &v, &xid, &e);
	if (!r)
		r = apfs_seal_explain(v, w->args[1], &x, &e);
	if (r) {
		status = cmd_error(&e);
	} else if (w->json) {
		status = print_json(w, &x);
	} else {
		print_text(w, &x);
		status = EXIT_PASSED;
	}
	apfs_seal_explanation_release(&x);
	apfs_volume_close(v);
	seal_place_close(&place);
	return status;
}
