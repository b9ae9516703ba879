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
#include "components/diskutil/diskutil.h"
#include "components/diskutil/volume_list.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

#define VOLUME(dev, name, role, uuid, mnt, ro, fv, lock)                                 \
	"<dict><key>Device</key><string>" dev "</string><key>Name</key><string>" name    \
	"</string><key>Role</key><string>" role "</string><key>UUID</key><string>" uuid  \
	"</string><key>Group</key><string>G</string><key>MountPoint</key><string>" mnt   \
	"</string><key>ReadOnly</key><" ro "/><key>FileVault</key><" fv                  \
	"/><key>Locked</key><" lock "/></dict>"

static const char list_text[] = "<plist version=\"1.0\"><array>" VOLUME(
    "disk1s1", "Macintosh HD - Data", "Data", "AAAA", "", "false", "true", "true")
    VOLUME("disk1s3", "Recovery", "Recovery", "RRRR", "/", "true", "false", "false")
	VOLUME("disk1s5", "Macintosh HD", "System", "SSSS", "", "false", "true", "true")
	    VOLUME("disk1s6", "Open", "none", "OOOO", "", "false", "false",
		   "false") "</array></plist>";

static char volumes[512], kernel[512], base[512];
static const struct diskutil_paths paths = {volumes, kernel, base};
static struct buf out, err_out;
static struct err e;
static pid_t server;

/* The passphrase is "secret"; a mount works if the folder is there. */
static int answer(const json_t *req)
{
	const char *op = json_string_value(json_object_get(req, "op"));
	const char *pass = json_string_value(json_object_get(req, "passphrase"));
	const char *path = json_string_value(json_object_get(req, "path"));

	if (!strcmp(op, "unlock"))
		return strcmp(pass, "secret") ? EPERM : 0;
	if (!strcmp(op, "mount"))
		return access(path, F_OK) ? ENOENT : 0;
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

	snprintf(volumes, sizeof(volumes), "%s/volumes.plist", test_tmpdir());
	snprintf(kernel, sizeof(kernel), "%s/kernel", test_tmpdir());
	snprintf(base, sizeof(base), "%s/Volumes", test_tmpdir());
	ASSERT_OK(fsio_remove_tree(base, &e), &e);
	ASSERT_OK(fsio_mkdirs(base, 0755, &e), &e);
	ASSERT_OK(fsio_write_atomic(volumes, list_text, strlen(list_text), 0644, &e), &e);
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
	const char *const argv[] = {
	    "apfs", "unlockVolume", "/dev/disk1s1", "-stdinpassphrase", "-nomount", NULL};

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
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(buf_str(&out),
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

TEST_MAIN("diskutil", {"a locked volume must be unlocked first",
		       locked_volume_must_be_unlocked_first},
	  {"the passphrase from standard input", passphrase_from_standard_input},
	  {"mounts beside what is in the way", mounts_beside_what_is_in_the_way},
	  {"lists and describes", lists_and_describes},
	  {"wrong names and usage", wrong_names_and_usage},
	  {"volumes have many names", volumes_have_many_names})
