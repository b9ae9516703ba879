/* SPDX-License-Identifier: MIT */
/*
 * A boot program for the tests of the machine: plays its side of
 * sim/carrier/boot_protocol.h with a Mac in a tmpfs that has bash, busybox and, as
 * /sbin/launchd, the script /test/launchd of the initramfs. The file /test/mode says how
 * it should misbehave.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "sim/carrier/boot_protocol.h"
#include "sim/platform/paths.h"

#define ROOT "/mac/root"

static char mode[32];

static void die(const char *what)
{
	fprintf(stderr, "testboot: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void say(json_t *msg)
{
	char *text = json_dumps(msg, JSON_COMPACT);

	if (send(BOOT_FD, text, strlen(text), 0) < 0)
		die("send");
	free(text);
	json_decref(msg);
}

static json_t *hear(const char *type)
{
	static char packet[BOOT_PACKET_MAX];
	ssize_t n = recv(BOOT_FD, packet, sizeof(packet), 0);
	json_t *msg = n > 0 ? json_loadb(packet, (size_t)n, 0, NULL) : NULL;
	const char *got = json_string_value(json_object_get(msg, "type"));

	if (!got || strcmp(got, type) != 0) {
		fprintf(stderr, "testboot: wanted %s, got %s\n", type, got ? got : "?");
		exit(1);
	}
	return msg;
}

static void copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0755);
	struct stat st;

	if (in < 0 || out < 0 || fstat(in, &st) < 0 ||
	    sendfile(out, in, NULL, (size_t)st.st_size) != st.st_size)
		die(to);
	close(in);
	close(out);
}

static void make_mac(void)
{
	static const char *const dirs[] = {"/bin", "/sbin",  "/tmp",
					   "/dev", XNU_DIR, XNU_PROC_DIR};
	char path[128];
	struct stat disk;

	if ((mkdir(ROOT, 0755) < 0 && errno != EEXIST) ||
	    mount("mac", ROOT, "tmpfs", 0, NULL) < 0)
		die("mounting " ROOT);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		snprintf(path, sizeof(path), ROOT "%s", dirs[i]);
		if (mkdir(path, 0777) < 0)
			die(path);
	}
	if (mknod(ROOT "/dev/null", S_IFCHR | 0666, makedev(1, 3)) < 0)
		die("mknod");
	if (stat("/dev/vda", &disk) < 0 ||
	    mknod(ROOT "/dev/vda", S_IFBLK | 0600, disk.st_rdev) < 0)
		die("/dev/vda");
	copy("/test/bash", ROOT "/bin/bash");
	copy("/test/busybox", ROOT "/bin/busybox");
	copy("/test/launchd", ROOT "/sbin/launchd");
}

static void read_mode(void)
{
	FILE *f = fopen("/test/mode", "r");

	if (f && fgets(mode, sizeof(mode), f))
		mode[strcspn(mode, "\n")] = '\0';
	if (f)
		fclose(f);
}

static bool in_mode(const char *m)
{
	return !strcmp(mode, m);
}

int main(void)
{
	read_mode();
	if (in_mode("not-ready"))
		return 1;
	say(json_pack("{s:s}", "type", BOOT_READY));
	json_decref(hear(BOOT_START));
	say(json_pack("{s:s,s:{s:s,s:s}}", "type", BOOT_EVENT, "event", "event",
		      "boot.stage", "stage", "test"));
	if (in_mode("refuse")) {
		say(json_pack("{s:s,s:s}", "type", BOOT_REFUSED, "reason",
			      "the kernel is corrupt"));
		return 0;
	}
	if (in_mode("die"))
		return 1;
	make_mac();
	say(json_pack("{s:s,s:s}", "type", BOOT_CONSOLE, "text", "Darwin Kernel\n"));
	say(json_pack("{s:s,s:s,s:[s],s:[s],s:s}", "type", BOOT_LAUNCH, "root", ROOT,
		      "argv", in_mode("no-launchd") ? "/sbin/nothing" : "/sbin/launchd",
		      "env", "PATH=/bin:/sbin", "hostname", "TestMac"));
	json_decref(hear(BOOT_CHILD));
	say(json_pack("{s:s}", "type", BOOT_GO));
	say(json_pack("{s:s}", "type", BOOT_UP));
	json_decref(hear(BOOT_SHUTDOWN));
	say(json_pack("{s:s,s:s}", "type", BOOT_CONSOLE, "text", "unmounted"));
	if (umount2(ROOT, 0) < 0)
		die("umount");
	say(in_mode("bad-nvram") ? json_pack("{s:s,s:s}", "type", BOOT_DONE, "error",
					     "NVRAM cannot be written")
				 : json_pack("{s:s}", "type", BOOT_DONE));
	return 0;
}
