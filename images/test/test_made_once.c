/* SPDX-License-Identifier: MIT */
/* Files of the cache: whole or made anew, by one at a time, and never half. */
#define _GNU_SOURCE
#include "sim/base/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/cachekey.h"
#include "images/in_child.h"
#include "images/made_once.h"
#include "images/sparse.h"
#include "sim/base/fsio.h"

#define SIZE (8 << 20)

struct maker {
	unsigned calls;
	bool fail;
};

static int make(void *arg, const char *path, struct err *e)
{
	struct maker *m = arg;
	int fd, r;

	m->calls++;
	r = fsio_write_atomic(path, "begin", 5, 0644, e);
	if (r)
		return r;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || ftruncate(fd, SIZE) || pwrite(fd, "middle", 6, SIZE / 2 + 3) != 6)
		r = err_sys(e, "%s", path);
	close(fd);
	return r ? r : m->fail ? err_set(e, E_NOSPC, "no room") : 0;
}

static bool noted;

static void note(void *ctx, const char *what)
{
	(void)ctx;
	noted |= strstr(what, "damaged") != NULL;
}

static void change(const char *path, off_t at, const char *text)
{
	int fd;

	CU_ASSERT_EQUAL_FATAL(chmod(path, 0644), 0);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_TRUE(text ? pwrite(fd, text, strlen(text), at) == (ssize_t)strlen(text)
			    : !ftruncate(fd, at));
	close(fd);
}

/* Every way to damage it is noticed, and told. */
static void damage_is_noticed(void)
{
	static const struct {
		off_t at;
		const char *text; /* NULL: cut off there */
	} damages[] = {{0, "BEGIN"},	 {SIZE / 2 + 5, "x"}, {SIZE - 1, "x"},
		       {SIZE / 4, NULL}, {0, NULL},	      {2 * SIZE, NULL}};
	struct image_env env = {.progress = note};
	struct maker maker = {.calls = 0};
	char path[512];
	struct made_once m = {path, "it", make, &maker, NULL};
	struct err e = ERR_INIT;
	bool made;

	snprintf(path, sizeof(path), "%s/once", test_tmpdir());
	ASSERT_OK(made_once(&env, &m, &made, &e), &e);
	CU_ASSERT_TRUE(made && !noted);
	ASSERT_OK(made_once(&env, &m, &made, &e), &e);
	CU_ASSERT_TRUE(!made && maker.calls == 1);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		change(path, damages[i].at, damages[i].text);
		noted = false;
		ASSERT_OK(made_once(&env, &m, &made, &e), &e);
		CU_ASSERT_TRUE(made && noted);
	}
	snprintf(path, sizeof(path), "%s/once.sum", test_tmpdir());
	unlink(path);
	snprintf(path, sizeof(path), "%s/once", test_tmpdir());
	ASSERT_OK(made_once(&env, &m, &made, &e), &e);
	CU_ASSERT_TRUE(made);
}

static int make_two(void *arg, const char *path, struct err *e)
{
	char beside[560];
	int r = make(arg, path, e);

	snprintf(beside, sizeof(beside), "%s.chip", path);
	return r ? r : fsio_write_atomic(beside, "beside", 6, 0644, e);
}

/* What belongs together is made together, whichever of the two was damaged. */
static void two_files_are_one_thing(void)
{
	struct image_env env = {.progress = note};
	struct maker maker = {.calls = 0};
	char path[512], beside[520];
	struct made_once m = {path, "it", make_two, &maker, ".chip"};
	struct err e = ERR_INIT;
	bool made;

	snprintf(path, sizeof(path), "%s/two", test_tmpdir());
	snprintf(beside, sizeof(beside), "%s.chip", path);
	ASSERT_OK(made_once(&env, &m, &made, &e), &e);
	CU_ASSERT_TRUE(made && fsio_exists(beside));
	ASSERT_OK(made_once(&env, &m, &made, &e), &e);
	CU_ASSERT_FALSE(made);
	change(beside, 0, "B");
	ASSERT_OK(made_once(&env, &m, &made, &e), &e);
	CU_ASSERT_TRUE(made);
	unlink(beside);
	ASSERT_OK(made_once(&env, &m, &made, &e), &e);
	CU_ASSERT_TRUE(made && fsio_exists(beside));
	change(path, 0, "B");
	ASSERT_OK(made_once(&env, &m, &made, &e), &e);
	CU_ASSERT_TRUE(made);
	ASSERT_OK(made_once(&env, &m, &made, &e), &e);
	CU_ASSERT_FALSE(made);
}

static void failure_leaves_nothing(void)
{
	struct image_env env = {.progress = NULL};
	struct maker maker = {.fail = true};
	char path[512], tmp[520];
	struct made_once m = {path, "it", make, &maker, NULL};
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "%s/fails", test_tmpdir());
	snprintf(tmp, sizeof(tmp), "%s.new", path);
	ASSERT_FAILS(made_once(&env, &m, NULL, &e), E_NOSPC);
	CU_ASSERT_FALSE(fsio_exists(path));
	CU_ASSERT_FALSE(fsio_exists(tmp));
	/* What a maker that was killed left behind is in nobody's way. */
	ASSERT_OK(fsio_write_atomic(tmp, "half", 4, 0444, &e), &e);
	maker.fail = false;
	ASSERT_OK(made_once(&env, &m, NULL, &e), &e);
	CU_ASSERT_TRUE(fsio_exists(path));
}

static bool yes(void *ctx)
{
	(void)ctx;
	return true;
}

static void waiting_can_be_stopped(void)
{
	struct image_env env = {.stopped = yes};
	struct maker maker = {.calls = 0};
	char path[512], lock[520];
	struct made_once m = {path, "it", make, &maker, NULL};
	struct err e = ERR_INIT;
	int fd;

	snprintf(path, sizeof(path), "%s/busy", test_tmpdir());
	snprintf(lock, sizeof(lock), "%s.lock", path);
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	CU_ASSERT_EQUAL_FATAL(flock(fd, LOCK_EX), 0);
	ASSERT_FAILS(made_once(&env, &m, NULL, &e), E_CANCELED);
	CU_ASSERT_EQUAL(maker.calls, 0);
	close(fd);
	ASSERT_OK(made_once(&env, &m, NULL, &e), &e);
}

/* Whatever the file system makes of the holes. */
static void copies_have_the_same_hash(void)
{
	static const char *const places[] = {NULL, "/dev/shm"};
	char from[512], to[560], a[SPARSE_HASH_LEN], b[SPARSE_HASH_LEN];
	struct maker maker = {.calls = 0};
	struct err e = ERR_INIT;

	snprintf(from, sizeof(from), "%s/original", test_tmpdir());
	ASSERT_OK(make(&maker, from, &e), &e);
	ASSERT_OK(sparse_hash(from, a, &e), &e);
	for (size_t i = 0; i < 2; i++) {
		const char *dir = places[i] ? places[i] : test_tmpdir();
		struct buf all = BUF_INIT;

		if (access(dir, W_OK))
			continue;
		snprintf(to, sizeof(to), "%s/kextlab-copy-%ld", dir, (long)getpid());
		ASSERT_OK(sparse_copy(from, to, &e), &e);
		ASSERT_OK(sparse_hash(to, b, &e), &e);
		CU_ASSERT_STRING_EQUAL(a, b);
		ASSERT_FAILS(sparse_copy(from, to, &e), E_EXISTS);
		/* the same without any hole */
		ASSERT_OK(fsio_read(to, SIZE, &all, &e), &e);
		ASSERT_OK(fsio_write_atomic(to, all.data, all.len, 0644, &e), &e);
		ASSERT_OK(sparse_hash(to, b, &e), &e);
		CU_ASSERT_STRING_EQUAL(a, b);
		buf_release(&all);
		unlink(to);
	}
}

static int complain(void *arg, struct err *e)
{
	return arg ? err_set(e, E_NOSPC, "%s", (char *)arg) : 0;
}

static int die(void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	return raise(SIGKILL);
}

static int hang(void *arg, struct err *e)
{
	(void)e;
	pause();
	return *(int *)arg;
}

static void a_child_reports_and_can_be_stopped(void)
{
	struct image_env env = {.progress = NULL};
	static char text[] = "it is full";
	struct err e = ERR_INIT;
	int zero = 0;

	ASSERT_OK(in_child(&env, complain, NULL, &e), &e);
	ASSERT_FAILS(in_child(&env, complain, text, &e), E_NOSPC);
	CU_ASSERT_STRING_EQUAL(e.msg, text);
	ASSERT_FAILS(in_child(&env, die, NULL, &e), E_INFRA);
	env.stopped = yes;
	ASSERT_FAILS(in_child(&env, hang, &zero, &e), E_CANCELED);
}

static struct disk_spec spec_of(struct disk_kext *k, const char *bundle)
{
	k->bundle = bundle;
	return (struct disk_spec){
		.release = release_by_name("10.15.0"), .kexts = k, .n_kexts = 1};
}

/* A bundle that no disk can hold is refused; it must not be waited for. */
static void the_key_of_strange_bundles(void)
{
	struct image_env env = {.source_dir = getenv("SRCDIR") ? getenv("SRCDIR") : ".",
				.build_dir = test_source("build")};
	char dir[512], path[560], key[CACHE_KEY_LEN];
	struct disk_kext k = {.bundle = NULL};
	struct disk_spec s;
	struct err e = ERR_INIT;

	if (!fsio_exists(test_source("build/guest/kextd")) ||
	    !fsio_exists(test_source("build/system/AppleACPIPlatform.kext")))
		TEST_SKIP("guest programs are not built");
	snprintf(dir, sizeof(dir), "%s/Odd.kext", test_tmpdir());
	ASSERT_OK(fsio_mkdirs(dir, 0755, &e), &e);
	snprintf(path, sizeof(path), "%s/loop", dir);
	CU_ASSERT_EQUAL(symlink(".", path), 0);
	s = spec_of(&k, dir);
	ASSERT_OK(image_cache_key(&env, &s, key, &e), &e);
	snprintf(path, sizeof(path), "%s/pipe", dir);
	CU_ASSERT_EQUAL(mkfifo(path, 0644), 0);
	ASSERT_FAILS(image_cache_key(&env, &s, key, &e), E_UNSUPPORTED);
}

TEST_MAIN("made once", {"damage is noticed", damage_is_noticed},
	  {"two files are one thing", two_files_are_one_thing},
	  {"a failure leaves nothing", failure_leaves_nothing},
	  {"waiting can be stopped", waiting_can_be_stopped},
	  {"copies have the same hash", copies_have_the_same_hash},
	  {"a child reports and can be stopped", a_child_reports_and_can_be_stopped},
	  {"the key of strange bundles", the_key_of_strange_bundles})
