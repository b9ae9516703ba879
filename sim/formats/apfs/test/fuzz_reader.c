/* SPDX-License-Identifier: MIT */
/*
 * A container that is right but for the bytes that the input changes. The input is a
 * list of patches, each {block: u16, offset: u16, length: u8, bytes}, where blocks are
 * counted among those that are not zero; so a few bytes reach any structure, and no
 * corpus of images is needed. Checksums are not looked at.
 *
 * The container is made by our writer, one of its volumes being sealed and having a
 * snapshot, or read from $KEXTLAB_FUZZ_BASE.
 */
#define _GNU_SOURCE /* SEEK_DATA, memfd_create */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "sim/base/bytes.h"
#include "sim/formats/apfs/reader.h"
#include "sim/formats/apfs/seal.h"
#include "sim/formats/apfs/writer.h"

#define BS APFS_BLOCK_SIZE
#define ENTRIES_MAX 2000
#define READ_MAX (256u << 10)

struct base_block {
	uint64_t bno;
	uint8_t good[BS], now[BS];
};

static struct base {
	struct vdisk disk;
	struct base_block *blocks; /* by bno */
	size_t n, cap;
} base;

/* ---- the disk ---- */

static int cmp_bno(const void *key, const void *elem)
{
	uint64_t a = *(const uint64_t *)key, b = ((const struct base_block *)elem)->bno;

	return a < b ? -1 : a > b;
}

static int base_read(struct vdisk *d, uint64_t off, void *buf, size_t len, struct err *e)
{
	uint8_t *p = buf;

	(void)d;
	(void)e;
	while (len) {
		uint64_t bno = off / BS;
		size_t in = off % BS, n = len < BS - in ? len : BS - in;
		const struct base_block *b =
			bsearch(&bno, base.blocks, base.n, sizeof(*b), cmp_bno);

		if (b)
			memcpy(p, b->now + in, n);
		else
			memset(p, 0, n);
		p += n;
		off += n;
		len -= n;
	}
	return 0;
}

static void base_close(struct vdisk *d)
{
	(void)d;
}

/* Take what is not zero from the image in @fd. */
static void load_base(int fd)
{
	static const struct vdisk_ops ops = {.read = base_read, .close = base_close};
	static const uint8_t zero[BS];
	struct stat st;
	off_t at = 0;

	if (fd < 0 || fstat(fd, &st))
		abort();
	base.disk = (struct vdisk){.ops = &ops, .size = (uint64_t)st.st_size};
	while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
		struct base_block *b;

		at -= at % BS;
		if (base.n == base.cap) {
			base.cap = base.cap ? 2 * base.cap : 256;
			base.blocks = reallocarray(base.blocks, base.cap, sizeof(*b));
		}
		if (!base.blocks)
			abort();
		b = &base.blocks[base.n];
		memset(b->good, 0, BS);
		if (pread(fd, b->good, BS, at) > 0 && memcmp(b->good, zero, BS) != 0) {
			b->bno = (uint64_t)(at / BS);
			memcpy(b->now, b->good, BS);
			base.n++;
		}
		at += BS;
	}
}

static void must(int r)
{
	if (r)
		abort();
}

/* What a sealed volume can hold, too. */
static void build_plain_tree(struct fs_tree *t)
{
	uint8_t big[20000] = {1};
	struct fs_node *n;
	char path[64];

	must(fs_tree_init(t, 1570449600000000000, NULL));
	for (int i = 0; i < 30; i++) {
		snprintf(path, sizeof(path), "/d%d/name %d", i % 5, i);
		must(fs_tree_file(t, path, 0644, path, (size_t)i % 20, NULL, NULL));
	}
	must(fs_tree_file(t, "/big", 0644, big, sizeof(big), &n, NULL));
	must(fs_node_set_xattr(n, "long", big, sizeof(big), NULL));
	must(fs_node_set_xattr(n, "short", "x", 1, NULL));
	must(fs_tree_hardlink(t, "/d1/again", n, NULL));
	must(fs_tree_symlink(t, "/link", "d1/again", NULL, NULL));
}

static void build_tree(struct fs_tree *t)
{
	uint8_t big[20000] = {1}, attr[200] = "fpmc\3";
	uLongf len = 100;
	struct fs_node *n;

	build_plain_tree(t);
	must(fs_tree_file(t, "/packed", 0644, NULL, 0, &n, NULL));
	put_le64(attr + 8, 90);
	must(compress(attr + 16, &len, big + 100, 90) != Z_OK);
	must(fs_node_set_xattr(n, "com.apple.decmpfs", attr, 16 + len, NULL));
	n->bsd_flags = APFS_UF_COMPRESSED;
	must(fs_tree_file(t, "/forked", 0644, NULL, 0, &n, NULL));
	attr[4] = 4;
	must(fs_node_set_xattr(n, "com.apple.decmpfs", attr, 16, NULL));
	memset(big, 0, 0x200);
	put_be32(big, 0x100);
	put_le32(big + 0x104, 1);
	put_le32(big + 0x108, 12);
	put_le32(big + 0x10c, (uint32_t)len);
	memcpy(big + 0x110, attr + 16, len);
	must(fs_node_set_xattr(n, "com.apple.ResourceFork", big, 5000, NULL));
	n->bsd_flags = APFS_UF_COMPRESSED;
}

static int written_base(void)
{
	struct fs_tree t, plain;
	struct apfs_volume_spec volumes[] = {
		{.name = "one", .role = APFS_ROLE_SYSTEM, .uuid = {1}, .tree = &plain,
		 .sealed = true, .snapshot = APFS_SNAPSHOT_OF_ROOT_HASH},
		{.name = "two", .role = APFS_ROLE_DATA, .uuid = {2}, .tree = &t,
		 .case_sensitive = true},
	};
	struct apfs_container_spec spec = {
		.size = 1024ull << 20,
		.uuid = {3},
		.time_ns = 1570449600000000000,
		.volumes = volumes,
		.n_volumes = 2,
	};
	int fd = memfd_create("base", MFD_CLOEXEC);

	build_plain_tree(&plain);
	build_tree(&t);
	must(fd < 0 || apfs_write(fd, 0, &spec, NULL));
	fs_tree_release(&plain);
	fs_tree_release(&t);
	return fd;
}

/* ---- what is tried ---- */

static int use_inode(struct apfs_volume *v, const struct apfs_inode *ino)
{
	static uint8_t piece[READ_MAX];
	struct apfs_xattr *list;
	struct buf out = BUF_INIT;
	struct apfs_file *f;
	uint64_t data;
	struct err e;
	size_t n;

	if (!apfs_xattrs(v, ino->ino, &list, &n, &e)) {
		for (size_t i = 0; i < n && i < 8; i++)
			(void)!apfs_xattr_get(v, ino->ino, list[i].name, READ_MAX, &out, &e);
		free(list);
	}
	buf_release(&out);
	if (apfs_file_open(v, ino, &f, &e))
		return 0;
	(void)!apfs_file_pread(f, 0, piece, sizeof(piece), &n, &e);
	(void)!apfs_file_pread(f, ino->size / 2, piece, 5000, &n, &e);
	(void)!apfs_file_next_data(f, 0, &data, &e);
	apfs_file_close(f);
	return 0;
}

struct visit {
	struct apfs_volume *v;
	size_t n;
};

static int visit(void *ctx, const struct apfs_walk_entry *w, struct err *e)
{
	struct visit *x = ctx;

	if (++x->n > ENTRIES_MAX)
		return err_set(e, E_OVERFLOW, "enough");
	return use_inode(x->v, w->inode);
}

/* Read once more with hashes looked for, look at everything, explain two files. */
static void use_seal(struct apfs_volume *v)
{
	struct apfs_seal_opts opts = {.threads = 1, .max_findings = 5};
	struct apfs_seal_report report;
	struct apfs_seal_explanation x;
	struct apfs_seal_info info;
	struct visit walk = {.v = v};
	struct err e;

	if (apfs_seal_info_get(v, &info, &e))
		return;
	(void)!apfs_seal_check(v, &opts, &report, &e);
	apfs_seal_report_release(&report);
	if (!apfs_seal_explain(v, "/big", &x, &e))
		apfs_seal_explanation_release(&x);
	if (!apfs_seal_explain(v, "/d1", &x, &e))
		apfs_seal_explanation_release(&x);
	if (!apfs_volume_verify(v, NULL, &e))
		(void)!apfs_walk(v, "/", visit, &walk, &e);
}

static void use_volume(struct apfs *c, unsigned slot, uint64_t xid)
{
	struct apfs_snapshot *snaps;
	struct apfs_volume *v;
	struct visit x = {0};
	struct apfs_inode ino;
	struct err e;
	size_t n;

	if (apfs_volume_open_xid(c, slot, xid, &v, &e))
		return;
	x.v = v;
	(void)!apfs_walk(v, "/", visit, &x, &e);
	(void)!apfs_lookup(v, "/link", APFS_FOLLOW, &ino, &e);
	(void)!apfs_lookup(v, "/D3/NAME 8/../x", 0, &ino, &e);
	if (!xid && !apfs_snapshots(v, &snaps, &n, &e)) {
		for (size_t i = 0; i < n && i < 3; i++)
			if (snaps[i].xid)
				use_volume(c, slot, snaps[i].xid);
		free(snaps);
	}
	if (apfs_volume_info_of(v)->sealed)
		use_seal(v);
	apfs_volume_close(v);
}

/* Apply the patches; how far they went is where they are undone from. */
static void patch(const uint8_t *data, size_t len, bool undo)
{
	while (len >= 5) {
		struct base_block *b = &base.blocks[get_le16(data) % base.n];
		size_t at = get_le16(data + 2) % BS, n = data[4];

		data += 5;
		len -= 5;
		n = n < len ? n : len;
		n = n < BS - at ? n : BS - at;
		if (undo)
			memcpy(b->now, b->good, BS);
		else if (n)
			memcpy(b->now + at, data, n);
		data += n;
		len -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct apfs *c;
	struct err e;

	if (!base.n) {
		const char *path = getenv("KEXTLAB_FUZZ_BASE");
		int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : written_base();

		load_base(fd);
		close(fd);
	}
	patch(data, len, false);
	if (!apfs_open(&base.disk, 0, base.disk.size, APFS_SKIP_CHECKSUMS, &c, &e)) {
		for (unsigned slot = 0; slot < apfs_slots(c) && slot < 8; slot++)
			use_volume(c, slot, 0);
		apfs_close(c);
	}
	patch(data, len, true);
	return 0;
}
