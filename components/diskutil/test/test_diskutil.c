/* SPDX-License-Identifier: MIT */
/* diskutil(8) with a list in a file and a kernel that is a child of this test. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <poll.h>
#include <unistd.h>

#include "components/common/packet.h"
#include "components/common/test/volumes_fixture.h"
#include "components/diskutil/diskutil.h"
#include "components/common/volume_list.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

/* A Mac of 10.15 with FileVault, in Recovery. */
#define LOCKED .group = "G", .filevault = true, .locked = true
static const struct volume_row catalina[] = {
	{.device = "disk1s1",
	 .name = "Macintosh HD - Data",
	 .role = "Data",
	 .uuid = "AAAA",
	 LOCKED},
	{.device = "disk1s3",
	 .name = "Recovery",
	 .role = "Recovery",
	 .uuid = "RRRR",
	 .mount_point = "/",
	 .read_only = true},
	{.device = "disk1s5",
	 .name = "Macintosh HD",
	 .role = "System",
	 .uuid = "SSSS",
	 LOCKED},
	{.device = "disk1s6", .name = "Open", .role = "none", .uuid = "OOOO"},
};

static const struct snapshot_row snapshots[] = {
	{"com.apple.os.update-AA", "U1", "disk3s1s1", "/", "Yes", 2, false},
	{"com.apple.bless.BB", "U2", "", "", "Broken", 9, true},
};

#define PREBOOT                                                                          \
	.name = "Preboot", .role = "Preboot", .uuid = "PPPP",                            \
	.mount_point = "/System/Volumes/Preboot"
static const struct volume_row sealed_system[] = {
	{.device = "disk1s1", .container = "disk1", PREBOOT},
	{.device = "disk3s1",
	 .container = "disk3",
	 .name = "Macintosh HD",
	 .role = "System",
	 .uuid = "SSSS",
	 .group = "G",
	 .sealed = "Broken",
	 .read_only = true,
	 .snapshots = snapshots,
	 .n_snapshots = 2},
	{.device = "disk3s2", .container = "disk3", PREBOOT},
};

/* As the kernel's list has it when it was asked after a write to the live state. */
static const struct volume_row broken_since[] = {
	{.device = "disk3s1",
	 .container = "disk3",
	 .name = "Macintosh HD",
	 .role = "System",
	 .uuid = "SSSS",
	 .sealed = "Broken"},
};

static char volumes[512], kernel[512], base[512];
static const struct diskutil_paths paths = {volumes, kernel, base};
static struct buf out, err_out;
static struct err e;
static pid_t server;
static bool is_tagged; /* com.apple.bless.BB; before start() */

/* This file stands for a write to the live state. */
static const char *written_to(void)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/written", base);
	return path;
}

/* Works if the folder is there; the sealed system cannot be written to. */
static int answer_mount(const json_t *req, const char *path)
{
	const char *device = json_string_value(json_object_get(req, "device"));

	if (access(path, F_OK))
		return ENOENT;
	return !strcmp(device, "disk3s1") &&
			       !json_array_size(json_object_get(req, "options"))
		       ? EACCES
		       : 0;
}

/* The passphrase is "secret". */
static int answer(const json_t *req)
{
	const char *op = json_string_value(json_object_get(req, "op"));
	const char *pass = json_string_value(json_object_get(req, "passphrase"));
	const char *path = json_string_value(json_object_get(req, "path"));

	if (!strcmp(op, "volumes")) {
		if (fsio_exists(written_to()))
			volumes_write(broken_since, 1, volumes, sizeof(volumes));
		return 0;
	}
	if (!strcmp(op, "unlock"))
		return strcmp(pass, "secret") ? EPERM : 0;
	if (!strcmp(op, "mount"))
		return answer_mount(req, path);
	if (!strcmp(op, "snapshot_delete"))
		return strcmp(json_string_value(json_object_get(req, "name")),
			      "com.apple.bless.BB")
			       ? EBUSY
		       : is_tagged ? EPERM
				   : 0;
	return !strcmp(op, "unmount") ? 0 : EINVAL;
}

static void serve_forever(int listener)
{
	for (;;) {
		struct pollfd p = {.fd = listener, .events = POLLIN};
		json_t *req = NULL, *reply;
		int fd;

		poll(&p, 1, -1);
		fd = accept(listener, NULL, NULL);
		if (fd < 0 || packet_recv(fd, 5000, &req, &e))
			_exit(1);
		reply = packet_reply(answer(req), NULL);
		if (packet_send(fd, reply, &e))
			_exit(1);
		json_decref(reply);
		json_decref(req);
		close(fd);
	}
}

static void start(void)
{
	int listener;

	snprintf(kernel, sizeof(kernel), "%s/kernel", test_tmpdir());
	snprintf(base, sizeof(base), "%s/Volumes", test_tmpdir());
	ASSERT_OK(fsio_remove_tree(base, &e), &e);
	ASSERT_OK(fsio_mkdirs(base, 0755, &e), &e);
	volumes_write(catalina, 4, volumes, sizeof(volumes));
	if (server)
		return;
	ASSERT_OK(packet_listen(kernel, &listener, &e), &e);
	server = fork();
	if (server == 0)
		serve_forever(listener);
	close(listener);
}

static void stop(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	server = 0;
	buf_release(&out);
	buf_release(&err_out);
}

static void run(int want_status, const char *const *argv, const char *input)
{
	char *copy[8];
	int argc = 0, status = -1;

	for (; argv[argc]; argc++)
		copy[argc] = strdup(argv[argc]);
	buf_clear(&out);
	buf_clear(&err_out);
	ASSERT_OK(diskutil_run(&paths, argc, copy, input, &out, &err_out, &status, &e),
		  &e);
	CU_ASSERT_EQUAL(status, want_status);
	while (argc)
		free(copy[--argc]);
}

#define RUN(status, ...) run(status, (const char *const[]){__VA_ARGS__, NULL}, "")

static void mounted_at(const char *name, bool want)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	CU_ASSERT_EQUAL(fsio_exists(path), want);
}

static void locked_volume_must_be_unlocked_first(void)
{
	start();
	RUN(1, "mount", "disk1s5");
	CU_ASSERT_STRING_EQUAL(buf_str(&err_out),
			       "This is an encrypted and locked APFS volume; use "
			       "\"diskutil apfs unlockVolume\"\n");
	mounted_at("Macintosh HD", false);
	RUN(1, "apfs", "unlockVolume", "disk1s5", "-passphrase", "wrong");
	CU_ASSERT_STRING_EQUAL(buf_str(&err_out),
			       "Passphrase incorrect or user does not exist\n");
	mounted_at("Macintosh HD", false);
	RUN(0, "apfs", "unlockVolume", "Macintosh HD", "-passphrase", "secret");
	CU_ASSERT_STRING_EQUAL(buf_str(&out),
			       "Unlocking any cryptographic user on APFS Volume disk1s5\n"
			       "Unlocked and mounted APFS Volume\n");
	mounted_at("Macintosh HD", true);
	stop();
}

static void passphrase_from_standard_input(void)
{
	const char *const argv[] = {"apfs",	    "unlockVolume",
				    "/dev/disk1s1", "-stdinpassphrase",
				    "-nomount",	    NULL};

	start();
	run(0, argv, "secret");
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_str(&out), "Unlocked but did not mount APFS Volume"));
	mounted_at("Macintosh HD - Data", false);
	stop();
}

static void mounts_beside_what_is_in_the_way(void)
{
	char path[600];

	start();
	RUN(0, "mount", "Open");
	CU_ASSERT_STRING_EQUAL(buf_str(&out), "Volume Open on disk1s6 mounted\n");
	mounted_at("Open", true);
	snprintf(path, sizeof(path), "%s/Open/file", base);
	ASSERT_OK(fsio_write_atomic(path, "x", 1, 0644, &e), &e);
	RUN(0, "mount", "disk1s6");
	mounted_at("Open 1", true);
	stop();
}

static void lists_and_describes(void)
{
	start();
	RUN(0, "list");
	CU_ASSERT_PTR_NOT_NULL(strstr(
		buf_str(&out),
		"   3:                APFS Volume Macintosh HD            disk1s5\n"));
	RUN(0, "apfs", "list");
	CU_ASSERT_PTR_NOT_NULL(strstr(
		buf_str(&out), "    |   APFS Volume Disk (Role):   disk1s5 (System)\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_str(&out), "FileVault:                 Yes (Locked)"));
	RUN(0, "info", "/");
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_str(&out), "   Device Identifier:         disk1s3\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_str(&out), "   Read-Only Volume:          Yes\n"));
	stop();
}

static void wrong_names_and_usage(void)
{
	start();
	RUN(1, "mount", "disk9s9");
	CU_ASSERT_STRING_EQUAL(buf_str(&err_out), "Unable to find disk for disk9s9\n");
	RUN(1, "apfs", "unlockVolume", "disk1s5");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&err_out), "Usage:"));
	RUN(1, "apfs");
	RUN(1, "eraseDisk");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&err_out), "Usage:"));
	ASSERT_OK(fsio_write_atomic(volumes, "junk", 4, 0644, &e), &e);
	RUN(1, "list");
	stop();
}

static void volumes_have_many_names(void)
{
	static const char *const names[] = {"disk1s5", "/dev/disk1s5", "ssss",
					    "Macintosh HD"};
	struct volume_list l;

	start();
	ASSERT_OK(volume_list_read(&l, volumes, &e), &e);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct volume_entry *v = volume_list_find(&l, names[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(v);
		CU_ASSERT_STRING_EQUAL(v->device, "disk1s5");
	}
	CU_ASSERT_PTR_NULL(volume_list_find(&l, ""));
	volume_list_release(&l);
	stop();
}

static void start_sealed(void)
{
	start();
	volumes_write(sealed_system, 3, volumes, sizeof(volumes));
}

static void seals_and_snapshots_are_listed(void)
{
	start_sealed();
	RUN(0, "apfs", "list");
	CU_ASSERT_STRING_EQUAL(
		buf_str(&out),
		"APFS Containers (2 found)\n"
		"|\n"
		"+-- Container disk1\n"
		"    ====================================================\n"
		"    APFS Container Reference:     disk1\n"
		"    |\n"
		"    +-> Volume disk1s1 PPPP\n"
		"    |   ---------------------------------------------------\n"
		"    |   APFS Volume Disk (Role):   disk1s1 (Preboot)\n"
		"    |   Name:                      Preboot\n"
		"    |   Mount Point:               /System/Volumes/Preboot\n"
		"    |   FileVault:                 No\n"
		"|\n"
		"+-- Container disk3\n"
		"    ====================================================\n"
		"    APFS Container Reference:     disk3\n"
		"    |\n"
		"    +-> Volume disk3s1 SSSS\n"
		"    |   ---------------------------------------------------\n"
		"    |   APFS Volume Disk (Role):   disk3s1 (System)\n"
		"    |   Name:                      Macintosh HD\n"
		"    |   Mount Point:               Not Mounted\n"
		"    |   Sealed:                    Broken\n"
		"    |   FileVault:                 No\n"
		"    |   |\n"
		"    |   Snapshot:                  U1\n"
		"    |   Snapshot Disk:             disk3s1s1\n"
		"    |   Snapshot Mount Point:      /\n"
		"    |   Snapshot Sealed:           Yes\n"
		"    |\n"
		"    +-> Volume disk3s2 PPPP\n"
		"    |   ---------------------------------------------------\n"
		"    |   APFS Volume Disk (Role):   disk3s2 (Preboot)\n"
		"    |   Name:                      Preboot\n"
		"    |   Mount Point:               /System/Volumes/Preboot\n"
		"    |   FileVault:                 No\n");
	RUN(0, "apfs", "listSnapshots", "disk3s1");
	CU_ASSERT_STRING_EQUAL(buf_str(&out), "Snapshots for disk3s1 (2 found)\n"
					      "|\n"
					      "+-- U1\n"
					      "|   Name:        com.apple.os.update-AA\n"
					      "|   XID:         2\n"
					      "|   Purgeable:   No\n"
					      "|\n"
					      "+-- U2\n"
					      "    Name:        com.apple.bless.BB\n"
					      "    XID:         9\n"
					      "    Purgeable:   No\n");
	/* By the snapshot that runs, as public prints have it. */
	RUN(0, "apfs", "listSnapshots", "/");
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_str(&out), "Snapshots for disk3s1s1 (2 found)\n"));
	RUN(0, "apfs", "listSnapshots", "/dev/disk3s1s1");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out), "Snapshots for disk3s1s1 (2"));
	RUN(0, "apfs", "snapshots", "disk3s2");
	CU_ASSERT_STRING_EQUAL(buf_str(&out), "No snapshots for disk3s2\n");
	RUN(0, "list");
	CU_ASSERT_PTR_NOT_NULL(strstr(
		buf_str(&out),
		"   2:              APFS Snapshot com.apple.os.update-AA  disk3s1s1\n"));
	stop();
}

/* By hand it can be made writable: mount -uw. */
static void a_sealed_system_is_mounted_read_only(void)
{
	start_sealed();
	RUN(0, "mount", "disk3s1");
	CU_ASSERT_STRING_EQUAL(buf_str(&out), "Volume Macintosh HD on disk3s1 mounted\n");
	stop();
}

static void snapshots_are_deleted(void)
{
	start_sealed();
	RUN(0, "apfs", "deleteSnapshot", "disk3s1", "-uuid", "u2");
	CU_ASSERT_STRING_EQUAL(
		buf_str(&out),
		"Deleting APFS Snapshot U2 \"com.apple.bless.BB\" from APFS "
		"Volume disk3s1\nStarted APFS operation\n"
		"Finished APFS operation\n");
	RUN(0, "apfs", "deleteSnapshot", "disk3s1", "-xid", "9");
	RUN(1, "apfs", "deleteSnapshot", "disk3s1", "-name", "com.apple.os.update-AA");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&err_out), "failed: Resource busy\n"));
	RUN(1, "apfs", "deleteSnapshot", "disk3s1", "-name", "other");
	RUN(1, "apfs", "deleteSnapshot", "disk3s1", "-xid", "9x");
	RUN(1, "apfs", "deleteSnapshot", "disk3s1");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&err_out), "Usage:"));
	stop();
}

static void the_kernel_is_asked_for_the_seal_of_now(void)
{
	struct volume_row before = broken_since[0];

	start();
	before.sealed = "Yes";
	volumes_write(&before, 1, volumes, sizeof(volumes));
	RUN(0, "apfs", "list");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out), "Sealed:                    Yes\n"));
	ASSERT_OK(fsio_write_atomic(written_to(), "", 0, 0644, &e), &e);
	RUN(0, "apfs", "list");
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_str(&out), "Sealed:                    Broken\n"));
	stop();
	/* A kernel that does not answer is no reason to say nothing. */
	RUN(0, "apfs", "list");
	buf_release(&out);
	buf_release(&err_out);
}

static void a_tagged_snapshot_is_not_deleted(void)
{
	is_tagged = true;
	start_sealed();
	RUN(1, "apfs", "deleteSnapshot", "disk3s1", "-uuid", "u2");
	CU_ASSERT_PTR_NULL(strstr(buf_str(&out), "Finished"));
	CU_ASSERT_STRING_EQUAL(buf_str(&err_out),
			       "Error: -69863: Insufficient privileges\n");
	stop();
	is_tagged = false;
}

static void a_mount_point_of_others_stays(void)
{
	char own[600], other[600];
	const struct volume_row rows[] = {
		{.device = "disk1s1", .name = "One", .uuid = "A", .mount_point = own},
		{.device = "disk1s2", .name = "Two", .uuid = "B", .mount_point = other},
	};

	start();
	snprintf(own, sizeof(own), "%s/One", base);
	snprintf(other, sizeof(other), "%s/mnt", test_tmpdir());
	ASSERT_OK(fsio_mkdirs(own, 0755, &e), &e);
	ASSERT_OK(fsio_mkdirs(other, 0755, &e), &e);
	volumes_write(rows, 2, volumes, sizeof(volumes));
	RUN(0, "unmount", "disk1s1");
	RUN(0, "unmount", "disk1s2");
	CU_ASSERT_FALSE(fsio_exists(own));
	CU_ASSERT_TRUE(fsio_exists(other));
	stop();
}

static void a_path_lies_on_a_volume(void)
{
	const struct volume_snapshot *snap;
	const struct volume_entry *v;
	struct volume_list l;

	start_sealed();
	ASSERT_OK(volume_list_read(&l, volumes, &e), &e);
	v = volume_list_at(&l, "/System/Library", &snap);
	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	CU_ASSERT_STRING_EQUAL(v->device, "disk3s1");
	CU_ASSERT_PTR_NOT_NULL_FATAL(snap);
	CU_ASSERT_STRING_EQUAL(snap->uuid, "U1");
	v = volume_list_at(&l, "/System/Volumes/Preboot/x", &snap);
	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	CU_ASSERT_STRING_EQUAL(v->role, "Preboot");
	CU_ASSERT_PTR_NULL(snap);
	v = volume_list_at(&l, "/System/Volumes/Prebootx", NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	CU_ASSERT_STRING_EQUAL(v->role, "System");
	volume_list_release(&l);
	stop();
}

TEST_MAIN("diskutil",
	  {"a locked volume must be unlocked first",
	   locked_volume_must_be_unlocked_first},
	  {"the passphrase from standard input", passphrase_from_standard_input},
	  {"mounts beside what is in the way", mounts_beside_what_is_in_the_way},
	  {"lists and describes", lists_and_describes},
	  {"wrong names and usage", wrong_names_and_usage},
	  {"volumes have many names", volumes_have_many_names},
	  {"seals and snapshots are listed", seals_and_snapshots_are_listed},
	  {"a sealed system is mounted read-only", a_sealed_system_is_mounted_read_only},
	  {"snapshots are deleted", snapshots_are_deleted},
	  {"the kernel is asked for the seal of now",
	   the_kernel_is_asked_for_the_seal_of_now},
	  {"a tagged snapshot is not deleted", a_tagged_snapshot_is_not_deleted},
	  {"a mount point of others stays", a_mount_point_of_others_stays},
	  {"a path lies on a volume", a_path_lies_on_a_volume})
