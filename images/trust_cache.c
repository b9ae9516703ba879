/* SPDX-License-Identifier: MIT */
#include "images/trust_cache.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/base/bytes.h"

#define HASH_LEN       20u
#define ENTRY_LEN      22u
#define VERSION	       1u
#define HASH_SHA256    2u /* CS_HASHTYPE_SHA256 */
#define UUID_BYTES     16u
#define EXECUTABLE_MAX (256u << 20)

static int add_entry(const struct fs_node *n, struct buf *entries, struct err *e)
{
	uint8_t digest[EVP_MAX_MD_SIZE], entry[ENTRY_LEN] = {0};
	struct buf content = BUF_INIT;
	int r = fs_node_content(n, EXECUTABLE_MAX, &content, e);

	if (!r && !EVP_Digest(content.data, content.len, digest, NULL, EVP_sha256(), NULL))
		r = err_set(e, E_INFRA, "SHA-256 failed");
	buf_release(&content);
	if (r)
		return r;
	memcpy(entry, digest, HASH_LEN);
	entry[HASH_LEN] = HASH_SHA256;
	return buf_append(entries, entry, sizeof(entry), e);
}

static bool is_program(const struct fs_node *n)
{
	return S_ISREG(n->mode) && !n->link && (n->mode & 0111) && n->size;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, HASH_LEN);
}

int trust_cache_build(const struct fs_tree *t, struct buf *out, struct err *e)
{
	uint8_t digest[EVP_MAX_MD_SIZE], number[4];
	struct buf entries = BUF_INIT;
	int r = 0;

	for (struct fs_node *n = t->root; n && !r; n = fs_tree_next(t, n))
		if (is_program(n))
			r = add_entry(n, &entries, e);
	if (!r && entries.len)
		qsort(entries.data, entries.len / ENTRY_LEN, ENTRY_LEN, compare);
	/* The UUID follows from what is in it, so that the same cache has the same one. */
	if (!r && !EVP_Digest(entries.data, entries.len, digest, NULL, EVP_sha256(), NULL))
		r = err_set(e, E_INFRA, "SHA-256 failed");
	put_le32(number, VERSION);
	if (!r)
		r = buf_append(out, number, sizeof(number), e);
	if (!r)
		r = buf_append(out, digest, UUID_BYTES, e);
	put_le32(number, (uint32_t)(entries.len / ENTRY_LEN));
	if (!r)
		r = buf_append(out, number, sizeof(number), e);
	if (!r && entries.len)
		r = buf_append(out, entries.data, entries.len, e);
	buf_release(&entries);
	return r;
}
