/* SPDX-License-Identifier: MIT */
/* The server's answers, without FUSE and with it. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zlib.h>

#include "components/apfs/serve.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/apfs/reader.h"
#include "sim/formats/apfs/test/make_image.h"
#include "sim/formats/fstree/fstree.h"

#define N_FILES	 900 /* enough for several leaves */
#define BIG_SIZE (3u * 1048576 + 77)

static struct err e;
static char log_text[8192];

static void keep_line(void *ctx, const char *line)
{
	(void)ctx;
	CU_ASSERT_FATAL(strlen(log_text) + strlen(line) + 2 < sizeof(log_text));
	strcat(log_text, line);
	strcat(log_text, "\n");
}

static size_t log_lines(void)
{
	size_t n = 0;

	for (const char *p = log_text; (p = strchr(p, '\n')); p++)
		n++;
	return n;
}

/* ---- an image ---- */

static uint8_t big[BIG_SIZE];

/* Type 3 of com.apple.decmpfs: header, and the content packed by zlib. */
static void compress_node(struct fs_node *n, const char *text)
{
	uint8_t attr[512];
	uLongf len = sizeof(attr) - 16;

	CU_ASSERT_EQUAL_FATAL(compress(attr + 16, &len, (const void *)text, strlen(text)),
			      Z_OK);
	memcpy(attr, "fpmc\3\0\0\0", 8);
	put_le64(attr + 8, strlen(text));
	ASSERT_OK(fs_node_set_xattr(n, "com.apple.decmpfs", attr, 16 + len, &e), &e);
	n->bsd_flags |= APFS_UF_COMPRESSED;
}

static void add_many(struct fs_tree *t)
{
	char path[64];

	for (int i = 0; i < N_FILES; i++) {
		snprintf(path, sizeof(path), "/many/file %03d", i);
		ASSERT_OK(fs_tree_file(t, path, 0644, path, strlen(path), NULL, &e), &e);
	}
}

static void make(const char *path, bool sensitive)
{
	struct fs_node *n, *users;
	struct fs_tree t;

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 2654435761u >> 13);
	ASSERT_OK(fs_tree_init(&t, TEST_TIME, &e), &e);
	ASSERT_OK(fs_tree_file(&t, "/Big", 0640, big, sizeof(big), &n, &e), &e);
	n->uid = 501;
	n->gid = 20;
	n->mtime_ns = -1500000000;
	ASSERT_OK(fs_node_set_xattr(n, "com.apple.quarantine", "0081;x", 6, &e), &e);
	ASSERT_OK(fs_tree_hardlink(&t, "/second name", n, &e), &e);
	ASSERT_OK(fs_tree_symlink(&t, "/link", "Big", NULL, &e), &e);
	ASSERT_OK(fs_tree_file(&t, "/packed", 0644, NULL, 0, &n, &e), &e);
	compress_node(n, "what was packed");
	ASSERT_OK(fs_tree_file(&t, "/bin/exit-7", 0755, "#!/bin/sh\nexit 7\n", 17, NULL,
			       &e),
		  &e);
	ASSERT_OK(fs_tree_mkdir(&t, "/Users", 0755, &users, &e), &e);
	users->bsd_flags |= SF_FIRMLINK;
	ASSERT_OK(fs_node_set_xattr(users, "com.apple.fs.firmlink", "Users", 5, &e), &e);
	add_many(&t);
	make_image(path, &t, sensitive);
	fs_tree_release(&t);
}

static struct apfs_fs *open_image(const char *path, const char *prefix)
{
	const struct apfs_fs_options o = {
		.disk = path,
		.device = "disk3s1",
		.xattr_prefix = prefix,
		.log = keep_line,
	};
	struct apfs_fs *fs = NULL;

	log_text[0] = '\0';
	ASSERT_OK(apfs_fs_open(&o, &fs, &e), &e);
	return fs;
}

static uint64_t find(struct apfs_fs *fs, const char *name, struct stat *st)
{
	CU_ASSERT_EQUAL_FATAL(apfs_fs_lookup(fs, APFS_INO_ROOT, name, st), 0);
	return st->st_ino;
}

/* ---- answers ---- */

static void tells_of_files(void)
{
	struct buf target = BUF_INIT;
	struct apfs_fs *fs;
	struct stat st, same;

	make(in_tmp("image"), false);
	fs = open_image(in_tmp("image"), NULL);
	CU_ASSERT_FALSE(apfs_fs_verifies(fs));
	find(fs, "Big", &st);
	CU_ASSERT_EQUAL(st.st_mode, S_IFREG | 0640);
	CU_ASSERT_EQUAL(st.st_uid, 501);
	CU_ASSERT_EQUAL(st.st_gid, 20);
	CU_ASSERT_EQUAL(st.st_nlink, 2);
	CU_ASSERT_EQUAL(st.st_size, BIG_SIZE);
	CU_ASSERT_EQUAL(st.st_blocks, (BIG_SIZE + 4095) / 4096 * 8);
	CU_ASSERT_EQUAL(st.st_mtim.tv_sec, -2);
	CU_ASSERT_EQUAL(st.st_mtim.tv_nsec, 500000000);
	find(fs, "second name", &same);
	CU_ASSERT_EQUAL(same.st_ino, st.st_ino);
	CU_ASSERT_EQUAL(apfs_fs_stat(fs, st.st_ino, &same), 0);
	CU_ASSERT_EQUAL(memcmp(&same, &st, sizeof(st)), 0);
	CU_ASSERT_EQUAL(apfs_fs_readlink(fs, find(fs, "link", &st), &target), 0);
	CU_ASSERT_STRING_EQUAL(buf_str(&target), "Big");
	CU_ASSERT_EQUAL(st.st_size, 3);
	find(fs, "Users", &st);
	CU_ASSERT_TRUE(S_ISDIR(st.st_mode));
	find(fs, "many", &st);
	CU_ASSERT_EQUAL(st.st_nlink, N_FILES + 2);
	find(fs, "..", &same);
	CU_ASSERT_EQUAL(same.st_ino, APFS_INO_ROOT);
	CU_ASSERT_EQUAL(apfs_fs_lookup(fs, st.st_ino, "..", &same), 0);
	CU_ASSERT_EQUAL(same.st_ino, APFS_INO_ROOT);
	CU_ASSERT_EQUAL(apfs_fs_stat(fs, 0xabcdef, &st), ENOENT);
	CU_ASSERT_STRING_EQUAL(log_text, "");
	buf_release(&target);
	apfs_fs_close(fs);
}

static void names_match_as_on_the_volume(void)
{
	struct apfs_fs *fs = open_image(in_tmp("image"), NULL);
	struct stat a, b;

	CU_ASSERT_EQUAL(find(fs, "Big", &a), find(fs, "bIG", &b));
	CU_ASSERT_EQUAL(apfs_fs_lookup(fs, APFS_INO_ROOT, "big ", &a), ENOENT);
	CU_ASSERT_EQUAL(apfs_fs_lookup(fs, APFS_INO_ROOT, "\xff", &a), EILSEQ);
	apfs_fs_close(fs);
	make(in_tmp("sensitive"), true);
	fs = open_image(in_tmp("sensitive"), NULL);
	find(fs, "Big", &a);
	CU_ASSERT_EQUAL(apfs_fs_lookup(fs, APFS_INO_ROOT, "big", &a), ENOENT);
	apfs_fs_close(fs);
}

static void reads(void)
{
	struct apfs_fs *fs = open_image(in_tmp("image"), NULL);
	static uint8_t got[BIG_SIZE + 10];
	struct stat st;
	size_t n;

	find(fs, "Big", &st);
	CU_ASSERT_EQUAL(apfs_fs_read(fs, st.st_ino, 0, got, sizeof(got), &n), 0);
	CU_ASSERT_EQUAL(n, BIG_SIZE);
	CU_ASSERT_EQUAL(memcmp(got, big, BIG_SIZE), 0);
	CU_ASSERT_EQUAL(apfs_fs_read(fs, st.st_ino, 4095, got, 2, &n), 0);
	CU_ASSERT_EQUAL(memcmp(got, big + 4095, 2), 0);
	CU_ASSERT_EQUAL(apfs_fs_read(fs, st.st_ino, BIG_SIZE, got, 2, &n), 0);
	CU_ASSERT_EQUAL(n, 0);
	find(fs, "packed", &st);
	CU_ASSERT_EQUAL(st.st_size, 15);
	CU_ASSERT_EQUAL(apfs_fs_read(fs, st.st_ino, 5, got, 100, &n), 0);
	CU_ASSERT_EQUAL(n, 10);
	CU_ASSERT_EQUAL(memcmp(got, "was packed", 10), 0);
	apfs_fs_close(fs);
}

/* More files than are kept open, in turn. */
static void reads_many_files(void)
{
	struct apfs_fs *fs = open_image(in_tmp("image"), NULL);
	struct stat dir, st;
	char name[64], got[64];
	size_t n;

	find(fs, "many", &dir);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "/many/file %03d", i % 100);
		CU_ASSERT_EQUAL_FATAL(apfs_fs_lookup(fs, dir.st_ino, name + 6, &st), 0);
		CU_ASSERT_EQUAL(apfs_fs_read(fs, st.st_ino, 0, got, sizeof(got), &n), 0);
		CU_ASSERT_EQUAL(n, strlen(name));
		CU_ASSERT_EQUAL(memcmp(got, name, n), 0);
	}
	apfs_fs_close(fs);
}

struct seen {
	unsigned n, max;
	uint64_t next;
	char first[64];
};

static bool count(void *ctx, const char *name, uint64_t ino, uint8_t type, uint64_t next)
{
	struct seen *s = ctx;

	if (s->n == s->max)
		return false;
	CU_ASSERT_TRUE(ino && type);
	if (!s->n++)
		snprintf(s->first, sizeof(s->first), "%s", name);
	s->next = next;
	return true;
}

static void lists_folders(void)
{
	struct apfs_fs *fs = open_image(in_tmp("image"), NULL);
	struct seen all = {.max = UINT_MAX}, part, again;
	unsigned n = 0;
	struct stat st;

	find(fs, "many", &st);
	CU_ASSERT_EQUAL(apfs_fs_readdir(fs, st.st_ino, 0, count, &all), 0);
	CU_ASSERT_EQUAL(all.n, N_FILES + 2);
	CU_ASSERT_STRING_EQUAL(all.first, ".");
	/* In pieces, two listings at a time. */
	for (uint64_t at = 0; n < N_FILES + 2; n += part.n, at = part.next) {
		part = again = (struct seen){.max = 7};
		CU_ASSERT_EQUAL_FATAL(apfs_fs_readdir(fs, st.st_ino, at, count, &part),
				      0);
		CU_ASSERT_TRUE_FATAL(part.n > 0);
		if (n % 3)
			continue;
		CU_ASSERT_EQUAL_FATAL(apfs_fs_readdir(fs, st.st_ino, at, count, &again),
				      0);
		CU_ASSERT_STRING_EQUAL(part.first, again.first);
	}
	CU_ASSERT_EQUAL(n, N_FILES + 2);
	part = (struct seen){.max = 7};
	CU_ASSERT_EQUAL(apfs_fs_readdir(fs, st.st_ino, all.next, count, &part), 0);
	CU_ASSERT_EQUAL(part.n, 0);
	CU_ASSERT_EQUAL(apfs_fs_readdir(fs, st.st_ino, UINT64_MAX, count, &part), 0);
	CU_ASSERT_EQUAL(part.n, 0);
	apfs_fs_close(fs);
}

/* What a Mac's listxattr(2) would say: nothing of what the file system keeps there. */
static void shows_attributes(const char *prefix, const char *name)
{
	struct apfs_fs *fs = open_image(in_tmp("image"), prefix);
	struct buf b = BUF_INIT;
	struct stat st;
	size_t n;

	find(fs, "Big", &st);
	CU_ASSERT_EQUAL(apfs_fs_listxattr(fs, st.st_ino, &b), 0);
	CU_ASSERT_EQUAL(b.len, strlen(name) + 1);
	CU_ASSERT_STRING_EQUAL(buf_str(&b), name);
	buf_clear(&b);
	CU_ASSERT_EQUAL(apfs_fs_getxattr(fs, st.st_ino, name, 0, &b, &n), 0);
	CU_ASSERT_EQUAL(n, 6);
	CU_ASSERT_EQUAL(apfs_fs_getxattr(fs, st.st_ino, name, 5, &b, &n), ERANGE);
	CU_ASSERT_EQUAL(apfs_fs_getxattr(fs, st.st_ino, name, 6, &b, &n), 0);
	CU_ASSERT_STRING_EQUAL(buf_str(&b), "0081;x");
	CU_ASSERT_EQUAL(apfs_fs_getxattr(fs, st.st_ino, "user.x", 6, &b, &n), ENODATA);
	buf_clear(&b);
	CU_ASSERT_EQUAL(apfs_fs_listxattr(fs, find(fs, "packed", &st), &b), 0);
	CU_ASSERT_EQUAL(apfs_fs_listxattr(fs, find(fs, "link", &st), &b), 0);
	CU_ASSERT_EQUAL(b.len, 0);
	buf_release(&b);
	apfs_fs_close(fs);
}

static void has_attributes(void)
{
	shows_attributes(NULL, "com.apple.quarantine");
	shows_attributes("osx.", "osx.com.apple.quarantine");
}

/* ---- damage ---- */

/* The first leaf of the file-system tree that mentions @name, which a byte is changed in.
 */
static void hurt_leaf_with(const char *path, const char *name)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t b[APFS_BLOCK_SIZE];
	const struct apfs_btree_node *n = (const void *)b;

	CU_ASSERT_FATAL(fd >= 0);
	for (uint64_t at = 0; at < TEST_CONTAINER; at += sizeof(b)) {
		ASSERT_OK(fsio_pread_all(fd, b, sizeof(b), at, path, &e), &e);
		if (le32_get(n->btn_o.o_subtype) != APFS_OT_FSTREE ||
		    le16_get(n->btn_level) != 0 ||
		    !memmem(b, sizeof(b), name, strlen(name)))
			continue;
		b[sizeof(b) / 2] ^= 1;
		ASSERT_OK(fsio_pwrite_all(fd, b, sizeof(b), at, path, &e), &e);
		break;
	}
	CU_ASSERT_EQUAL(close(fd), 0);
}

static unsigned count_errors(struct apfs_fs *fs, uint64_t dir, unsigned *ret_good)
{
	char name[32], got[64];
	struct stat st;
	unsigned bad = 0;
	size_t n;

	*ret_good = 0;
	for (int i = 0; i < N_FILES; i++) {
		int r;

		snprintf(name, sizeof(name), "file %03d", i);
		r = apfs_fs_lookup(fs, dir, name, &st);
		if (!r)
			r = apfs_fs_read(fs, st.st_ino, 0, got, sizeof(got), &n);
		CU_ASSERT_TRUE(!r || r == EIO);
		bad += r == EIO;
		*ret_good += !r;
	}
	return bad;
}

static void a_bad_block_is_an_error_of_its_files(void)
{
	unsigned good, bad;
	struct stat st, dir;
	struct apfs_fs *fs;
	size_t n;

	make(in_tmp("hurt"), false);
	hurt_leaf_with(in_tmp("hurt"), "file 500");
	fs = open_image(in_tmp("hurt"), NULL);
	find(fs, "many", &dir);
	bad = count_errors(fs, dir.st_ino, &good);
	CU_ASSERT_TRUE(bad > 5 && bad < N_FILES / 2);
	CU_ASSERT_EQUAL(bad + good, N_FILES);
	/* One block, one line, however often it is met. */
	CU_ASSERT_EQUAL(count_errors(fs, dir.st_ino, &good), bad);
	CU_ASSERT_EQUAL(log_lines(), 1);
	CU_ASSERT_EQUAL(strncmp(log_text, "disk3s1 ", 8), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(log_text, "bad checksum"));
	find(fs, "Big", &st);
	CU_ASSERT_EQUAL(apfs_fs_read(fs, st.st_ino, 0, big, sizeof(big), &n), 0);
	apfs_fs_close(fs);
}

/* ---- through the kernel ---- */

static char mount_dir[4096];
static pid_t server_pid;

static bool can_mount(void)
{
	return !access("/dev/fuse", R_OK | W_OK) &&
	       (!geteuid() || !test_shell("command -v fusermount3 >/dev/null"));
}

/* Serve @image on mount_dir in a process of its own. False when the host forbids it. */
static bool serve(const char *image)
{
	int ready[2], status;
	char byte;

	snprintf(mount_dir, sizeof(mount_dir), "%s/mount", test_tmpdir());
	mkdir(mount_dir, 0755);
	CU_ASSERT_EQUAL_FATAL(pipe2(ready, O_CLOEXEC), 0);
	fflush(NULL);
	server_pid = fork();
	if (server_pid == 0) {
		const struct serve_options o = {.dir = mount_dir,
						.source = "a,b\\c",
						.subtype = "test",
						.others = !geteuid()};
		struct server *s = NULL;
		struct apfs_fs *fs = open_image(image, NULL);
		int r = server_new(fs, &o, &s, &e);

		if (!r && write(ready[1], "", 1) == 1)
			r = server_run(s, &e);
		if (r)
			fprintf(stderr, "%s\n", e.msg);
		server_free(s);
		apfs_fs_close(fs);
		_exit(r != 0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) == 1) {
		close(ready[0]);
		return true;
	}
	close(ready[0]);
	waitpid(server_pid, &status, 0);
	return false;
}

static void end_serving(void)
{
	int status;

	CU_ASSERT_EQUAL(geteuid() ? test_shell("fusermount3 -u '%s'", mount_dir)
				  : umount(mount_dir),
			0);
	CU_ASSERT_EQUAL(waitpid(server_pid, &status, 0), server_pid);
	CU_ASSERT_EQUAL(status, 0);
}

static const char *at(const char *name)
{
	static char path[4][4200];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", mount_dir, name);
	return p;
}

static void check_served_files(void)
{
	char value[16], *p;
	struct stat st;
	int fd;

	CU_ASSERT_EQUAL(stat(at("."), &st), 0);
	CU_ASSERT_EQUAL(st.st_ino, APFS_INO_ROOT);
	CU_ASSERT_EQUAL(stat(at("BIG"), &st), 0);
	CU_ASSERT_EQUAL(st.st_nlink, 2);
	CU_ASSERT_EQUAL(st.st_size, BIG_SIZE);
	CU_ASSERT_EQUAL(st.st_mtim.tv_nsec, 500000000);
	CU_ASSERT_EQUAL(readlink(at("link"), value, sizeof(value)), 3);
	CU_ASSERT_EQUAL(getxattr(at("Big"), "com.apple.quarantine", value, sizeof(value)),
			6);
	CU_ASSERT_EQUAL(listxattr(at("packed"), value, sizeof(value)), 0);
	CU_ASSERT_TRUE(open(at("Big"), O_WRONLY) < 0 && errno == EROFS);
	CU_ASSERT_TRUE(open(at("none"), O_RDONLY) < 0 && errno == ENOENT);
	fd = open(at("Big"), O_RDONLY | O_CLOEXEC);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	p = mmap(NULL, BIG_SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
	CU_ASSERT_TRUE_FATAL(p != MAP_FAILED);
	CU_ASSERT_EQUAL(memcmp(p, big, BIG_SIZE), 0);
	munmap(p, BIG_SIZE);
	close(fd);
}

static void serves_by_fuse(void)
{
	if (!can_mount())
		TEST_SKIP("no /dev/fuse, or nobody to mount it");
	make(in_tmp("image"), false);
	if (!serve(in_tmp("image")))
		TEST_SKIP("this host does not let us mount");
	check_served_files();
	CU_ASSERT_EQUAL(test_shell("test $(ls '%s' | wc -l) = %d", at("many"), N_FILES),
			0);
	CU_ASSERT_EQUAL(
		test_shell("test $(ls -U '%s' | wc -l) = %d", at("many"), N_FILES), 0);
	CU_ASSERT_EQUAL(test_shell("find '%s' -links 2 -name Big | grep -q .", mount_dir),
			0);
	CU_ASSERT_EQUAL(
		test_shell("test \"$(cat '%s')\" = 'what was packed'", at("packed")), 0);
	CU_ASSERT_EQUAL(test_shell("'%s'", at("bin/exit-7")), 7);
	end_serving();
}

static void eio_of_one_file_by_fuse(void)
{
	if (!can_mount())
		TEST_SKIP("no /dev/fuse, or nobody to mount it");
	make(in_tmp("hurt"), false);
	hurt_leaf_with(in_tmp("hurt"), "file 500");
	if (!serve(in_tmp("hurt")))
		TEST_SKIP("this host does not let us mount");
	CU_ASSERT_EQUAL(test_shell("cmp -s '%s' '%s'", at("Big"), at("second name")), 0);
	CU_ASSERT_EQUAL(test_shell("cat '%s' >/dev/null", at("many/file 002")), 0);
	CU_ASSERT_EQUAL(
		test_shell("cd '%s' && ls -l file\\ 500 2>&1 | grep -q 'Input/output'",
			   at("many")),
		0);
	end_serving();
}

static void a_signal_ends_it(void)
{
	int status;

	if (!can_mount())
		TEST_SKIP("no /dev/fuse, or nobody to mount it");
	if (!serve(in_tmp("image")))
		TEST_SKIP("this host does not let us mount");
	CU_ASSERT_EQUAL(kill(server_pid, SIGTERM), 0);
	CU_ASSERT_EQUAL(waitpid(server_pid, &status, 0), server_pid);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_NOT_EQUAL(access(at("Big"), F_OK), 0);
}

TEST_MAIN("apfs-fs", {"tells of files", tells_of_files},
	  {"names match as on the volume", names_match_as_on_the_volume},
	  {"reads files, compressed ones too", reads},
	  {"reads more files than it keeps open", reads_many_files},
	  {"lists folders in pieces", lists_folders},
	  {"shows attributes", has_attributes},
	  {"a bad block is an error of its files alone",
	   a_bad_block_is_an_error_of_its_files},
	  {"serves by FUSE", serves_by_fuse},
	  {"a bad block is EIO by FUSE", eio_of_one_file_by_fuse},
	  {"a signal unmounts", a_signal_ends_it})
