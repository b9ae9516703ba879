/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/test/image.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
		static const char *const names[IMAGE_MAX_VOLUMES] = {"One",  "Two",  "Three",
								     "Four", "Five", "Six"};

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

struct fs_node *image_file(struct fs_tree *t, const char *path, const void *data, size_t len)
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

/* Lay the node at @path of the host as 7-Zip would. */
static int lay_out(const struct fs_node *n, const char *path, struct err *e)
{
	const struct fs_node *c = n->link ? n->link : n;

	if (S_ISDIR(n->mode))
		return fsio_mkdirs(path, 0755, e);
	if (S_ISLNK(n->mode))
		return symlink((const char *)n->data, path) == 0 ? 0 : err_sys(e, "%s", path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(e, "%s", path);
	int rc = fsio_write_all(fd, c->data, (size_t)c->size, path, e);

	close(fd);
	return rc;
}

static void lay_out_tree(const struct fs_tree *t, const char *dir)
{
	struct err e = ERR_INIT;
	char path[1600], in_tree[1100];

	for (struct fs_node *n = t->root; n; n = fs_tree_next(t, n)) {
		snprintf(path, sizeof(path), "%s%s", dir,
			 fs_node_path(n, in_tree, sizeof(in_tree)));
		ASSERT_OK(lay_out(n, path, &e), &e);
	}
}

bool extracts_as_written(const struct image *im)
{
	const char *tmp = test_tmpdir();
	char want[300];

	/* 7-Zip makes a folder for each volume when there are several. */
	for (size_t i = 0; i < im->spec.n_volumes; i++) {
		snprintf(want, sizeof(want), "%s/want", tmp);
		if (im->spec.n_volumes > 1)
			snprintf(want, sizeof(want), "%s/want/Volume%zu", tmp, i + 1);
		lay_out_tree(&im->tree[i], want);
	}
	int rc = test_shell("7zz x -y -snld -o'%s/got' '%s' >/dev/null", tmp, im->path);

	/* Streams of xattrs come out as files "name:xattr". */
	rc |= test_shell("cd '%s' && find got -name '*:*' -delete && "
			 "diff -r --no-dereference want got",
			 tmp);
	test_shell("rm -rf '%s/want' '%s/got'", tmp, tmp);
	return rc == 0;
}
