/* SPDX-License-Identifier: MIT */
#include "sim/base/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "images/firmlinks.h"
#include "images/manifest.h"
#include "sim/base/fsio.h"

static const struct manifest_var vars[] = {{"GROUP", "G-1"}, {"X", "y"}, {NULL, NULL}};

static int no_generator(void *ctx, const char *what, struct fs_tree *t, const char *path,
			uint32_t mode, struct err *e)
{
	(void)ctx;
	return fs_tree_file(t, path, mode, what, strlen(what), NULL, e);
}

static int load(struct fs_tree *t, const char *text, struct err *e)
{
	char special[4096];
	const char *const dirs[] = {special, test_tmpdir(), NULL};
	const struct manifest_env env = {
		.dirs = dirs,
		.guest_dir = test_tmpdir(),
		.vars = vars,
		.generate = no_generator,
	};
	char path[4096];
	int r;

	snprintf(special, sizeof(special), "%s/special", test_tmpdir());
	snprintf(path, sizeof(path), "%s/m.mtree", test_tmpdir());
	r = fsio_write_atomic(path, text, strlen(text), 0644, e);
	if (!r)
		r = fs_tree_init(t, 1000, e);
	return r ? r : manifest_load(t, &env, "m.mtree", e);
}

static void lines_become_nodes(void)
{
	struct err e = ERR_INIT;
	struct fs_tree t;
	struct fs_node *n;

	CU_ASSERT_EQUAL(test_shell("mkdir -p %s/files && printf 'v=@X@ @Z@' > %s/files/t",
				   test_tmpdir(), test_tmpdir()),
			0);
	ASSERT_FAILS(load(&t,
			  "  # a comment of more words than a line may have: one two three\n/set uid=3 gid=4 mode=0750\n"
			  "/a/@GROUP@/f type=file mode=4555 contents=gen:thing\n"
			  "/t type=file contents=template:t\n/root /sub\n"
			  "/l type=link link=../t\n/h type=hardlink link=/o\n",
			  &e),
		     E_SCHEMA);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "m.mtree:7"));
	n = fs_tree_find(&t, "/a/G-1/f");
	CU_ASSERT_PTR_NOT_NULL_FATAL(n);
	CU_ASSERT_EQUAL(n->mode, S_IFREG | 04555);
	CU_ASSERT_EQUAL(n->uid, 3);
	CU_ASSERT_EQUAL(n->gid, 4);
	CU_ASSERT_EQUAL(memcmp(n->data, "thing", 5), 0);
	n = fs_tree_find(&t, "/t");
	CU_ASSERT_PTR_NOT_NULL_FATAL(n);
	CU_ASSERT_EQUAL(n->size, 7);
	CU_ASSERT_EQUAL(memcmp(n->data, "v=y @Z@", 7), 0);
	CU_ASSERT_PTR_NOT_NULL(fs_tree_find(&t, "/sub/l"));
	fs_tree_release(&t);
}

/* The special folder's own files come before the common ones; what it lacks is theirs. */
static void a_folder_may_differ_from_another(void)
{
	struct err e = ERR_INIT;
	struct fs_tree t;

	CU_ASSERT_EQUAL(test_shell("cd %s && mkdir -p files special/files && "
				   "printf common > files/a && printf common > files/b && "
				   "printf special > special/files/b && "
				   "echo '/x type=dir' > part-y.mtree",
				   test_tmpdir()),
			0);
	ASSERT_OK(load(&t, "/a type=file contents=template:a\n"
			   "/b type=file contents=template:b\n/include part-@X@.mtree\n",
		       &e),
		  &e);
	CU_ASSERT_EQUAL(fs_tree_find(&t, "/a")->size, strlen("common"));
	CU_ASSERT_EQUAL(fs_tree_find(&t, "/b")->size, strlen("special"));
	CU_ASSERT_PTR_NOT_NULL(fs_tree_find(&t, "/x"));
	fs_tree_release(&t);
}

static void firmlinks_are_listed(void)
{
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	struct fs_tree t;

	ASSERT_OK(load(&t, "/Users type=firmlink link=Users\n/usr/local type=firmlink "
			   "link=usr/local\n/usr/bin type=dir\n",
		       &e),
		  &e);
	ASSERT_OK(firmlinks_text(&t, &b, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&b), "/Users\tUsers\n/usr/local\tusr/local\n");
	CU_ASSERT_EQUAL(fs_tree_find(&t, "/usr/local")->bsd_flags, SF_FIRMLINK);
	buf_release(&b);
	fs_tree_release(&t);
}

static void bad_lines_are_named(void)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"/a type=fil\n", "m.mtree:1: unknown type 'fil'"},
		{"\n/a mode=9\n", "m.mtree:2: bad number '9'"},
		{"/a\n", "type= is missing"},
		{"/a type=link\n", "link= is missing"},
		{"/a type=dir colour=red\n", "unknown keyword 'colour'"},
		{"/a type=file contents=guest:nothere\n", "run make deps all"},
		{"/include m.mtree\n", "include each other"},
		{"/a type=file contents=ftp:x\n", "unknown contents"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = ERR_INIT;
		struct fs_tree t;

		CU_ASSERT_NOT_EQUAL(load(&t, bad[i].text, &e), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, bad[i].says));
		if (!strstr(e.msg, bad[i].says))
			printf("# %s\n", e.msg);
		fs_tree_release(&t);
	}
}

TEST_MAIN("manifest", {"lines become nodes", lines_become_nodes},
	  {"a folder may differ from another", a_folder_may_differ_from_another},
	  {"firmlinks are listed", firmlinks_are_listed},
	  {"bad lines are named", bad_lines_are_named})
