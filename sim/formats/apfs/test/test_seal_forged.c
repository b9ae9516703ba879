/* SPDX-License-Identifier: MIT */
/*
 * Seals that hold around what nobody should have sealed: the hashes are right, the rest
 * is not. Whoever can make those hashes is trusted as to what files say, but not to keep
 * a reader busy, or to leave something without a hash.
 */
#include "sim/formats/apfs/test/seal_image.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "sim/base/test.h"
#include "sim/formats/apfs/seal.h"

#define BS APFS_BLOCK_SIZE

static struct seal_image im;
static struct apfs *c;
static struct apfs_volume *v;

static void open_live(void)
{
	struct err e = ERR_INIT;

	ASSERT_OK(apfs_open_path(im.path, &c, &e), &e);
	ASSERT_OK(apfs_volume_open(c, 0, NULL, &v, &e), &e);
}

static void close_live(void)
{
	apfs_volume_close(v);
	apfs_close(c);
}

static int read_file(void *ctx, const struct apfs_walk_entry *w, struct err *e)
{
	struct buf b = BUF_INIT;
	struct apfs_xattr *list = NULL;
	struct err *first = ctx;
	size_t n = 0;
	int r = apfs_xattrs(v, w->inode->ino, &list, &n, e);

	for (size_t i = 0; i < n && !r; i++)
		r = apfs_xattr_get(v, w->inode->ino, list[i].name, 1 << 20, &b, e);
	buf_clear(&b);
	if (!r && S_ISREG(w->inode->mode))
		r = apfs_read_inode(v, w->inode, 1 << 20, &b, e);
	if (r && !first->code)
		*first = *e;
	free(list);
	buf_release(&b);
	return 0;
}

/* Read everything against the seal; the first error of a file or of the walk. */
static struct err read_verified(void)
{
	struct err e = ERR_INIT, first = ERR_INIT;
	int r = apfs_volume_verify(v, NULL, &e);

	if (!r)
		r = apfs_walk(v, "/", read_file, &first, &e);
	return first.code ? first : r ? e : (struct err)ERR_INIT;
}

static const struct apfs_seal_finding *find_text(const struct apfs_seal_report *r,
						 const char *text)
{
	for (size_t i = 0; i < r->n_findings; i++)
		if (strstr(r->findings[i].text, text))
			return &r->findings[i];
	return NULL;
}

/* ---- one record or node is changed ---- */

struct forgery {
	const char *path; /* whose record; NULL: any */
	uint8_t type;	  /* of the record; 0: the root node */
	void (*change)(uint8_t *b, const struct seal_record *rec);
	enum apfs_seal_fault fault;
	const char *says;      /* the finding */
	enum err_code reading; /* of a reader; E_OK: it is not disturbed */
};

#define INFO APFS_REC_FILE_INFO

static void no_blocks(uint8_t *b, const struct seal_record *rec)
{
	put_le16(b + rec->val, 0);
}

static void many_blocks(uint8_t *b, const struct seal_record *rec)
{
	put_le16(b + rec->val, 0xffff);
}

static void short_hash(uint8_t *b, const struct seal_record *rec)
{
	b[rec->val + 2] = 31;
}

static void odd_offset(uint8_t *b, const struct seal_record *rec)
{
	b[rec->key + 8] = 1;
}

static void later_offset(uint8_t *b, const struct seal_record *rec)
{
	put_le64(b + rec->key + 8, 1ull << APFS_FILE_INFO_TYPE_SHIFT | 0x10000);
}

static void other_info(uint8_t *b, const struct seal_record *rec)
{
	b[rec->key + 15] = 2;
}

static void other_record(uint8_t *b, const struct seal_record *rec)
{
	b[rec->key + 7] |= 0xf0;
}

static void old_extent(uint8_t *b, const struct seal_record *rec)
{
	b[rec->key + 7] = (uint8_t)((b[rec->key + 7] & 0x0f) | APFS_REC_FILE_EXTENT << 4);
}

static void long_name(uint8_t *b, const struct seal_record *rec)
{
	put_le32(b + rec->key + 8, get_le32(b + rec->key + 8) | APFS_DREC_LEN_MASK);
}

static void name_in_pieces(uint8_t *b, const struct seal_record *rec)
{
	b[rec->key + rec->key_len - 2] = 0;
}

static void short_inode(uint8_t *b, const struct seal_record *rec)
{
	put_le16(b + rec->toc + 6, 91);
}

/* The size stands at the start of the last extended field. */
static void larger_file(uint8_t *b, const struct seal_record *rec)
{
	uint8_t *size = b + rec->val + rec->val_len - sizeof(struct apfs_j_dstream);

	CU_ASSERT_EQUAL_FATAL(get_le64(size), 5000);
	put_le64(size, 5000 + 4 * BS);
}

static void other_stream(uint8_t *b, const struct seal_record *rec)
{
	put_le64(b + rec->val + 8, 0x7777);
}

/* "long" comes before "short". */
static void larger_attribute(uint8_t *b, const struct seal_record *rec)
{
	CU_ASSERT_EQUAL_FATAL(get_le64(b + rec->val + 12), 20000);
	put_le64(b + rec->val + 12, 200000);
}

static void outside_key(uint8_t *b, const struct seal_record *rec)
{
	put_le16(b + rec->toc, 0xfff0);
}

static void outside_value(uint8_t *b, const struct seal_record *rec)
{
	put_le16(b + rec->toc + 4, 0xfff0);
}

static void swapped(uint8_t *b, const struct seal_record *rec)
{
	uint8_t toc[8];
	size_t to = rec->i ? rec->toc - 8 : rec->toc + 8;

	memcpy(toc, b + rec->toc, 8);
	memcpy(b + rec->toc, b + to, 8);
	memcpy(b + to, toc, 8);
}

/* ---- of the root, whose entries lead to nodes ---- */

static void same_child(uint8_t *b, const struct seal_record *rec)
{
	struct seal_record next;

	seal_image_entry(b, 1, &next);
	memcpy(b + next.val, b + rec->val, 40);
}

static void same_entry(uint8_t *b, const struct seal_record *rec)
{
	memcpy(b + rec->toc + 8, b + rec->toc, 8);
}

static void no_such_child(uint8_t *b, const struct seal_record *rec)
{
	put_le64(b + rec->val, 1ull << 40);
}

static void child_overflows(uint8_t *b, const struct seal_record *rec)
{
	put_le64(b + rec->val, UINT64_MAX);
}

static void hashless_child(uint8_t *b, const struct seal_record *rec)
{
	put_le16(b + rec->toc + 6, 39);
}

static void key_count(uint8_t *b, const struct seal_record *rec)
{
	(void)rec;
	b[BS - 16] ^= 1;
}

static void node_count(uint8_t *b, const struct seal_record *rec)
{
	(void)rec;
	b[BS - 8] ^= 1;
}

static void many_keys(uint8_t *b, const struct seal_record *rec)
{
	(void)rec;
	put_le32(b + 0x24, 0xffffffff);
}

static void high_level(uint8_t *b, const struct seal_record *rec)
{
	(void)rec;
	put_le16(b + 0x22, 0xffff);
}

static void leaf_flag(uint8_t *b, const struct seal_record *rec)
{
	(void)rec;
	b[0x20] |= APFS_BTNODE_LEAF;
}

static void with_header(uint8_t *b, const struct seal_record *rec)
{
	(void)rec;
	b[0x20] &= (uint8_t)~APFS_BTNODE_NOHEADER;
}

static void large_nodes(uint8_t *b, const struct seal_record *rec)
{
	(void)rec;
	put_le32(b + BS - 36, 65536);
}

#define STRUCTURE APFS_SEAL_FAULT_STRUCTURE
#define COVER	  APFS_SEAL_FAULT_COVER

static const struct forgery forgeries[] = {
	{"/slack", INFO, no_blocks, STRUCTURE, "0 blocks", E_CORRUPT},
	{"/slack", INFO, many_blocks, STRUCTURE, "one hash for 65535 blocks",
	 E_UNSUPPORTED},
	{"/slack", INFO, short_hash, STRUCTURE, "are no SHA-256", E_CORRUPT},
	{"/slack", INFO, odd_offset, STRUCTURE, "at offset 1", E_BADHASH},
	{"/slack", INFO, later_offset, STRUCTURE, "do not follow each other", E_BADHASH},
	{"/slack", INFO, other_info, STRUCTURE, "type 2 is no data hash", E_BADHASH},
	{"/slack", INFO, other_record, COVER, "not all has a hash", E_BADHASH},
	{"/slack", INFO, old_extent, STRUCTURE, "has a file extent", E_BADHASH},
	{"/slack", APFS_REC_INODE, larger_file, COVER, "not all has a hash", E_BADHASH},
	{"/slack", APFS_REC_INODE, other_stream, COVER, "data of 0x7777", E_BADHASH},
	{"/slack", APFS_REC_INODE, short_inode, STRUCTURE, "has 91 bytes", E_CORRUPT},
	{"/attr", APFS_REC_XATTR, larger_attribute, COVER, "not all has a hash",
	 E_BADHASH},
	{"/folder 1", APFS_REC_DIR_REC, long_name, STRUCTURE, "bad key", E_CORRUPT},
	{"/folder 1", APFS_REC_DIR_REC, name_in_pieces, STRUCTURE, "bad key", E_CORRUPT},
	{"/slack", INFO, outside_key, STRUCTURE, "bad key", E_CORRUPT},
	{"/slack", INFO, outside_value, STRUCTURE, "bad value", E_CORRUPT},
	{"/folder 1", APFS_REC_DIR_REC, swapped, STRUCTURE, "not in order", E_OK},
	{NULL, 0, same_child, STRUCTURE, "entry 0 is not in order", E_CORRUPT},
	{NULL, 0, same_entry, STRUCTURE, "not in order", E_OK},
	{NULL, 0, no_such_child, STRUCTURE, "not in the object map", E_CORRUPT},
	{NULL, 0, child_overflows, STRUCTURE, "bad child", E_CORRUPT},
	{NULL, 0, hashless_child, STRUCTURE, "no SHA-256", E_CORRUPT},
	{NULL, 0, key_count, STRUCTURE, "bt_key_count", E_OK},
	{NULL, 0, node_count, STRUCTURE, "bt_node_count", E_OK},
	{NULL, 0, many_keys, STRUCTURE, "more entries than its table", E_CORRUPT},
	{NULL, 0, high_level, STRUCTURE, "level is not one below", E_CORRUPT},
	{NULL, 0, leaf_flag, STRUCTURE, "level does not match its flags", E_CORRUPT},
	{NULL, 0, with_header, STRUCTURE, "hashed in one place only", E_CORRUPT},
	{NULL, 0, large_nodes, STRUCTURE, "another size than a block", E_CORRUPT},
};

static bool as_expected(const struct forgery *f, const char *where,
			const struct apfs_seal_report *report, const struct err *reading)
{
	const struct apfs_seal_finding *found = find_text(report, f->says);

	if (found && found->fault == f->fault &&
	    (found->fault != STRUCTURE || !found->block || strstr(found->text, where) ||
	     found->first_id) &&
	    (f->reading == E_OK || reading->code == f->reading))
		return true;
	printf("wanted: %s, error %d of readers\n  reading: %d %s\n", f->says, f->reading,
	       reading->code, reading->msg);
	for (size_t i = 0; i < report->n_findings; i++)
		printf("  %s: %s\n", apfs_seal_fault_name(report->findings[i].fault),
		       report->findings[i].text);
	return false;
}

static void try_forgery(const struct forgery *f)
{
	struct apfs_seal_report report;
	struct err e = ERR_INIT, reading;
	struct seal_record rec;
	uint8_t b[BS];
	char where[32];

	seal_image_make(&im, "forged");
	if (f->type) {
		seal_image_record(&im, f->path ? seal_image_inode(&im, f->path) : 0,
				  f->type, &rec, b);
	} else {
		uint64_t bno = seal_image_root(&im, b);

		CU_ASSERT_FATAL(get_le16(b + 0x22) > 0);
		seal_image_entry(b, 0, &rec);
		rec.bno = bno;
	}
	f->change(b, &rec);
	seal_image_reseal(&im, rec.bno, b, NULL);
	snprintf(where, sizeof(where), "block %" PRIu64, rec.bno);
	open_live();
	ASSERT_OK(apfs_seal_check(v, NULL, &report, &e), &e);
	reading = read_verified();
	CU_ASSERT_TRUE(as_expected(f, where, &report, &reading));
	apfs_seal_report_release(&report);
	close_live();
	seal_image_close(&im);
}

static void forged_records(void)
{
	for (size_t i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++)
		try_forgery(&forgeries[i]);
}

/* To reseal something changes nothing but what was changed. */
static void resealing_works(void)
{
	struct apfs_seal_report report;
	struct err e = ERR_INIT, reading;
	struct seal_record rec;
	uint8_t b[BS], root[32];

	seal_image_make(&im, "forged");
	seal_image_record(&im, seal_image_inode(&im, "/slack"), APFS_REC_INODE, &rec, b);
	b[rec.val + offsetof(struct apfs_j_inode_val, mode)] ^= 1;
	seal_image_reseal(&im, rec.bno, b, root);
	CU_ASSERT_NOT_EQUAL(memcmp(root, im.sealed.root_hash, sizeof(root)), 0);
	open_live();
	ASSERT_OK(apfs_seal_check(v, NULL, &report, &e), &e);
	CU_ASSERT_EQUAL(report.faults, 0);
	CU_ASSERT_EQUAL(memcmp(report.info.root_hash, root, sizeof(root)), 0);
	reading = read_verified();
	CU_ASSERT_EQUAL(reading.code, E_OK);
	apfs_seal_report_release(&report);
	close_live();
	seal_image_close(&im);
}

/* A folder that is below itself: the seal holds, a walk ends. */
static void folders_in_a_circle(void)
{
	struct err reading;
	struct seal_record rec;
	uint8_t b[BS];

	seal_image_make(&im, "forged");
	seal_image_record(&im, seal_image_inode(&im, "/folder 1"), APFS_REC_DIR_REC, &rec,
			  b);
	put_le64(b + rec.val, APFS_INO_ROOT);
	seal_image_reseal(&im, rec.bno, b, NULL);
	open_live();
	reading = read_verified();
	CU_ASSERT_EQUAL(reading.code, E_CORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(reading.msg, "in two places"));
	close_live();
	seal_image_close(&im);
}

/* ---- the superblock ---- */

static void superblock(size_t at, uint64_t value, enum err_code code, const char *field)
{
	struct apfs_seal_info info;
	struct err e = ERR_INIT;
	uint8_t b[BS];
	uint64_t bno;
	char where[32];
	int r;

	seal_image_make(&im, "forged");
	bno = seal_image_object(&im, APFS_OT_FS, b);
	put_le64(b + at, value);
	seal_image_put_object(&im, bno, b);
	ASSERT_OK(apfs_open_path(im.path, &c, &e), &e);
	r = apfs_volume_open(c, 0, NULL, &v, &e);
	if (!r) {
		r = apfs_seal_info_get(v, &info, &e);
		apfs_volume_close(v);
	}
	CU_ASSERT_EQUAL(r, -(int)code);
	snprintf(where, sizeof(where), "block %" PRIu64 ":", bno);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, where));
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, field));
	apfs_close(c);
	seal_image_close(&im);
}

static void superblocks_are_read_strictly(void)
{
	superblock(0x38, 0x421, E_UNSUPPORTED, "apfs_incompatible_features");
	superblock(0x38, 1ull << 63 | 0x21, E_UNSUPPORTED, "apfs_incompatible_features");
	superblock(0x400, 0, E_CORRUPT, "apfs_integrity_meta_oid");
	superblock(0x408, 0, E_CORRUPT, "apfs_fext_tree_oid");
	superblock(0x410, 2, E_CORRUPT, "type 0x2");
}

/* ---- compressed files ---- */

#define PACKED_SIZE 5000
#define FORK_SIZE   5000

/* What the two unpack to, in whole blocks. */
static uint8_t in_attr[2 * BS], in_fork[2 * BS];

static void make_content(uint8_t *out, const char *name)
{
	seal_image_content(name, out, 64);
	for (size_t i = 64; i < PACKED_SIZE; i++)
		out[i] = out[i % 64];
}

static uLongf pack(const uint8_t *content, uint8_t *out, size_t room)
{
	uLongf len = room;

	CU_ASSERT_EQUAL_FATAL(compress(out, &len, content, PACKED_SIZE), Z_OK);
	return len;
}

/* Two files that are compressed, but nothing says so yet. */
static void add_packed(struct fs_tree *t)
{
	uint8_t attr[1000] = "fpmc\3", fork[FORK_SIZE] = {0};
	struct err e = ERR_INIT;
	struct fs_node *n;
	uLongf len;

	make_content(in_attr, "inline");
	make_content(in_fork, "forked");
	len = pack(in_attr, attr + 16, sizeof(attr) - 16);
	put_le64(attr + 8, PACKED_SIZE);
	ASSERT_OK(fs_tree_file(t, "/inline", 0644, in_attr, PACKED_SIZE, &n, &e), &e);
	ASSERT_OK(fs_node_set_xattr(n, "com.apple.decmpfs", attr, 16 + len, &e), &e);
	ASSERT_OK(fs_tree_file(t, "/forked", 0644, NULL, 0, &n, &e), &e);
	attr[4] = 4;
	ASSERT_OK(fs_node_set_xattr(n, "com.apple.decmpfs", attr, 16, &e), &e);
	len = pack(in_fork, fork + 0x110, FORK_SIZE - 0x110);
	put_be32(fork, 0x100);
	put_le32(fork + 0x104, 1);
	put_le32(fork + 0x108, 12);
	put_le32(fork + 0x10c, (uint32_t)len);
	ASSERT_OK(fs_node_set_xattr(n, "com.apple.ResourceFork", fork, FORK_SIZE, &e),
		  &e);
}

static void set_compressed(const char *path)
{
	struct seal_record rec;
	uint8_t b[BS];

	seal_image_record(&im, seal_image_inode(&im, path), APFS_REC_INODE, &rec, b);
	b[rec.val + offsetof(struct apfs_j_inode_val, bsd_flags)] |= APFS_UF_COMPRESSED;
	seal_image_reseal(&im, rec.bno, b, NULL);
}

/* The fork's hash becomes that of what it unpacks to, as Macs have it. */
static void hash_unpacked(void)
{
	uint8_t fork[2 * BS], raw[32], b[BS];
	uint64_t data, node;
	size_t at = 0;

	memset(fork, 0, sizeof(fork));
	put_be32(fork, 0x100);
	data = seal_image_find(&im, 1, fork, 0x100, &at);
	CU_ASSERT_FATAL(data && !at);
	seal_image_get(&im, data, fork);
	seal_image_get(&im, data + 1, fork + BS);
	seal_image_hash(fork, sizeof(fork), raw);
	node = seal_image_find(&im, 1, raw, sizeof(raw), &at);
	CU_ASSERT_FATAL(node != 0);
	seal_image_get(&im, node, b);
	seal_image_hash(in_fork, sizeof(in_fork), b + at);
	seal_image_reseal(&im, node, b, NULL);
}

static void make_packed(void)
{
	seal_image_make_with(&im, "forged", add_packed);
	set_compressed("/inline");
	set_compressed("/forked");
	hash_unpacked();
}

static void reads_as(const char *path, const uint8_t *content)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	int r = apfs_read_path(v, path, 1 << 20, &b, &e);

	CU_ASSERT_TRUE(!r && b.len == PACKED_SIZE &&
		       !memcmp(b.data, content, PACKED_SIZE));
	buf_release(&b);
}

static void compressed_files_hold(void)
{
	struct apfs_seal_report report;
	struct apfs_seal_explanation x;
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	make_packed();
	open_live();
	ASSERT_OK(apfs_seal_check(v, NULL, &report, &e), &e);
	CU_ASSERT_EQUAL(report.faults, 0);
	apfs_seal_report_release(&report);
	ASSERT_OK(apfs_seal_explain(v, "/forked", &x, &e), &e);
	CU_ASSERT_TRUE(x.compressed && x.n_chunks == 1 && x.stream != x.inode.ino);
	CU_ASSERT_EQUAL(memcmp(x.chunks[0].expected, x.chunks[0].found, 32), 0);
	apfs_seal_explanation_release(&x);
	ASSERT_OK(apfs_volume_verify(v, NULL, &e), &e);
	reads_as("/inline", in_attr);
	reads_as("/forked", in_fork);
	/* The fork itself has no hash, so that it is not handed out. */
	ASSERT_FAILS(apfs_xattr_get(v, seal_image_inode(&im, "/forked"),
				    "com.apple.ResourceFork", 1 << 20, &b, &e),
		     E_UNSUPPORTED);
	buf_release(&b);
	close_live();
	seal_image_close(&im);
}

/* Wrong data in a fork, and a wrong hash of what is in an attribute. */
static void compressed_files_are_caught(void)
{
	struct apfs_seal_report report;
	const struct apfs_seal_finding *f;
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	uint8_t fork[0x100] = {0}, hash[32], b[BS];
	uint64_t bno;
	size_t at = 0;

	make_packed();
	put_be32(fork, 0x100);
	bno = seal_image_find(&im, 1, fork, sizeof(fork), NULL);
	seal_image_flip(&im, bno, 0x118, 1);
	seal_image_hash(in_attr, sizeof(in_attr), hash);
	bno = seal_image_find(&im, 1, hash, sizeof(hash), &at);
	CU_ASSERT_FATAL(bno != 0);
	seal_image_get(&im, bno, b);
	b[at] ^= 1;
	seal_image_reseal(&im, bno, b, NULL);
	open_live();
	ASSERT_OK(apfs_seal_check(v, NULL, &report, &e), &e);
	CU_ASSERT_EQUAL(report.faults, 2);
	f = find_text(&report, "hash is not the one");
	CU_ASSERT_TRUE(f && f->fault == APFS_SEAL_FAULT_DATA && f->n_paths == 1 &&
		       !strcmp(f->paths[0], "/inline"));
	f = find_text(&report, "does not unpack");
	CU_ASSERT_TRUE(
		f && f->fault == APFS_SEAL_FAULT_UNREAD && f->n_paths == 1 &&
		!strcmp(f->paths[0], "/forked (attribute com.apple.ResourceFork)"));
	apfs_seal_report_release(&report);
	ASSERT_OK(apfs_volume_verify(v, NULL, &e), &e);
	ASSERT_FAILS(apfs_read_path(v, "/inline", 1 << 20, &out, &e), E_BADHASH);
	ASSERT_FAILS(apfs_read_path(v, "/forked", 1 << 20, &out, &e), E_CORRUPT);
	buf_release(&out);
	close_live();
	seal_image_close(&im);
}

TEST_MAIN("apfs-seal-forged", {"seals again", resealing_works},
	  {"forged records and nodes are refused", forged_records},
	  {"folders in a circle end a walk", folders_in_a_circle},
	  {"superblocks are read strictly", superblocks_are_read_strictly},
	  {"compressed files hold", compressed_files_hold},
	  {"compressed files are caught", compressed_files_are_caught})
