/* SPDX-License-Identifier: MIT */
/* kcditto on a volume in a temporary folder. bootcaches.plist has to be root's there. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <sysexits.h>
#include <unistd.h>

#include "components/kcditto/copy_kernels.h"
#include "components/kcditto/kcditto.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/paths.h"

#define STAGED	  PATH_STAGED_PLK_DIR
#define SYSTEM	  PATH_SYSTEM_PLK_DIR
#define TOOLS	  "/BuildRoot/Library/Caches/com.apple.xbs/Sources/kext_tools/"
#define POSITION  TOOLS "kext_tools-623.11.5/"
#define TEXT_SIZE (6 * PATH_MAX)

struct volume {
	char root[PATH_MAX / 4];
	char script[PATH_MAX / 2];
	char said[TEXT_SIZE]; /* "o " before what went to stdout, "e " for stderr */
};

static void say(void *arg, enum clog_level level, const char *text)
{
	struct volume *v = arg;
	size_t len = strlen(v->said);

	snprintf(v->said + len, sizeof(v->said) - len, "%s %s\n",
		 level == CLOG_ERROR ? "e" : "o", text);
}

static void path_in(const struct volume *v, const char *path, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s%s", v->root, path);
}

static void put(const struct volume *v, const char *path, const char *text)
{
	char full[PATH_MAX];
	struct err e = ERR_INIT;

	path_in(v, path, full);
	ASSERT_OK(fsio_write_atomic(full, text, strlen(text), 0644, &e), &e);
}

static bool holds(const struct volume *v, const char *path, const char *text)
{
	char full[PATH_MAX];
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	bool same;

	path_in(v, path, full);
	same = !fsio_read(full, 1u << 20, &b, &e) && !strcmp(buf_str(&b), text);
	buf_release(&b);
	return same;
}

static void make_folder(const struct volume *v, const char *path)
{
	char full[PATH_MAX];
	struct err e = ERR_INIT;

	path_in(v, path, full);
	ASSERT_OK(fsio_mkdirs(full, 0755, &e), &e);
}

static void put_bootcaches(const struct volume *v, const char *text)
{
	make_folder(v, "/usr/standalone");
	put(v, PATH_BOOTCACHES, text);
}

/* A volume with an old kernel, a new one that is staged, and the script. */
static void make_volume(struct volume *v, const char *name)
{
	static const char *const folders[] = {STAGED, SYSTEM, PATH_INSTALL_DIR};
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;

	memset(v, 0, sizeof(*v));
	snprintf(v->root, sizeof(v->root), "%s/%s", test_tmpdir(), name);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		make_folder(v, folders[i]);
	ASSERT_OK(fsio_read(test_source("images/trees/catalina/files/bootcaches.plist"),
			    1u << 20, &b, &e),
		  &e);
	put_bootcaches(v, buf_str(&b));
	buf_release(&b);
	put(v, PATH_SYSTEM_PLK, "old");
	put(v, PATH_STAGED_PLK, "new");
	put(v, PATH_SHOVE_KERNELS, "#!/bin/sh\n");
	snprintf(v->script, sizeof(v->script), "%s%s", v->root, PATH_SHOVE_KERNELS);
}

static int run_with(struct volume *v, int argc)
{
	const struct component_log log = {.line = say, .arg = v, .max = CLOG_DEBUG};
	const struct kcditto k = {
		.volume_root = v->root,
		.script = v->script,
		.running = release_by_name("10.15.0"),
		.log = &log,
	};

	v->said[0] = '\0';
	return kcditto_run(&k, argc);
}

static int run(struct volume *v)
{
	return run_with(v, 1);
}

/* Has a copy left something behind? */
static bool has_temporary_files(const struct volume *v)
{
	return test_shell("ls -A '%s%s' | grep -q '^\\.BC'", v->root, SYSTEM) == 0;
}

static void expect_said(const struct volume *v, const char *expected)
{
	if (strcmp(v->said, expected))
		fprintf(stderr, "--- expected\n%s--- got\n%s---\n", expected, v->said);
	CU_ASSERT_STRING_EQUAL(v->said, expected);
}

/*
 * Run kcditto where @set_up has mounted something, in a mount namespace of its own.
 * Returns its status; -1 when there can be no such namespace here.
 */
static int run_mounted(struct volume *v, int (*set_up)(const char *folder))
{
	char folder[PATH_MAX];
	int p[2], status;
	ssize_t n;
	pid_t pid;

	path_in(v, SYSTEM, folder);
	CU_ASSERT_EQUAL_FATAL(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWNS) ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || set_up(folder))
			_exit(100);
		status = run(v);
		if (write(p[1], v->said, sizeof(v->said)) != sizeof(v->said))
			_exit(101);
		/* What is mounted is seen from here only. */
		_exit(holds(v, PATH_SYSTEM_PLK, "old") && !has_temporary_files(v) ? status
										  : 102);
	}
	close(p[1]);
	for (size_t len = 0; len < sizeof(v->said); len += (size_t)n) {
		n = read(p[0], v->said + len, sizeof(v->said) - len);
		if (n <= 0)
			break;
	}
	close(p[0]);
	waitpid(pid, &status, 0);
	CU_ASSERT_FATAL(WIFEXITED(status));
	return WEXITSTATUS(status) == 100 ? -1 : WEXITSTATUS(status);
}

static int make_read_only(const char *folder)
{
	if (mount(folder, folder, NULL, MS_BIND, NULL))
		return -1;
	return mount(NULL, folder, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
}

/* A file system with room for the old kernel and little more. */
static int make_small(const char *folder)
{
	char path[PATH_MAX + 32];
	struct err e = ERR_INIT;

	if (mount("none", folder, "tmpfs", 0, "size=16k"))
		return -1;
	snprintf(path, sizeof(path), "%s/prelinkedkernel", folder);
	return fsio_write_atomic(path, "old", 3, 0644, &e);
}

#define NEEDS_ROOT()                                                                     \
	do {                                                                             \
		if (geteuid() != 0)                                                      \
			TEST_SKIP("needs root");                                         \
	} while (0)

/* --- it copies -------------------------------------------------------------------- */

static void delivers_and_removes_the_script(void)
{
	static struct volume v;
	char path[PATH_MAX], expected[TEXT_SIZE];
	struct timespec times[2] = {{.tv_sec = 1000},
				    {.tv_sec = 1570702430, .tv_nsec = 7}};
	struct stat st;
	bool has_xattr;

	NEEDS_ROOT();
	make_volume(&v, "good");
	path_in(&v, PATH_STAGED_PLK, path);
	CU_ASSERT_EQUAL(chmod(path, 0640), 0);
	CU_ASSERT_EQUAL(chown(path, 1, 2), 0);
	has_xattr = !setxattr(path, "user.kcid", "x", 1, 0);
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, times, 0), 0);
	CU_ASSERT_EQUAL(run(&v), EX_OK);
	snprintf(expected, sizeof(expected), "o Copying kernel: %s%s -> %s%s\n", v.root,
		 PATH_STAGED_PLK, v.root, SYSTEM);
	expect_said(&v, expected);
	CU_ASSERT(holds(&v, PATH_SYSTEM_PLK, "new"));
	CU_ASSERT(holds(&v, PATH_STAGED_PLK, "new"));
	CU_ASSERT(!fsio_exists(v.script));
	CU_ASSERT(!has_temporary_files(&v));
	path_in(&v, PATH_SYSTEM_PLK, path);
	CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0640);
	CU_ASSERT_EQUAL(st.st_uid, 1);
	CU_ASSERT_EQUAL(st.st_gid, 2);
	CU_ASSERT_EQUAL(st.st_mtim.tv_sec, 1570702430);
	if (has_xattr)
		CU_ASSERT_EQUAL(getxattr(path, "user.kcid", path, sizeof(path)), 1);
}

static void copies_whatever_begins_so(void)
{
	static struct volume v;
	const char *immutable, *prelinked;

	NEEDS_ROOT();
	make_volume(&v, "prefix");
	put(&v, STAGED "/prelinkedkernel.development", "dev");
	put(&v, STAGED "/prelinkedkernel.AbCd", "left over");
	put(&v, STAGED "/immutablekernel", "immutable");
	put(&v, STAGED "/kernelcache", "other");
	CU_ASSERT_EQUAL(run(&v), EX_OK);
	CU_ASSERT(holds(&v, PATH_SYSTEM_PLK, "new"));
	CU_ASSERT(holds(&v, PATH_SYSTEM_PLK ".development", "dev"));
	CU_ASSERT(holds(&v, PATH_SYSTEM_PLK ".AbCd", "left over"));
	CU_ASSERT(holds(&v, SYSTEM "/immutablekernel", "immutable"));
	CU_ASSERT(!holds(&v, SYSTEM "/kernelcache", "other"));
	immutable = strstr(v.said, "/immutablekernel ->");
	prelinked = strstr(v.said, "/prelinkedkernel");
	CU_ASSERT(immutable && prelinked && immutable < prelinked);
}

/* --- nothing to copy is success, and the script is gone ----------------------------- */

static void takes_an_empty_folder_for_success(void)
{
	static struct volume v;
	char path[PATH_MAX];

	NEEDS_ROOT();
	make_volume(&v, "empty");
	path_in(&v, PATH_STAGED_PLK, path);
	CU_ASSERT_EQUAL(unlink(path), 0);
	put(&v, STAGED "/prelinkedkernel.development", "without the base file");
	CU_ASSERT_EQUAL(run(&v), EX_OK);
	expect_said(&v, "");
	CU_ASSERT(!fsio_exists(v.script));
	CU_ASSERT(holds(&v, PATH_SYSTEM_PLK, "old"));
	CU_ASSERT(!holds(&v, PATH_SYSTEM_PLK ".development", "without the base file"));
}

static void takes_a_missing_folder_for_success(void)
{
	static struct volume v;
	struct err e = ERR_INIT;
	char path[PATH_MAX], expected[TEXT_SIZE];

	NEEDS_ROOT();
	make_volume(&v, "missing");
	path_in(&v, STAGED, path);
	ASSERT_OK(fsio_remove_tree(path, &e), &e);
	CU_ASSERT_EQUAL(run(&v), EX_OK);
	/* Once for each of the two names. */
	snprintf(expected, sizeof(expected),
		 "e " POSITION
		 "rosp_staging.m.0: Encountered error while inspecting path: "
		 "%s\n"
		 "e " POSITION
		 "rosp_staging.m.0: Encountered error while inspecting path: "
		 "%s\n",
		 path, path);
	expect_said(&v, expected);
	CU_ASSERT(!fsio_exists(v.script));
}

/* --- it cannot copy ------------------------------------------------------------------
 */

static void expect_failure(const struct volume *v, int error)
{
	char expected[TEXT_SIZE];

	snprintf(expected, sizeof(expected),
		 "o Copying kernel: %s" PATH_STAGED_PLK " -> %s" SYSTEM "\n"
		 "e " POSITION "rosp_staging.m.39: BOMCopier file error: %d at "
		 "%s" PATH_SYSTEM_PLK "\n"
		 "e " POSITION "rosp_staging.m.248: Error moving prelinked kernel: "
		 "srcPath = %s" PATH_STAGED_PLK ", dstPath = %s" SYSTEM ", error 1\n"
		 "e " POSITION "rosp_staging.m.152: Error copying kernels...\n"
		 "e " POSITION
		 "kcditto_main.m.45: Error copying kernels (standalone)...\n",
		 v->root, v->root, error, v->root, v->root, v->root);
	expect_said(v, expected);
	CU_ASSERT(fsio_exists(v->script));
	CU_ASSERT(holds(v, PATH_SYSTEM_PLK, "old"));
	CU_ASSERT(!has_temporary_files(v));
}

/* The lines of 10.15.0. */
static void fails_on_a_read_only_volume(void)
{
	static struct volume v;
	int status;

	NEEDS_ROOT();
	make_volume(&v, "erofs");
	status = run_mounted(&v, make_read_only);
	if (status < 0)
		TEST_SKIP("no mount namespace");
	CU_ASSERT_EQUAL(status, COPY_KERNELS_FAILED);
	expect_failure(&v, 30);
}

static void keeps_the_old_kernel_on_a_full_volume(void)
{
	static char big[256 * 1024];
	static struct volume v;
	int status;

	NEEDS_ROOT();
	make_volume(&v, "full");
	memset(big, 'n', sizeof(big) - 1);
	put(&v, PATH_STAGED_PLK, big);
	status = run_mounted(&v, make_small);
	if (status < 0)
		TEST_SKIP("no mount namespace");
	CU_ASSERT_EQUAL(status, COPY_KERNELS_FAILED);
	expect_failure(&v, ENOSPC);
}

static void stops_at_the_first_failure(void)
{
	static struct volume v;

	NEEDS_ROOT();
	make_volume(&v, "immutable");
	put(&v, STAGED "/immutablekernel", "immutable");
	make_folder(&v, SYSTEM "/immutablekernel/in-the-way");
	CU_ASSERT_EQUAL(run(&v), COPY_KERNELS_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(v.said, "BOMCopier file error: 21 at "));
	CU_ASSERT_PTR_NULL(strstr(v.said, "prelinkedkernel ->"));
	CU_ASSERT(holds(&v, PATH_SYSTEM_PLK, "old"));
	CU_ASSERT(fsio_exists(v.script));
	CU_ASSERT(!has_temporary_files(&v));
}

/* Everybody may be told of what kcditto cannot even read. */
static void reports_a_source_that_is_a_folder(void)
{
	static struct volume v;

	NEEDS_ROOT();
	make_volume(&v, "folder");
	make_folder(&v, STAGED "/prelinkedkernel.d");
	CU_ASSERT_EQUAL(run(&v), COPY_KERNELS_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(v.said, "BOMCopier fatal file error: 21 at "));
	CU_ASSERT(fsio_exists(v.script));
}

/* --- it does not begin
 * ------------------------------------------------------------------ */

static void wants_bootcaches_with_both_paths(void)
{
	static struct volume v;
	char path[PATH_MAX];

	NEEDS_ROOT();
	make_volume(&v, "caches");
	put_bootcaches(&v, "<plist version=\"1.0\"><dict><key>PostBootPaths</key><dict>"
			   "</dict></dict></plist>");
	CU_ASSERT_EQUAL(run(&v), EX_SOFTWARE);
	CU_ASSERT_PTR_NOT_NULL(strstr(v.said, "... - no plk path?\n"));
	path_in(&v, PATH_BOOTCACHES, path);
	CU_ASSERT_EQUAL(chown(path, 1, 1), 0);
	CU_ASSERT_EQUAL(run(&v), EX_SOFTWARE);
	CU_ASSERT_PTR_NOT_NULL(strstr(v.said, "Error reading bootcaches for volume "));
	CU_ASSERT(fsio_exists(v.script));
	CU_ASSERT(holds(&v, PATH_SYSTEM_PLK, "old"));
}

static void complains_of_a_missing_script(void)
{
	static struct volume v;
	char expected[PATH_MAX];

	NEEDS_ROOT();
	make_volume(&v, "by-hand");
	CU_ASSERT_EQUAL(unlink(v.script), 0);
	CU_ASSERT_EQUAL(run(&v), EX_SOFTWARE);
	snprintf(expected, sizeof(expected),
		 "Error removing %s: 2 (No such file or directory)\n", v.script);
	CU_ASSERT_PTR_NOT_NULL(strstr(v.said, expected));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(v.said, "Error removing temp script (standalone)..."));
	CU_ASSERT(holds(&v, PATH_SYSTEM_PLK, "new"));
}

static void takes_no_arguments(void)
{
	static struct volume v;

	make_volume(&v, "usage");
	CU_ASSERT_EQUAL(run_with(&v, 2), EX_USAGE);
	expect_said(&v, "e kcditto takes no arguments and should not be run directly.\n"
			"e kcditto installs previously-rebuilt kernelcaches onto the "
			"System volume.\n");
	CU_ASSERT(holds(&v, PATH_SYSTEM_PLK, "old"));
}

static void is_for_root(void)
{
	static struct volume v;
	int status;
	pid_t pid;

	make_volume(&v, "user");
	pid = fork();
	if (!pid) {
		if (geteuid() == 0 && setresuid(1, 1, 1))
			_exit(100);
		status = run(&v);
		_exit(strstr(v.said,
			     "You must be running as root to manage the prelinked "
			     "kernel staging area.")
			      ? status
			      : 101);
	}
	waitpid(pid, &status, 0);
	CU_ASSERT(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), EX_NOPERM);
	CU_ASSERT(fsio_exists(v.script));
}

TEST_MAIN("kcditto", {"delivers and removes the script", delivers_and_removes_the_script},
	  {"copies whatever begins so", copies_whatever_begins_so},
	  {"takes an empty folder for success", takes_an_empty_folder_for_success},
	  {"takes a missing folder for success", takes_a_missing_folder_for_success},
	  {"fails on a read-only volume", fails_on_a_read_only_volume},
	  {"keeps the old kernel on a full volume",
	   keeps_the_old_kernel_on_a_full_volume},
	  {"stops at the first failure", stops_at_the_first_failure},
	  {"reports a source that is a folder", reports_a_source_that_is_a_folder},
	  {"wants bootcaches with both paths", wants_bootcaches_with_both_paths},
	  {"complains of a missing script", complains_of_a_missing_script},
	  {"takes no arguments", takes_no_arguments}, {"is for root", is_for_root})
