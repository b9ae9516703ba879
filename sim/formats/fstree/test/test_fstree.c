/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/base/test.h"
#include "sim/formats/fstree/fstree.h"

static struct err e;

static void makes_parents_in_order(void)
{
	struct fs_tree t;
	struct fs_node *n;
	char path[64];

	ASSERT_OK(fs_tree_init(&t, 77, &e), &e);
	ASSERT_OK(fs_tree_file(&t, "/b/x/f", 0644, "data", 4, &n, &e), &e);
	ASSERT_OK(fs_tree_mkdir(&t, "/a/", 01777, NULL, &e), &e);
	CU_ASSERT_EQUAL(n->mode, S_IFREG | 0644);
	CU_ASSERT_EQUAL(n->mtime_ns, 77);
	CU_ASSERT_EQUAL(n->size, 4);
	CU_ASSERT_STRING_EQUAL(fs_node_path(n, path, sizeof(path)), "/b/x/f");
	CU_ASSERT_STRING_EQUAL(fs_node_path(n, path, 6), "...f");
	CU_ASSERT_STRING_EQUAL(fs_node_path(t.root, path, sizeof(path)), "/");
	CU_ASSERT_STRING_EQUAL(t.root->children->name, "b");
	CU_ASSERT_STRING_EQUAL(t.root->children->next->name, "a");
	CU_ASSERT_EQUAL(t.root->children->next->mode, S_IFDIR | 01777);
	CU_ASSERT_PTR_EQUAL(fs_tree_find(&t, "/b//x/f"), n);
	CU_ASSERT_PTR_NULL(fs_tree_find(&t, "/b/x/ff"));
	CU_ASSERT_PTR_EQUAL(fs_tree_find(&t, "/"), t.root);
	fs_tree_release(&t);
}

static void refuses_bad_paths(void)
{
	struct fs_tree t;
	char longest[1100] = "/";

	memset(longest + 1, 'x', sizeof(longest) - 2);
	ASSERT_OK(fs_tree_init(&t, 0, &e), &e);
	ASSERT_FAILS(fs_tree_mkdir(&t, "a", 0755, NULL, &e), E_INVAL);
	ASSERT_FAILS(fs_tree_mkdir(&t, "/a/../b", 0755, NULL, &e), E_INVAL);
	ASSERT_FAILS(fs_tree_mkdir(&t, "/.", 0755, NULL, &e), E_INVAL);
	ASSERT_FAILS(fs_tree_mkdir(&t, longest, 0755, NULL, &e), E_INVAL);
	ASSERT_OK(fs_tree_file(&t, "/f", 0644, NULL, 0, NULL, &e), &e);
	ASSERT_FAILS(fs_tree_mkdir(&t, "/f", 0755, NULL, &e), E_EXISTS);
	ASSERT_FAILS(fs_tree_mkdir(&t, "/f/g", 0755, NULL, &e), E_EXISTS);
	ASSERT_FAILS(fs_tree_file(&t, "/", 0644, NULL, 0, NULL, &e), E_EXISTS);
	ASSERT_FAILS(fs_tree_symlink(&t, "/l", "", NULL, &e), E_INVAL);
	ASSERT_FAILS(fs_tree_remove(&t, "/none", &e), E_NOTFOUND);
	ASSERT_FAILS(fs_tree_remove(&t, "/", &e), E_INVAL);
	ASSERT_FAILS(fs_tree_host_file(&t, "/h", 0644, "/nowhere", NULL, &e), E_NOTFOUND);
	fs_tree_release(&t);
}

static void replaces_files_not_folders(void)
{
	struct fs_tree t;
	struct fs_node *n;

	ASSERT_OK(fs_tree_init(&t, 0, &e), &e);
	ASSERT_OK(fs_tree_file(&t, "/f", 0644, "one", 3, &n, &e), &e);
	ASSERT_OK(fs_node_set_xattr(n, "a", "1", 1, &e), &e);
	ASSERT_OK(fs_node_set_xattr(n, "a", "22", 2, &e), &e);
	CU_ASSERT_EQUAL(n->xattrs->len, 2);
	CU_ASSERT_PTR_NULL(n->xattrs->next);
	ASSERT_OK(fs_tree_symlink(&t, "/f", "elsewhere", &n, &e), &e);
	CU_ASSERT_EQUAL(n->mode, S_IFLNK | 0755);
	CU_ASSERT_PTR_NULL(n->xattrs);
	CU_ASSERT_PTR_NULL(n->next);
	ASSERT_OK(fs_tree_mkdir(&t, "/d", 0755, NULL, &e), &e);
	ASSERT_FAILS(fs_tree_file(&t, "/d", 0644, NULL, 0, NULL, &e), E_EXISTS);
	fs_tree_release(&t);
}

static void first_link_inherits_the_content(void)
{
	struct fs_tree t;
	struct fs_node *f, *l1, *l2;

	ASSERT_OK(fs_tree_init(&t, 0, &e), &e);
	ASSERT_OK(fs_tree_file(&t, "/f", 0640, "data", 4, &f, &e), &e);
	ASSERT_OK(fs_tree_hardlink(&t, "/l1", f, &e), &e);
	l1 = fs_tree_find(&t, "/l1");
	ASSERT_OK(fs_tree_hardlink(&t, "/l2", l1, &e), &e);
	l2 = fs_tree_find(&t, "/l2");
	CU_ASSERT_PTR_EQUAL(l2->link, f);
	CU_ASSERT_EQUAL(f->n_links, 2);
	ASSERT_OK(fs_tree_remove(&t, "/f", &e), &e);
	CU_ASSERT_PTR_NULL(l1->link);
	CU_ASSERT_PTR_EQUAL(l2->link, l1);
	CU_ASSERT_EQUAL(l1->n_links, 1);
	CU_ASSERT_EQUAL(l1->size, 4);
	CU_ASSERT_EQUAL(memcmp(l1->data, "data", 4), 0);
	CU_ASSERT_EQUAL(l1->mode, S_IFREG | 0640);
	ASSERT_OK(fs_tree_remove(&t, "/l2", &e), &e);
	CU_ASSERT_EQUAL(l1->n_links, 0);
	ASSERT_FAILS(fs_tree_hardlink(&t, "/dir", t.root, &e), E_INVAL);
	fs_tree_release(&t);
}

static void removes_a_folder_with_all_below(void)
{
	struct fs_tree t;
	size_t n = 0;

	ASSERT_OK(fs_tree_init(&t, 0, &e), &e);
	for (int i = 0; i < 2000; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/top/d%d/f%d", i % 7, i);
		ASSERT_OK(fs_tree_file(&t, path, 0644, "x", 1, NULL, &e), &e);
	}
	ASSERT_OK(fs_tree_mkdir(&t, "/last", 0755, NULL, &e), &e);
	for (struct fs_node *x = t.root; x; x = fs_tree_next(&t, x))
		n++;
	CU_ASSERT_EQUAL(n, 2000 + 7 + 3);
	CU_ASSERT_PTR_NOT_NULL(fs_tree_find(&t, "/top/d3/f1998"));
	ASSERT_OK(fs_tree_remove(&t, "/top", &e), &e);
	CU_ASSERT_PTR_NULL(fs_tree_find(&t, "/top/d3/f1998"));
	CU_ASSERT_STRING_EQUAL(t.root->children->name, "last");
	ASSERT_OK(fs_tree_file(&t, "/after", 0644, "x", 1, NULL, &e), &e);
	CU_ASSERT_STRING_EQUAL(t.root->children->next->name, "after");
	fs_tree_release(&t);
}

static void moves_a_folder_with_all_below(void)
{
	struct fs_node *dir, *file, *other;
	struct fs_tree t;

	ASSERT_OK(fs_tree_init(&t, 0, &e), &e);
	ASSERT_OK(fs_tree_file(&t, "/a/b/file", 0644, "x", 1, &file, &e), &e);
	ASSERT_OK(fs_tree_hardlink(&t, "/other", file, &e), &e);
	ASSERT_OK(fs_tree_mkdir(&t, "/c", 0755, NULL, &e), &e);
	dir = fs_tree_find(&t, "/a/b");
	other = fs_tree_find(&t, "/other");
	ASSERT_OK(fs_tree_move(&t, dir, "/c/d", &e), &e);
	CU_ASSERT_PTR_EQUAL(fs_tree_find(&t, "/c/d/file"), file);
	CU_ASSERT_PTR_NULL(fs_tree_find(&t, "/a/b"));
	CU_ASSERT_PTR_NULL(fs_tree_find(&t, "/a")->children);
	CU_ASSERT_PTR_EQUAL(other->link, file);
	/* The name that is free again, and a child at the end of its old folder. */
	ASSERT_OK(fs_tree_file(&t, "/a/b", 0644, "y", 1, NULL, &e), &e);
	CU_ASSERT_STRING_EQUAL(fs_tree_find(&t, "/a")->children->name, "b");
	ASSERT_FAILS(fs_tree_move(&t, dir, "/a/b", &e), E_EXISTS);
	ASSERT_FAILS(fs_tree_move(&t, dir, "/", &e), E_EXISTS);
	ASSERT_FAILS(fs_tree_move(&t, dir, "/no/d", &e), E_NOTFOUND);
	ASSERT_FAILS(fs_tree_move(&t, dir, "/other/d", &e), E_NOTFOUND);
	ASSERT_FAILS(fs_tree_move(&t, dir, "/c/d/e", &e), E_INVAL);
	ASSERT_FAILS(fs_tree_move(&t, t.root, "/c/r", &e), E_INVAL);
	CU_ASSERT_PTR_EQUAL(fs_tree_find(&t, "/c/d/file"), file);
	/* In its own folder, and the content goes to the heir when it goes. */
	ASSERT_OK(fs_tree_move(&t, file, "/c/d/renamed", &e), &e);
	ASSERT_OK(fs_tree_remove(&t, "/c", &e), &e);
	CU_ASSERT_PTR_NULL(other->link);
	CU_ASSERT_EQUAL(other->size, 1);
	fs_tree_release(&t);
}

static void imports_a_host_folder(void)
{
	struct fs_tree t;
	struct fs_node *n;
	const char *dir = test_tmpdir();

	CU_ASSERT_EQUAL(
		test_shell("cd '%s' && mkdir -p s/b s/a && printf hello >s/b/f && "
			   "chmod 4755 s/b/f && ln s/b/f s/a/hard && ln -s ../x s/l",
			   dir),
		0);
	ASSERT_OK(fs_tree_init(&t, 5, &e), &e);
	char src[512];

	snprintf(src, sizeof(src), "%s/s", dir);
	ASSERT_OK(fs_tree_import(&t, "/in", src, &e), &e);
	n = fs_tree_find(&t, "/in/a/hard");
	CU_ASSERT_PTR_NOT_NULL_FATAL(n);
	CU_ASSERT_EQUAL(n->mode, S_IFREG | 04755);
	CU_ASSERT_EQUAL(n->size, 5);
	CU_ASSERT_EQUAL(n->n_links, 1);
	CU_ASSERT_EQUAL(n->mtime_ns, 5);
	CU_ASSERT_PTR_EQUAL(fs_tree_find(&t, "/in/b/f")->link, n);
	n = fs_tree_find(&t, "/in/l");
	CU_ASSERT_STRING_EQUAL((char *)n->data, "../x");
	CU_ASSERT_STRING_EQUAL(fs_tree_find(&t, "/in")->children->name, "a");
	CU_ASSERT_EQUAL(test_shell("mkfifo '%s/s/pipe'", dir), 0);
	ASSERT_FAILS(fs_tree_import(&t, "/in", src, &e), E_UNSUPPORTED);
	ASSERT_FAILS(fs_tree_import(&t, "/in", "/nowhere", &e), E_NOTFOUND);
	fs_tree_release(&t);
}

TEST_MAIN("fstree", {"makes parents, keeps the order", makes_parents_in_order},
	  {"refuses bad paths", refuses_bad_paths},
	  {"replaces files, not folders", replaces_files_not_folders},
	  {"the first hard link inherits the content", first_link_inherits_the_content},
	  {"removes a folder with all below", removes_a_folder_with_all_below},
	  {"moves a folder with all below", moves_a_folder_with_all_below},
	  {"imports a host folder", imports_a_host_folder})
