/* SPDX-License-Identifier: MIT */
/* The rule of modification times, mount points, and the rebuild command line. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "components/kextcache/freshness.h"
#include "components/kextcache/mount_point.h"
#include "components/kextcache/update.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

static char said[2048];

static void take_line(void *arg, enum clog_level level, const char *text)
{
	size_t n = strlen(said);

	(void)arg;
	(void)level;
	snprintf(said + n, sizeof(said) - n, "%s\n", text);
}

static const struct component_log log_said = {.line = take_line, .max = CLOG_BASIC};

static char root[512];

static const char *at(const char *rel)
{
	static char path[1024];

	snprintf(path, sizeof(path), "%s%s", root, rel);
	return path;
}

static void set_mtime(const char *rel, int64_t seconds)
{
	struct timespec t[2] = {{.tv_sec = seconds, .tv_nsec = 5000},
				{.tv_sec = seconds, .tv_nsec = 5000}};

	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, at(rel), t, 0), 0);
}

static struct bootcaches volume(void)
{
	struct bootcaches b = {.kind = BOOTCACHES_KERNELCACHE, .minor = 5};
	struct err e = ERR_INIT;

	snprintf(root, sizeof(root), "%s/vol", test_tmpdir());
	b.ext_dir[0] = strdup("/L");
	b.ext_dir[1] = strdup("/S");
	b.n_ext_dirs = 2;
	b.path = strdup("/plk");
	b.kernel_path = strdup("/kernel");
	b.root = strdup(root);
	ASSERT_OK(fsio_remove_tree(root, &e), &e);
	ASSERT_OK(fsio_mkdirs(at("/L"), 0755, &e), &e);
	ASSERT_OK(fsio_mkdirs(at("/S"), 0755, &e), &e);
	ASSERT_OK(fsio_write_atomic(at("/kernel"), "k", 1, 0644, &e), &e);
	ASSERT_OK(fsio_write_atomic(at("/plk"), "p", 1, 0644, &e), &e);
	said[0] = '\0';
	return b;
}

static void only_the_exact_second_is_fresh(void)
{
	/* ext dirs, kernel, prelinked kernel; is it fresh? */
	static const struct {
		int64_t l, s, kernel, plk;
		bool fresh;
	} rows[] = {
		{1000, 2000, 500, 2001, true},  {1000, 2000, 500, 2000, false},
		{1000, 2000, 500, 2002, false}, {1000, 2000, 500, 9999, false},
		{1000, 2000, 3000, 3001, true}, {3000, 2000, 3000, 3001, true},
		/* Builder: 2002, checker: 2001. On a Mac, too. */
		{1000, 2000, 2001, 2001, true}, {1000, 2000, 2001, 2002, false},
	};
	struct bootcaches b = volume();
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = NULL;
		bool fresh = !rows[i].fresh;

		set_mtime("/L", rows[i].l);
		set_mtime("/S", rows[i].s);
		set_mtime("/kernel", rows[i].kernel);
		set_mtime("/plk", rows[i].plk);
		ASSERT_OK(plk_up_to_date(&b, &fresh, &why, NULL, &e), &e);
		CU_ASSERT_EQUAL(fresh, rows[i].fresh);
		CU_ASSERT_STRING_EQUAL(why, rows[i].kernel > rows[i].s + 1 &&
							    rows[i].kernel > rows[i].l + 1
						    ? "/kernel"
					    : rows[i].l > rows[i].s ? "/L"
								    : "/S");
	}
	bootcaches_release(&b);
}

static void missing_parts(void)
{
	struct bootcaches b = volume();
	struct err e = ERR_INIT;
	int64_t t = 0;
	bool fresh = true;
	char want[1024];

	set_mtime("/S", 2000);
	set_mtime("/kernel", 500);
	ASSERT_OK(fsio_remove_tree(at("/L"), &e), &e);
	ASSERT_OK(plk_expected_mtime(&b, &t, &log_said, &e), &e);
	CU_ASSERT_EQUAL(t, 2001);
	snprintf(want, sizeof(want), "Warning: %s/L: No such file or directory\n", root);
	CU_ASSERT_STRING_EQUAL(said, want);
	ASSERT_OK(fsio_remove_tree(at("/plk"), &e), &e);
	ASSERT_OK(plk_up_to_date(&b, &fresh, NULL, NULL, &e), &e);
	CU_ASSERT_FALSE(fresh);
	/* Without a kernel nothing can be rebuilt, so nothing is out of date. */
	said[0] = '\0';
	ASSERT_OK(fsio_remove_tree(at("/kernel"), &e), &e);
	ASSERT_FAILS(plk_expected_mtime(&b, &t, NULL, &e), E_NOTFOUND);
	ASSERT_OK(plk_up_to_date(&b, &fresh, NULL, &log_said, &e), &e);
	CU_ASSERT_TRUE(fresh);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Note: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "/kernel: No such file or directory"));
	bootcaches_release(&b);
}

static void rebuild_command_line(void)
{
	struct bootcaches b = volume();
	struct kc_rebuild cmd;
	struct err e = ERR_INIT;
	char line[4096] = "", want[4096];

	b.arch[0] = strdup("x86_64");
	b.n_archs = 1;
	ASSERT_OK(kc_rebuild_command(&b, true, &cmd, &e), &e);
	for (size_t i = 0; i < cmd.argc; i++) {
		strcat(line, cmd.argv[i]);
		strcat(line, " ");
	}
	snprintf(want, sizeof(want),
		 "kextcache -arch x86_64 -local-root -all-loaded -kernel %s/kernel "
		 "-prelinked-kernel %s/plk -volume-root %s %s/L %s/S ",
		 root, root, root, root, root);
	CU_ASSERT_STRING_EQUAL(line, want);
	kc_rebuild_release(&cmd);
	ASSERT_OK(fsio_mkdirs(at("/etc"), 0755, &e), &e);
	ASSERT_OK(fsio_write_atomic(at("/etc/rc.cdrom"), "", 0, 0644, &e), &e);
	ASSERT_OK(kc_rebuild_command(&b, false, &cmd, &e), &e);
	CU_ASSERT_STRING_EQUAL(cmd.argv[4], "-network-root");
	CU_ASSERT_STRING_EQUAL(cmd.argv[5], "-kernel");
	kc_rebuild_release(&cmd);
	b.kind = BOOTCACHES_MKEXT;
	ASSERT_FAILS(kc_rebuild_command(&b, false, &cmd, &e), E_CORRUPT);
	bootcaches_release(&b);
}

static void the_volumes_own_mount_point(void)
{
	static const char info[] =
		"21 1 0:40 / / ro,relatime - apfs /dev/vda2 ro\n"
		"22 21 0:41 / /System/Volumes/Data rw - apfs /dev/vda2 rw\n"
		"23 21 0:41 /Library /Library rw - apfs /dev/vda2 rw\n"
		"24 21 0:41 /private /private rw - apfs /dev/vda2 rw\n"
		"25 21 0:42 /F0/BaseSystem /x rw - apfs /dev/vda2 rw\n"
		"26 21 0:43 / /Volumes/Macintosh\\040HD rw - apfs /dev/vda2 rw\n";
	static const struct {
		uint64_t id;
		const char *at;
	} rows[] = {
		{21, "/"},  {22, "/System/Volumes/Data"}, {23, "/System/Volumes/Data"},
		{25, "/x"}, {26, "/Volumes/Macintosh HD"},
	};
	struct err e = ERR_INIT;
	char out[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ASSERT_OK(mount_point_in(info, rows[i].id, out, sizeof(out), &e), &e);
		CU_ASSERT_STRING_EQUAL(out, rows[i].at);
	}
	ASSERT_FAILS(mount_point_in(info, 99, out, sizeof(out), &e), E_NOTFOUND);
	ASSERT_FAILS(mount_point_in("junk\n\n7", 99, out, sizeof(out), &e), E_NOTFOUND);
	ASSERT_FAILS(mount_point_in(info, 22, out, 4, &e), E_OVERFLOW);
	ASSERT_OK(mount_point_of_path("/proc/self", out, sizeof(out), &e), &e);
	CU_ASSERT_STRING_EQUAL(out, "/proc");
}

TEST_MAIN("kextcache freshness",
	  {"only the exact second is fresh", only_the_exact_second_is_fresh},
	  {"missing parts", missing_parts},
	  {"rebuild command line", rebuild_command_line},
	  {"the volume's own mount point", the_volumes_own_mount_point})
