/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/test/image.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/buf.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

#define TEST_TIME 1571616000000000000 /* 2019-10-21 */

void image_init(struct image *im, const char *file, uint64_t size, size_t n)
{
	struct err e = ERR_INIT;

	*im = (struct image){.spec = {.size = size,
				      .time_ns = TEST_TIME,
				      .volumes = im->volume,
				      .n_volumes = n}};
	snprintf(im->path, sizeof(im->path), "%s/%s", test_tmpdir(), file);
	memset(im->spec.uuid, 0xc0, sizeof(im->spec.uuid));
	memset(im->spec.group_uuid, 0x60, sizeof(im->spec.group_uuid));
	for (size_t i = 0; i < n; i++) {
		static const char *const names[IMAGE_MAX_VOLUMES] = {
			"One", "Two", "Three", "Four", "Five", "Six"};

		ASSERT_OK(fs_tree_init(&im->tree[i], TEST_TIME, &e), &e);
		im->volume[i].name = names[i];
		im->volume[i].tree = &im->tree[i];
		memset(im->volume[i].uuid, (int)(0x10 + i), sizeof(im->volume[i].uuid));
	}
}

void image_release(struct image *im)
{
	for (size_t i = 0; i < im->spec.n_volumes; i++)
		fs_tree_release(&im->tree[i]);
	unlink(im->path);
}

int image_write(struct image *im, uint64_t offset, struct err *e)
{
	int fd = open(im->path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(e, "%s", im->path);
	int rc = apfs_write(fd, offset, &im->spec, e);

	close(fd);
	return rc;
}

void image_must_write(struct image *im)
{
	struct err e = ERR_INIT;

	ASSERT_OK(image_write(im, 0, &e), &e);
}

struct fs_node *image_file(struct fs_tree *t, const char *path, const void *data,
			   size_t len)
{
	struct err e = ERR_INIT;
	struct fs_node *n = NULL;

	ASSERT_OK(fs_tree_file(t, path, 0644, data, len, &n, &e), &e);
	return n;
}

struct fs_node *image_text(struct fs_tree *t, const char *path, const char *text)
{
	return image_file(t, path, text, strlen(text));
}

bool have(const char *tool)
{
	return test_shell("command -v %s >/dev/null", tool) == 0;
}

bool judges_accept(const char *path)
{
	bool ok = true;

	if (have("apfsck"))
		ok = test_shell("apfsck -cuw '%s'", path) == 0;
	if (have("7zz"))
		ok = test_shell("7zz t '%s' >/dev/null", path) == 0 && ok;
	return ok;
}

/* Is the host's file @path what node @n says? */
static bool same_node(const struct fs_node *n, const char *path)
{
	const struct fs_node *c = n->link ? n->link : n;
	struct buf got = BUF_INIT;
	struct stat st;
	char target[1024];

	if (lstat(path, &st) != 0 || (st.st_mode & S_IFMT) != (n->mode & S_IFMT))
		return false;
	if (S_ISDIR(n->mode))
		return true;
	if (S_ISLNK(n->mode))
		return readlink(path, target, sizeof(target)) == (ssize_t)n->size &&
		       memcmp(target, n->data, (size_t)n->size) == 0;
	bool same = fsio_read(path, (size_t)c->size, &got, NULL) == 0 &&
		    got.len == c->size &&
		    (got.len == 0 || memcmp(got.data, c->data, got.len) == 0);

	buf_release(&got);
	return same;
}

/* Is @dir of the host as the tree from @top on? */
static bool same_below(struct fs_node *top, const char *dir)
{
	const struct fs_tree part = {.root = top};
	char path[1600], in_tree[1100];
	size_t skip = strlen(fs_node_path(top, in_tree, sizeof(in_tree))), n_nodes = 0;

	if (!top->parent)
		skip = 0;
	for (const struct fs_node *n = top; n; n = fs_tree_next(&part, n), n_nodes++) {
		snprintf(path, sizeof(path), "%s%s", dir,
			 fs_node_path(n, in_tree, sizeof(in_tree)) + skip);
		if (same_node(n, path))
			continue;
		printf("not as written: %s\n", path);
		return false;
	}
	/* Nothing else; xattrs come out as files "name:xattr". */
	return test_shell("test $(find '%s' ! -name '*:*' -printf x | wc -c) = %zu", dir,
			  n_nodes) == 0;
}

static bool extract(const struct image *im, const char *what)
{
	return test_shell("7zz x -y -snld -o'%s/got' '%s' %s >/dev/null", test_tmpdir(),
			  im->path, what) == 0;
}

bool extracts_as_written(const struct image *im)
{
	char dir[300];
	bool same = extract(im, "");

	for (size_t i = 0; i < im->spec.n_volumes && same; i++) {
		/* 7-Zip makes a folder for each volume when there are several. */
		snprintf(dir, sizeof(dir), "%s/got", test_tmpdir());
		if (im->spec.n_volumes > 1)
			snprintf(dir, sizeof(dir), "%s/got/Volume%zu", test_tmpdir(),
				 i + 1);
		same = same_below(im->tree[i].root, dir);
	}
	test_shell("rm -rf '%s/got'", test_tmpdir());
	return same;
}

bool folder_extracts_as_written(const struct image *im, const char *path)
{
	struct fs_node *top = fs_tree_find(&im->tree[0], path);
	char dir[300];
	bool same;

	snprintf(dir, sizeof(dir), "%s/got%s", test_tmpdir(), path);
	same = top && extract(im, path + 1) && same_below(top, dir);
	test_shell("rm -rf '%s/got'", test_tmpdir());
	return same;
}

#define LARGE_MARKS                                                                      \
	"for m in 0 1 127 128 300 319; do echo mark $m | "                               \
	"dd of='%s' bs=1M seek=$m conv=notrunc status=none; done"

void image_large_file(struct image *im, unsigned max_kib)
{
	const char *host = test_path("large");
	struct err e = ERR_INIT;

	CU_ASSERT_EQUAL_FATAL(test_shell("truncate -s 320M '%s' && " LARGE_MARKS
					 " && printf tail >>'%s'",
					 host, host, host),
			      0);
	image_text(&im->tree[0], "/before", "before");
	ASSERT_OK(fs_tree_host_file(&im->tree[0], "/large", 0644, host, NULL, &e), &e);
	image_text(&im->tree[0], "/behind", "behind");
	image_must_write(im);
	CU_ASSERT_TRUE(judges_accept(im->path));
	if (have("7zz"))
		CU_ASSERT_EQUAL(
			test_shell("7zz x -so '%s' large | cmp - '%s'", im->path, host),
			0);
	CU_ASSERT_EQUAL(test_shell("test $(du -k '%s' | cut -f1) -lt %u", im->path,
				   max_kib),
			0);
	unlink(host);
}
