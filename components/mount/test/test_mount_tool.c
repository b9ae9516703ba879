/* SPDX-License-Identifier: MIT */
/* mount(8): the list, who is asked for what, exit statuses. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "components/common/packet.h"
#include "components/common/test/fake_kernel.h"
#include "components/common/test/volumes_fixture.h"
#include "components/mount/mount_tool.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

static char none[] = "", yes[] = "Yes", no[] = "No", broken[] = "Broken", root[] = "/";

static unsigned long root_flags, vm_flags;

static unsigned long flags(const char *path)
{
	if (!strcmp(path, "/"))
		return root_flags;
	return strstr(path, "/vm") || strstr(path, "/VM") ? vm_flags : ST_RELATIME;
}

/* ---- the list ---- */

struct mount_row {
	char device[12], role[12], point[32], *sealed;
};

static void list_is(struct mount_row *row, size_t n, struct volume_snapshot *snapshot,
		    bool protects_data, const char *want)
{
	const struct mount_env env = {.flags = flags, .protects_data = protects_data};
	struct volume_list l = {.n = n};
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < n; i++) {
		l.v[i].device = row[i].device;
		l.v[i].role = row[i].role;
		l.v[i].mount_point = row[i].point;
		l.v[i].sealed = row[i].sealed;
		l.v[i].read_only = true; /* of no importance: what counts is now */
	}
	if (snapshot) {
		l.v[0].snapshots = snapshot;
		l.v[0].n_snapshots = 1;
	}
	ASSERT_OK(mount_list_text(&env, &l, &out, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&out), want);
	buf_release(&out);
}

#define OTHERS                                                                           \
	"devfs on /dev (devfs, local, nobrowse)\n"                                       \
	"/dev/disk1s1 on /System/Volumes/Data (apfs, local, journaled, nobrowse)\n"      \
	"/dev/disk1s4 on /private/var/vm (apfs, local, journaled, nobrowse)\n"           \
	"/dev/disk1s6 on /Volumes/X (apfs, local, journaled)\n"

static void lists_as_catalina(void)
{
	static struct mount_row rows[] = {
		{"disk1s1", "Data", "/System/Volumes/Data", none},
		{"disk1s2", "Preboot", "", none},
		{"disk1s4", "VM", "/private/var/vm", none},
		{"disk1s5", "System", "/", none},
		{"disk1s6", "none", "/Volumes/X", none},
	};

	vm_flags = 0;
	root_flags = ST_RDONLY;
	list_is(rows, 5, NULL, false,
		"/dev/disk1s5 on / (apfs, local, read-only, journaled)\n" OTHERS);
	root_flags = 0;
	list_is(rows, 5, NULL, false,
		"/dev/disk1s5 on / (apfs, local, journaled)\n" OTHERS);
}

/* As on a MacBook Pro of 2021 with macOS 12. */
static void lists_a_sealed_system(void)
{
	static struct mount_row rows[] = {
		{"disk3s1", "System", "", broken},
		{"disk3s6", "VM", "/System/Volumes/VM", no},
		{"disk3s5", "Data", "/System/Volumes/Data", no},
	};
	struct volume_snapshot root_snapshot = {.mount_point = root, .sealed = yes};
	char device[] = "disk3s1s1";

	root_snapshot.device = device;
	root_flags = ST_RDONLY | ST_RELATIME;
	vm_flags = ST_NOEXEC | ST_NOATIME;
	list_is(rows, 3, &root_snapshot, true,
		"/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)\n"
		"devfs on /dev (devfs, local, nobrowse)\n"
		"/dev/disk3s6 on /System/Volumes/VM (apfs, local, noexec, journaled, "
		"noatime, nobrowse)\n"
		"/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse, "
		"protect)\n");
	/* The live state beside its broken snapshot, on a Mac without a T2. */
	strcpy(rows[0].point, "/Users/alice/mnt");
	rows[0].sealed = yes;
	root_snapshot.sealed = broken;
	list_is(rows, 3, &root_snapshot, false,
		"/dev/disk3s1s1 on / (apfs, local, read-only, journaled)\n"
		"devfs on /dev (devfs, local, nobrowse)\n"
		"/dev/disk3s1 on /Users/alice/mnt (apfs, sealed, local, journaled, "
		"nobrowse)\n"
		"/dev/disk3s6 on /System/Volumes/VM (apfs, local, noexec, journaled, "
		"noatime, nobrowse)\n"
		"/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, "
		"nobrowse)\n");
}

/* ---- who is asked ---- */

static struct {
	struct fake_kernel kernel;
	struct mount_env env;
	struct buf out, err_out;
	char volumes[300], dir[300];
	int kernel_errno, remount_errno, status;
	char remounted[300];
} w;

static json_t *answer(void *ctx, const char *op, const json_t *req)
{
	(void)ctx;
	(void)op;
	(void)req;
	return packet_reply(w.kernel_errno, NULL);
}

static int remount(const char *path, bool read_only)
{
	snprintf(w.remounted, sizeof(w.remounted), "%s %s", path,
		 read_only ? "ro" : "rw");
	return w.remount_errno;
}

/* Something is mounted on "/" and on a folder of the test. */
static void world_init(const char *sealed)
{
	const struct volume_row list[] = {
		{.device = "disk1s5",
		 .role = "System",
		 .mount_point = "/",
		 .sealed = sealed},
		{.device = "disk1s6",
		 .role = "System",
		 .mount_point = w.dir,
		 .sealed = sealed},
	};
	struct err e = ERR_INIT;

	memset(&w, 0, sizeof(w));
	snprintf(w.dir, sizeof(w.dir), "%s/mnt", test_tmpdir());
	ASSERT_OK(fsio_mkdirs(w.dir, 0755, &e), &e);
	volumes_write(list, 2, w.volumes, sizeof(w.volumes));
	w.kernel.answer = answer;
	fake_kernel_start(&w.kernel);
	w.env = (struct mount_env){.volumes = w.volumes,
				   .kernel = w.kernel.socket,
				   .flags = flags,
				   .remount = remount};
}

static void run(const char *form, ...) PRINTF_LIKE(1, 2);
static void run(const char *form, ...)
{
	char line[600], *words[16], *save = NULL, name[] = "mount";
	struct err e = ERR_INIT;
	int n = 1;
	va_list ap;

	va_start(ap, form);
	vsnprintf(line, sizeof(line), form, ap);
	va_end(ap);
	words[0] = name;
	for (char *p = strtok_r(line, " ", &save); p; p = strtok_r(NULL, " ", &save))
		words[n++] = p;
	words[n] = NULL;
	ASSERT_OK(mount_run(&w.env, n, words, &w.out, &w.err_out, &w.status, &e), &e);
}

/* What the kernel was asked, which ends it; once in each case. */
static void kernel_was_asked(const char *form, ...) PRINTF_LIKE(1, 2);
static void kernel_was_asked(const char *form, ...)
{
	char want[1000];
	va_list ap;

	va_start(ap, form);
	vsnprintf(want, sizeof(want), form, ap);
	va_end(ap);
	fake_kernel_stop(&w.kernel);
	CU_ASSERT_STRING_EQUAL(buf_str(&w.kernel.asked), want);
}

static void world_release(void)
{
	fake_kernel_release(&w.kernel);
	buf_release(&w.out);
	buf_release(&w.err_out);
}

static void the_kernel_updates_what_can_be_sealed(void)
{
	world_init("Broken");
	w.kernel_errno = EACCES;
	run("-uw /");
	CU_ASSERT_EQUAL(w.status, 66);
	CU_ASSERT_STRING_EQUAL(
		buf_str(&w.err_out),
		"mount_apfs: volume could not be mounted: Permission denied\n"
		"mount: / failed with 66\n");
	CU_ASSERT_STRING_EQUAL(w.remounted, "");
	w.kernel_errno = 0;
	run("-u -o rdonly %s/../mnt", w.dir);
	CU_ASSERT_EQUAL(w.status, 0);
	kernel_was_asked("{\"op\":\"mount_update\",\"options\":[],\"path\":\"/\"}\n"
			 "{\"op\":\"mount_update\",\"options\":[\"rdonly\"],\"path\":"
			 "\"%s\"}\n",
			 w.dir);
	world_release();
}

static void before_seals_it_is_mount_2(void)
{
	world_init("");
	w.remount_errno = EPERM;
	run("-uw /");
	CU_ASSERT_EQUAL(w.status, 77);
	CU_ASSERT_STRING_EQUAL(
		buf_str(&w.err_out),
		"mount_apfs: volume could not be mounted: Operation not permitted\n"
		"mount: / failed with 77\n");
	CU_ASSERT_STRING_EQUAL(w.remounted, "/ rw");
	w.remount_errno = 0;
	run("-ur /");
	CU_ASSERT_EQUAL(w.status, 0);
	CU_ASSERT_STRING_EQUAL(w.remounted, "/ ro");
	/* Nor without the kernel's list. */
	w.env.volumes = "/no/such";
	run("-uw /");
	CU_ASSERT_EQUAL(w.status, 0);
	CU_ASSERT_STRING_EQUAL(w.remounted, "/ rw");
	kernel_was_asked("%s", "");
	world_release();
}

static void a_new_mount_is_the_kernels(void)
{
	world_init("Yes");
	run("-o nobrowse -t apfs /dev/disk3s1 %s/.", w.dir);
	CU_ASSERT_EQUAL(w.status, 0);
	w.kernel_errno = EBUSY;
	run("-r disk3s1 %s", w.dir);
	CU_ASSERT_EQUAL(w.status, 75);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&w.err_out), "mounted: Resource busy\n"));
	run("disk3s1 /no/such");
	CU_ASSERT_EQUAL(w.status, 66);
	kernel_was_asked(
		"{\"device\":\"/dev/disk3s1\",\"op\":\"mount\",\"options\":[],"
		"\"path\":\"%s\"}\n"
		"{\"device\":\"disk3s1\",\"op\":\"mount\",\"options\":[\"rdonly\"],"
		"\"path\":\"%s\"}\n",
		w.dir, w.dir);
	world_release();
}

static void bad_usage(void)
{
	static const char *const lines[] = {"-x",	 "-u",	       "/",
					    "-wr a b",	 "-t hfs a b", "-o bad a b",
					    "-uw a b c", "a b c"};

	world_init("Yes");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		buf_clear(&w.err_out);
		run("%s", lines[i]);
		CU_ASSERT_EQUAL(w.status, 64);
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&w.err_out), "usage: mount"));
	}
	kernel_was_asked("%s", "");
	world_release();
}

static void exit_statuses(void)
{
	CU_ASSERT_EQUAL(mount_exit_status(EPERM), 77);
	CU_ASSERT_EQUAL(mount_exit_status(EACCES), 66);
	CU_ASSERT_EQUAL(mount_exit_status(ENOENT), 66);
	CU_ASSERT_EQUAL(mount_exit_status(EINVAL), 65);
	CU_ASSERT_EQUAL(mount_exit_status(EBUSY), 75);
}

TEST_MAIN("mount", {"lists as Catalina", lists_as_catalina},
	  {"lists a sealed system", lists_a_sealed_system},
	  {"the kernel updates what can be sealed",
	   the_kernel_updates_what_can_be_sealed},
	  {"before seals it is mount(2)", before_seals_it_is_mount_2},
	  {"a new mount is the kernel's", a_new_mount_is_the_kernels},
	  {"bad usage", bad_usage}, {"exit statuses", exit_statuses})
