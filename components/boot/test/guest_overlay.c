/* SPDX-License-Identifier: MIT */
/*
 * An overlay over a served volume: what is done in it at random is applied to the
 * volume's tree, which then has to be what the kernel shows.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/boot/overlay.h"
#include "components/boot/test/guest.h"
#include "sim/base/buf.h"
#include "sim/base/fsio.h"

#define VOL    "/vol"
#define TOP    "/overlay"
#define MEMORY "/memory"
#define ROUNDS 4
#define STEPS  120

static uint64_t random_state;

static unsigned draw(unsigned n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % n;
}

/* ---- the tree of the volume, by its mount ---- */

static struct fs_tree tree;
static bool tree_failed;

static struct fs_node *by_tag(uint64_t tag)
{
	for (struct fs_node *n = tree.root; n; n = fs_tree_next(&tree, n))
		if (n->tag == tag && !n->link)
			return n;
	return NULL;
}

static int add_link(const char *path, const char *host, struct fs_node **n)
{
	char target[PATH_MAX];
	ssize_t len = readlink(host, target, sizeof(target) - 1);

	if (len < 0)
		return -E_IO;
	target[len] = '\0';
	return fs_tree_symlink(&tree, path, target, n, NULL);
}

static int add_node(const char *host, const struct stat *st, int flag, struct FTW *ftw)
{
	const char *path = host + strlen(VOL);
	struct fs_node *n = tree.root,
		       *same = st->st_nlink > 1 ? by_tag(st->st_ino) : NULL;
	int r = 0;

	(void)flag;
	(void)ftw;
	if (S_ISDIR(st->st_mode) && *path)
		r = fs_tree_mkdir(&tree, path, st->st_mode, &n, NULL);
	else if (S_ISLNK(st->st_mode))
		r = add_link(path, host, &n);
	else if (S_ISREG(st->st_mode) && same)
		r = fs_tree_hardlink(&tree, path, same, NULL);
	else if (S_ISREG(st->st_mode))
		r = fs_tree_host_file(&tree, path, st->st_mode, host, &n, NULL);
	tree_failed |= r != 0;
	if (!same || S_ISDIR(st->st_mode)) {
		n->tag = st->st_ino;
		n->uid = st->st_uid;
		n->gid = st->st_gid;
		n->mode = st->st_mode;
		n->mtime_ns =
			st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec;
	}
	return 0;
}

static void load_tree(void)
{
	struct err e;

	tree_failed =
		fs_tree_init(&tree, 0, &e) != 0 || nftw(VOL, add_node, 20, FTW_PHYS) != 0;
}

/* ---- changes ---- */

/* Any entry of the overlay, by going down from its root. */
static void any_path(char out[static PATH_MAX], bool folder)
{
	char names[64][256], next[PATH_MAX];
	struct dirent *ent;
	struct stat st;

	strcpy(out, TOP);
	for (unsigned depth = 0; depth < 5 && (depth == 0 || draw(3)); depth++) {
		DIR *d = opendir(out);
		unsigned n = 0;

		while (d && (ent = readdir(d)) && n < 64)
			if (strcmp(ent->d_name, ".") && strcmp(ent->d_name, "..") &&
			    (!folder || ent->d_type == DT_DIR))
				strcpy(names[n++], ent->d_name);
		if (d)
			closedir(d);
		if (!n)
			return;
		if (fsio_join(next, sizeof(next), out, names[draw(n)], NULL))
			return;
		strcpy(out, next);
		if (lstat(out, &st) || !S_ISDIR(st.st_mode))
			return;
	}
}

static void new_path(char out[static PATH_MAX])
{
	char dir[PATH_MAX], name[32];

	any_path(dir, true);
	snprintf(name, sizeof(name), "new %u", draw(40));
	if (fsio_join(out, PATH_MAX, dir, name, NULL))
		strcpy(out, TOP "/new");
}

static int write_file(const char *path, int flags)
{
	int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | flags, 0600 + draw(0200));
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	n = write(fd, "0123456789", 1 + draw(10));
	close(fd);
	return n > 0 ? 0 : -1;
}

static int do_write_new(const char *a, const char *b)
{
	(void)a;
	return write_file(b, O_CREAT);
}

static int do_append(const char *a, const char *b)
{
	(void)b;
	return write_file(a, O_APPEND);
}

static int do_cut(const char *a, const char *b)
{
	(void)b;
	return write_file(a, O_TRUNC);
}

static int do_remove(const char *a, const char *b)
{
	(void)b;
	/* Not the large folders, or soon nothing is left. */
	return draw(3) || !strcmp(a, TOP) ? unlink(a) : fsio_remove_tree(a, NULL);
}

static int do_mkdir(const char *a, const char *b)
{
	(void)a;
	return mkdir(b, 0700 + draw(0100));
}

/* The same name again: an opaque folder. */
static int do_replace(const char *a, const char *b)
{
	(void)b;
	if (!strcmp(a, TOP) || fsio_remove_tree(a, NULL))
		return -1;
	return draw(2) ? mkdir(a, 0755) : write_file(a, O_CREAT);
}

static int do_symlink(const char *a, const char *b)
{
	return symlink(a + strlen(TOP), b);
}

static int do_chmod(const char *a, const char *b)
{
	(void)b;
	return chmod(a, 0700 + draw(0100));
}

static int do_chown(const char *a, const char *b)
{
	(void)b;
	return lchown(a, draw(500), draw(20));
}

static int do_swap(const char *a, const char *b)
{
	char other[PATH_MAX];

	(void)b;
	any_path(other, false);
	return renameat2(AT_FDCWD, a, AT_FDCWD, other, RENAME_EXCHANGE);
}

static int do_rename_over(const char *a, const char *b)
{
	char other[PATH_MAX];

	(void)b;
	any_path(other, false);
	return rename(a, other);
}

static int do_link_over(const char *a, const char *b)
{
	return link(a, b);
}

static const struct {
	int (*change)(const char *a, const char *b);
	bool folder;
} changes[] = {
	{do_write_new, false},	 {do_append, false},	{do_append, false},
	{do_cut, false},	 {do_remove, false},	{do_mkdir, true},
	{do_replace, true},	 {do_symlink, false},	{do_chmod, false},
	{do_chown, true},	 {do_swap, false},	{do_swap, true},
	{do_rename_over, false}, {do_link_over, false}, {rename, false},
	{rename, true},
};
#define N_CHANGES (sizeof(changes) / sizeof(changes[0]))

static unsigned change_things(void)
{
	unsigned done = 0;

	for (int i = 0; i < STEPS; i++) {
		unsigned k = draw(N_CHANGES);
		char a[PATH_MAX], b[PATH_MAX];

		any_path(a, changes[k].folder);
		new_path(b);
		done += !changes[k].change(a, b);
	}
	return done;
}

/* ---- comparing ---- */

static unsigned n_seen, n_wrong;
static char wrong[512];

static void differs(const char *path, const char *what, uint64_t got, uint64_t want)
{
	if (!n_wrong++)
		snprintf(wrong, sizeof(wrong), "%s: %s %#llx, overlay %#llx", path, what,
			 (unsigned long long)got, (unsigned long long)want);
}

static bool same_content(const struct fs_node *n, const char *path)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	bool same = !fs_node_content(n, 1 << 24, &a, NULL) &&
		    !fsio_read(path, 1 << 24, &b, NULL) && a.len == b.len &&
		    (!a.len || !memcmp(a.data, b.data, a.len));

	buf_release(&a);
	buf_release(&b);
	return same;
}

static bool same_target(const struct fs_node *n, const char *path)
{
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target));

	return len == (ssize_t)n->size && !memcmp(target, n->data, n->size);
}

static int compare(const char *host, const struct stat *st, int flag, struct FTW *ftw)
{
	const char *path = host + strlen(TOP);
	const struct fs_node *name = fs_tree_find(&tree, *path ? path : "/"), *n;

	(void)flag;
	(void)ftw;
	n_seen++;
	if (!name) {
		differs(host, "is not in the tree", 0, st->st_mode);
		return 0;
	}
	n = name->link ? name->link : name;
	if (n->mode != st->st_mode)
		differs(host, "mode", n->mode, st->st_mode);
	if (n->uid != st->st_uid || n->gid != st->st_gid)
		differs(host, "owner", n->uid, st->st_uid);
	if (n->mtime_ns != st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec)
		differs(host, "mtime", (uint64_t)n->mtime_ns,
			(uint64_t)st->st_mtim.tv_sec);
	if (S_ISREG(n->mode) && n->n_links + 1 != st->st_nlink)
		differs(host, "links", n->n_links + 1, st->st_nlink);
	if (S_ISREG(n->mode) && !same_content(n, host))
		differs(host, "content", n->size, (uint64_t)st->st_size);
	if (S_ISLNK(n->mode) && !same_target(n, host))
		differs(host, "target", n->size, (uint64_t)st->st_size);
	return 0;
}

static void check_round(const struct overlay *o, unsigned done)
{
	char upper[80], detail[128];
	unsigned n = 0;

	load_tree();
	say_result(!tree_failed, "the volume's tree is read", "%zu", tree.n_nodes);
	TRY(overlay_upper_apply(overlay_upper(o, upper), &tree, true, e),
	    "the changes are applied");
	for (struct fs_node *x = tree.root; x; x = fs_tree_next(&tree, x))
		n++;
	n_seen = n_wrong = 0;
	wrong[0] = '\0';
	nftw(TOP, compare, 20, FTW_PHYS);
	snprintf(detail, sizeof(detail), "%u changes, %u files, %u in the tree", done,
		 n_seen, n);
	say_result(!n_wrong && n_seen == n && done > STEPS / 4,
		   "the tree is what the overlay shows", "%s; %u wrong %s", detail,
		   n_wrong, wrong);
	fs_tree_release(&tree);
}

void try_overlay(const char *seed)
{
	struct sealed_root s;
	struct overlay o;
	char upper[80];
	unsigned done = 0;

	random_state = strtoull(seed, NULL, 10);
	serve_live(&s, true);
	mkdir(TOP, 0755);
	mkdir(MEMORY, 0755);
	TRY(overlay_mount(&o, VOL, MEMORY, TOP, e), "the overlay is mounted");
	say_result(!overlay_changed(overlay_upper(&o, upper)), "nothing was changed yet",
		   "%s", "");
	for (int i = 0; i < ROUNDS; i++) {
		done = change_things();
		check_round(&o, done);
	}
	say_result(overlay_changed(overlay_upper(&o, upper)), "now there was", "%s", "");
	TRY(overlay_unmount(&o, e), "the overlay is unmounted");
	say_result(overlay_changed(upper), "the changes are still there", "%s", "");
	TRY(overlay_forget(&o, e), "they are forgotten");
	TRY(sealed_root_stop(&s, e), "the server ends");
}
