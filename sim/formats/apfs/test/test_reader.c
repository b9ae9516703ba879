/* SPDX-License-Identifier: MIT */
/*
 * What our writer wrote is read back, and equal. Other writers' images are in
 * test_reader_apple.c, other readers of the same images in test_reader_extract.c.
 */
#include "sim/formats/apfs/test/make_image.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "sim/formats/apfs/reader.h"

#define MANY 3000

static struct fs_tree tree;
static struct apfs *container;
static struct apfs_volume *vol;

static uint8_t *pattern(size_t len, uint32_t seed)
{
	uint8_t *p = malloc(len + 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = (uint8_t)(seed >> 24);
	}
	return p;
}

static struct fs_node *add_file(const char *path, size_t len, uint32_t seed)
{
	struct fs_node *n;
	struct err e = ERR_INIT;
	uint8_t *data = pattern(len, seed);

	ASSERT_OK(fs_tree_file(&tree, path, 0644, data, len, &n, &e), &e);
	free(data);
	return n;
}

static void add_many(void)
{
	char path[64];

	for (int i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "/many/file %d with a longer name", i);
		add_file(path, (size_t)(i % 7) * 1000, (uint32_t)i);
	}
}

static void build_tree(void)
{
	struct fs_node *n;
	struct err e = ERR_INIT;
	uint8_t *big = pattern(20000, 99);

	ASSERT_OK(fs_tree_init(&tree, TEST_TIME, &e), &e);
	add_file("/empty", 0, 0);
	add_file("/one", 1, 1);
	add_file("/block", 4096, 2);
	n = add_file("/System/Library/Kernels/kernel", 3 * 1024 * 1024 + 5, 3);
	n->uid = 501;
	n->gid = 20;
	n->mode = S_IFREG | 04750;
	n->bsd_flags = SF_RESTRICTED | SF_NOUNLINK;
	n->mtime_ns = TEST_TIME + 123456789;
	ASSERT_OK(fs_node_set_xattr(n, "com.apple.rootless", "Kernel", 6, &e), &e);
	ASSERT_OK(fs_node_set_xattr(n, "big", big, 20000, &e), &e);
	ASSERT_OK(fs_node_set_xattr(n, "nothing", "", 0, &e), &e);
	ASSERT_OK(fs_tree_hardlink(&tree, "/usr/bin/second name", n, &e), &e);
	ASSERT_OK(fs_tree_hardlink(&tree, "/third", n, &e), &e);
	ASSERT_OK(fs_tree_mkdir(&tree, "/private/etc", 0755, NULL, &e), &e);
	add_file("/private/etc/hosts", 10, 4);
	ASSERT_OK(fs_tree_symlink(&tree, "/etc", "private/etc", NULL, &e), &e);
	ASSERT_OK(fs_tree_symlink(&tree, "/abs", "/etc/../etc/./hosts", NULL, &e), &e);
	ASSERT_OK(fs_tree_symlink(&tree, "/loop", "loop", NULL, &e), &e);
	ASSERT_OK(fs_tree_symlink(&tree, "/dangling", "no/where", NULL, &e), &e);
	add_file("/Grüße/Ångström", 5, 5);
	ASSERT_OK(fs_tree_mkdir(&tree, "/hollow", 01777, NULL, &e), &e);
	add_many();
	free(big);
}

static void open_image(bool sensitive)
{
	struct err e = ERR_INIT;

	if (!tree.root)
		build_tree();
	apfs_volume_close(vol);
	apfs_close(container);
	vol = NULL;
	container = NULL;
	make_image(in_tmp("image"), &tree, sensitive);
	ASSERT_OK(apfs_open_path(in_tmp("image"), &container, &e), &e);
	ASSERT_OK(apfs_volume_open(container, 0, NULL, &vol, &e), &e);
}

/* ---- the whole tree ---- */

static void same_xattrs(const struct fs_node *n, uint64_t ino)
{
	struct apfs_xattr *list;
	struct err e = ERR_INIT;
	size_t count, expected = S_ISLNK(n->mode);

	for (const struct fs_xattr *x = n->xattrs; x; x = x->next) {
		struct buf value = BUF_INIT;

		ASSERT_OK(apfs_xattr_get(vol, ino, x->name, 1 << 20, &value, &e), &e);
		CU_ASSERT_EQUAL(value.len, x->len);
		CU_ASSERT_TRUE(!x->len || !memcmp(value.data, x->value, x->len));
		buf_release(&value);
		expected++;
	}
	ASSERT_OK(apfs_xattrs(vol, ino, &list, &count, &e), &e);
	CU_ASSERT_EQUAL(count, expected);
	free(list);
}

static void same_content(const struct fs_node *n, const struct apfs_inode *i)
{
	struct buf data = BUF_INIT;
	struct err e = ERR_INIT;

	if (S_ISREG(n->mode))
		ASSERT_OK(apfs_read_inode(vol, i, 16 << 20, &data, &e), &e);
	else if (S_ISLNK(n->mode))
		ASSERT_OK(apfs_readlink(vol, i, &data, &e), &e);
	if (!S_ISDIR(n->mode)) {
		CU_ASSERT_EQUAL(data.len, n->size);
		CU_ASSERT_EQUAL(i->size, n->size);
	}
	CU_ASSERT_TRUE(data.len == 0 || !memcmp(data.data, n->data, data.len));
	buf_release(&data);
}

static uint32_t links_of(const struct fs_node *n)
{
	return S_ISDIR(n->mode) ? 1 : n->n_links + 1;
}

static void same_node(const struct fs_node *n)
{
	const struct fs_node *holder = n->link ? n->link : n;
	struct apfs_inode i, other;
	struct err e = ERR_INIT;
	char path[2048];

	ASSERT_OK(apfs_lookup(vol, fs_node_path(n, path, sizeof(path)), 0, &i, &e), &e);
	CU_ASSERT_EQUAL(i.mode, holder->mode);
	CU_ASSERT_EQUAL(i.uid, holder->uid);
	CU_ASSERT_EQUAL(i.gid, holder->gid);
	CU_ASSERT_EQUAL(i.bsd_flags, holder->bsd_flags);
	CU_ASSERT_EQUAL(i.mod_ns, holder->mtime_ns);
	CU_ASSERT_EQUAL(i.nlink, links_of(holder));
	same_xattrs(holder, i.ino);
	same_content(holder, &i);
	if (n->link) {
		ASSERT_OK(apfs_lookup(vol, fs_node_path(holder, path, sizeof(path)), 0, &other,
				      &e), &e);
		CU_ASSERT_EQUAL(other.ino, i.ino);
	}
}

static int count_entry(void *ctx, const struct apfs_walk_entry *w, struct err *e)
{
	size_t *n = ctx;

	(void)e;
	CU_ASSERT_PTR_NOT_NULL(fs_tree_find(&tree, w->path));
	++*n;
	return 0;
}

static void round_trip(bool sensitive)
{
	struct err e = ERR_INIT;
	size_t nodes = 0, walked = 0;

	open_image(sensitive);
	for (struct fs_node *n = tree.root; n; n = fs_tree_next(&tree, n), nodes++)
		same_node(n);
	ASSERT_OK(apfs_walk(vol, "/", count_entry, &walked, &e), &e);
	CU_ASSERT_EQUAL(walked, nodes);
}

static void round_trip_insensitive(void)
{
	round_trip(false);
}

static void round_trip_sensitive(void)
{
	round_trip(true);
}

/* ---- names ---- */

static void names_match_as_the_volume_does(void)
{
	struct apfs_dirent ent;
	struct apfs_inode i;
	struct err e = ERR_INIT;

	open_image(false);
	ASSERT_OK(apfs_lookup(vol, "/SYSTEM/library/Kernels/KERNEL", 0, &i, &e), &e);
	ASSERT_OK(apfs_lookup(vol, "/GRÜSSE/ångström", 0, &i, &e), &e);
	/* decomposed: u and o with a combining diaeresis, A with a ring above */
	ASSERT_OK(apfs_lookup(vol, "/Gru\xcc\x88\xc3\x9f"
				   "e/A\xcc\x8angstro\xcc\x88m", 0, &i, &e), &e);
	ASSERT_OK(apfs_dir_find(vol, APFS_INO_ROOT, "EMPTY", &ent, &e), &e);
	CU_ASSERT_STRING_EQUAL(ent.name, "empty");
	CU_ASSERT_EQUAL(ent.type, DT_REG);
	open_image(true);
	ASSERT_FAILS(apfs_lookup(vol, "/EMPTY", 0, &i, &e), E_NOTFOUND);
	ASSERT_FAILS(apfs_lookup(vol, "/Grüsse", 0, &i, &e), E_NOTFOUND);
	ASSERT_OK(apfs_lookup(vol, "/Gru\xcc\x88\xc3\x9f"
				   "e", 0, &i, &e), &e);
}

static void links_are_followed_when_asked(void)
{
	struct apfs_inode i, hosts;
	struct err e = ERR_INIT;

	open_image(false);
	ASSERT_OK(apfs_lookup(vol, "/private/etc/hosts", 0, &hosts, &e), &e);
	ASSERT_OK(apfs_lookup(vol, "/abs", APFS_FOLLOW, &i, &e), &e);
	CU_ASSERT_EQUAL(i.ino, hosts.ino);
	ASSERT_OK(apfs_lookup(vol, "etc//./hosts", APFS_FOLLOW, &i, &e), &e);
	CU_ASSERT_EQUAL(i.ino, hosts.ino);
	ASSERT_OK(apfs_lookup(vol, "/../usr/bin/../../private/etc/hosts", 0, &i, &e), &e);
	CU_ASSERT_EQUAL(i.ino, hosts.ino);
	ASSERT_OK(apfs_lookup(vol, "/abs", 0, &i, &e), &e);
	CU_ASSERT_TRUE(S_ISLNK(i.mode));
	ASSERT_FAILS(apfs_lookup(vol, "/etc/hosts", 0, &i, &e), E_NOTFOUND);
	ASSERT_FAILS(apfs_lookup(vol, "/loop", APFS_FOLLOW, &i, &e), E_CORRUPT);
	ASSERT_FAILS(apfs_lookup(vol, "/dangling", APFS_FOLLOW, &i, &e), E_NOTFOUND);
	ASSERT_FAILS(apfs_lookup(vol, "/one/two", 0, &i, &e), E_NOTFOUND);
	CU_ASSERT_STRING_EQUAL(e.msg, "/one/two: not a folder before 'two'");
	ASSERT_OK(apfs_lookup(vol, "", 0, &i, &e), &e);
	CU_ASSERT_EQUAL(i.ino, APFS_INO_ROOT);
}

/* ---- reading ---- */

static void reads_any_piece(void)
{
	const char *path = "/System/Library/Kernels/kernel";
	struct fs_node *n;
	struct apfs_file *f;
	struct apfs_inode i;
	struct err e = ERR_INIT;
	uint8_t buf[9000];
	size_t got;

	open_image(false);
	n = fs_tree_find(&tree, path);
	ASSERT_OK(apfs_lookup(vol, path, 0, &i, &e), &e);
	ASSERT_OK(apfs_file_open(vol, &i, &f, &e), &e);
	for (uint64_t off = 0; off < n->size; off += 77777) {
		ASSERT_OK(apfs_file_pread(f, off, buf, sizeof(buf), &got, &e), &e);
		CU_ASSERT_EQUAL(got, n->size - off < sizeof(buf) ? n->size - off : sizeof(buf));
		CU_ASSERT_EQUAL(memcmp(buf, n->data + off, got), 0);
	}
	ASSERT_OK(apfs_file_pread(f, n->size, buf, 1, &got, &e), &e);
	CU_ASSERT_EQUAL(got, 0);
	ASSERT_OK(apfs_file_pread(f, UINT64_MAX, buf, 1, &got, &e), &e);
	CU_ASSERT_EQUAL(got, 0);
	apfs_file_close(f);
}

static void limits_and_wrong_kinds(void)
{
	struct buf out = BUF_INIT;
	struct apfs_file *f;
	struct apfs_inode i;
	struct err e = ERR_INIT;

	open_image(false);
	ASSERT_FAILS(apfs_read_path(vol, "/block", 4095, &out, &e), E_OVERFLOW);
	ASSERT_OK(apfs_read_path(vol, "/block", 4096, &out, &e), &e);
	CU_ASSERT_EQUAL(out.len, 4096);
	ASSERT_FAILS(apfs_read_path(vol, "/hollow", 10, &out, &e), E_INVAL);
	ASSERT_FAILS(apfs_read_path(vol, "/none", 10, &out, &e), E_NOTFOUND);
	ASSERT_OK(apfs_lookup(vol, "/third", 0, &i, &e), &e);
	ASSERT_FAILS(apfs_readlink(vol, &i, &out, &e), E_INVAL);
	ASSERT_FAILS(apfs_xattr_get(vol, i.ino, "big", 19999, &out, &e), E_OVERFLOW);
	ASSERT_FAILS(apfs_xattr_get(vol, i.ino, "small", 10, &out, &e), E_NOTFOUND);
	ASSERT_OK(apfs_lookup(vol, "/etc", 0, &i, &e), &e);
	ASSERT_FAILS(apfs_file_open(vol, &i, &f, &e), E_INVAL);
	ASSERT_FAILS(apfs_inode_get(vol, 0x7777, &i, &e), E_NOTFOUND);
	CU_ASSERT_EQUAL(out.len, 4096);
	buf_release(&out);
}

static int stop_at_etc(void *ctx, const struct apfs_walk_entry *w, struct err *e)
{
	(void)ctx;
	if (!strcmp(w->name, "many"))
		return APFS_WALK_SKIP;
	CU_ASSERT_PTR_NULL(strstr(w->path, "many/"));
	if (!strcmp(w->name, "hosts"))
		return err_set(e, E_BUSY, "here");
	return 0;
}

static void walks_can_skip_and_stop(void)
{
	struct err e = ERR_INIT;
	size_t n = 0;

	open_image(false);
	ASSERT_FAILS(apfs_walk(vol, "/", stop_at_etc, NULL, &e), E_BUSY);
	CU_ASSERT_STRING_EQUAL(e.msg, "/private/etc/hosts: here");
	ASSERT_OK(apfs_walk(vol, "private//", count_entry, &n, &e), &e);
	CU_ASSERT_EQUAL(n, 3);
}

/* ---- container and volumes ---- */

static void several_volumes(void)
{
	struct fs_tree small;
	struct apfs_volume_spec specs[] = {
		{.name = "Data", .role = APFS_ROLE_DATA, .uuid = {1}, .in_group = true},
		{.name = "Preboot", .role = APFS_ROLE_PREBOOT, .uuid = {2}},
		{.name = "VM", .role = APFS_ROLE_RECOVERY, .uuid = {3}},
		{.name = "x", .role = APFS_ROLE_VM, .uuid = {4}},
		{.name = "Mac", .role = APFS_ROLE_SYSTEM, .uuid = {5}, .in_group = true},
	};
	struct apfs_container_spec spec = {
		.size = 3ull << 30,
		.uuid = {0xc0},
		.group_uuid = {0xab, 0xcd},
		.time_ns = TEST_TIME,
		.volumes = specs,
		.n_volumes = 5,
	};
	struct apfs_volume_info info;
	struct apfs_info ci;
	struct apfs *c;
	struct apfs_volume *v;
	struct err e = ERR_INIT;
	char role[16];
	unsigned slot = 99;
	int fd = open(in_tmp("five"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ASSERT_OK(fs_tree_init(&small, TEST_TIME, &e), &e);
	for (int i = 0; i < 5; i++)
		specs[i].tree = &small;
	ASSERT_OK(apfs_write(fd, 0, &spec, &e), &e);
	close(fd);
	ASSERT_OK(apfs_open_path(in_tmp("five"), &c, &e), &e);
	apfs_get_info(c, &ci);
	CU_ASSERT_EQUAL(ci.block_count, (3ull << 30) / 4096);
	CU_ASSERT_TRUE(ci.free_blocks > ci.block_count / 2 && ci.free_blocks < ci.block_count);
	CU_ASSERT_STRING_EQUAL(ci.uuid, "C0000000-0000-0000-0000-000000000000");
	CU_ASSERT_EQUAL(apfs_slots(c), 5);
	ASSERT_OK(apfs_volume_get_info(c, 4, &info, &e), &e);
	CU_ASSERT_STRING_EQUAL(info.name, "Mac");
	CU_ASSERT_STRING_EQUAL(info.group, "ABCD0000-0000-0000-0000-000000000000");
	CU_ASSERT_STRING_EQUAL(apfs_role_name(info.role, role), "System");
	CU_ASSERT_STRING_EQUAL(apfs_role_name(0x1c0, role), "role 0x1c0");
	ASSERT_FAILS(apfs_volume_get_info(c, 5, &info, &e), E_NOTFOUND);
	ASSERT_FAILS(apfs_volume_get_info(c, 5000, &info, &e), E_NOTFOUND);

	/* A name goes before a role, a role before nothing. */
	ASSERT_OK(apfs_volume_find(c, "VM", &slot, &e), &e);
	CU_ASSERT_EQUAL(slot, 2);
	ASSERT_OK(apfs_volume_find(c, "vm", &slot, &e), &e);
	CU_ASSERT_EQUAL(slot, 3);
	ASSERT_OK(apfs_volume_find(c, "slot:1", &slot, &e), &e);
	CU_ASSERT_EQUAL(slot, 1);
	ASSERT_OK(apfs_volume_find(c, "05000000-0000-0000-0000-000000000000", &slot, &e), &e);
	CU_ASSERT_EQUAL(slot, 4);
	ASSERT_OK(apfs_volume_find_role(c, APFS_ROLE_DATA, &slot, &e), &e);
	CU_ASSERT_EQUAL(slot, 0);
	ASSERT_FAILS(apfs_volume_find(c, "slot:7", &slot, &e), E_NOTFOUND);
	ASSERT_FAILS(apfs_volume_find(c, "none", &slot, &e), E_NOTFOUND);
	ASSERT_FAILS(apfs_volume_find_role(c, APFS_ROLE_UPDATE, &slot, &e), E_NOTFOUND);
	ASSERT_FAILS(apfs_volume_open(c, 1, "no such snapshot", &v, &e), E_NOTFOUND);
	ASSERT_FAILS(apfs_volume_open_xid(c, 1, 77, &v, &e), E_NOTFOUND);
	apfs_close(c);
	fs_tree_release(&small);
}

static void in_a_partition_of_an_overlay(void)
{
	struct apfs_inode i;
	struct apfs_info info;
	struct apfs_volume *v;
	struct apfs *c;
	struct err e = ERR_INIT;

	if (test_shell("command -v qemu-img >/dev/null && PATH=$PATH:/usr/sbin command -v "
		       "sgdisk >/dev/null"))
		TEST_SKIP("no qemu-img or sgdisk");
	open_image(false);
	CU_ASSERT_EQUAL_FATAL(
		test_shell("cd %s && rm -f disk over && truncate -s 700M disk && "
			   "PATH=$PATH:/usr/sbin sgdisk -n 1:2048:+4M -t 1:EF00 -n 2:16384:0 "
			   "-t 2:7C3457EF-0000-11AA-AA11-00306543ECAC disk >/dev/null && "
			   "dd if=image of=disk bs=1M seek=8 conv=notrunc,sparse status=none && "
			   "qemu-img create -q -f qcow2 -b disk -F raw over",
			   test_tmpdir()),
		0);
	ASSERT_OK(apfs_open_path(in_tmp("over"), &c, &e), &e);
	apfs_get_info(c, &info);
	CU_ASSERT_EQUAL(info.offset, 8 << 20);
	ASSERT_OK(apfs_volume_open(c, 0, NULL, &v, &e), &e);
	ASSERT_OK(apfs_lookup(v, "/System/Library/Kernels/kernel", 0, &i, &e), &e);
	apfs_volume_close(v);
	apfs_close(c);
}

static void what_is_no_container(void)
{
	struct apfs *c;
	struct err e = ERR_INIT;

	CU_ASSERT_EQUAL(test_shell("truncate -s 0 %s; head -c 100000 /dev/zero >%s",
				   in_tmp("nil"), in_tmp("zeros")), 0);
	ASSERT_FAILS(apfs_open_path(in_tmp("nil"), &c, &e), E_NOTFOUND);
	ASSERT_FAILS(apfs_open_path(in_tmp("zeros"), &c, &e), E_NOTFOUND);
	ASSERT_FAILS(apfs_open_path(in_tmp("missing"), &c, &e), E_NOTFOUND);
	open_image(false);
	CU_ASSERT_EQUAL(test_shell("cd %s && head -c 10000000 image >cut", test_tmpdir()), 0);
	ASSERT_FAILS(apfs_open_path(in_tmp("cut"), &c, &e), E_CORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "block 0: container superblock: nx_block_count is 0x"));
}

static void clean_up(void)
{
	apfs_volume_close(vol);
	apfs_close(container);
	fs_tree_release(&tree);
}

TEST_MAIN("apfs-reader", {"reads back a tree, ignoring case", round_trip_insensitive},
	  {"reads back a tree, minding case", round_trip_sensitive},
	  {"matches names as the volume does", names_match_as_the_volume_does},
	  {"follows links when asked", links_are_followed_when_asked},
	  {"reads any piece of a file", reads_any_piece},
	  {"keeps limits and tells kinds apart", limits_and_wrong_kinds},
	  {"walks can skip and stop", walks_can_skip_and_stop},
	  {"finds volumes by name, role, slot, UUID", several_volumes},
	  {"finds the partition in an overlay", in_a_partition_of_an_overlay},
	  {"says what is no container", what_is_no_container},
	  {"gives everything back", clean_up})
