/* SPDX-License-Identifier: MIT */
/*
 * The policy in a real kernel: policy_guest.c runs as /init of a virtual machine, and
 * each line that it prints is one assertion here.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/carrier/initramfs.h"

#define KERNEL      "build/cache/carrier/current/vmlinux"
#define GUEST       "build/guest-test/policy"
#define ATTEMPTS_MIN 250 /* fewer lines mean that the table was not run */

static char console[512];

static void write_initramfs(const char *path)
{
	char guest[4096];
	const struct initramfs_file files[] = {
		{.path = "/init", .mode = 0755, .host_path = guest},
		{.path = "/dev/console", .mode = S_IFCHR | 0600, .rdev = makedev(5, 1)},
	};
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	snprintf(guest, sizeof(guest), "%s", test_source(GUEST));
	ASSERT_OK(initramfs_build(files, 2, &b, &e), &e);
	ASSERT_OK(fsio_write_atomic(path, b.data, b.len, 0644, &e), &e);
	buf_release(&b);
}

static int run_machine(void)
{
	char initramfs[512], kernel[4096];

	snprintf(kernel, sizeof(kernel), "%s", test_source(KERNEL));
	snprintf(initramfs, sizeof(initramfs), "%s/initramfs", test_tmpdir());
	snprintf(console, sizeof(console), "%s/console", test_tmpdir());
	write_initramfs(initramfs);
	return test_shell(
	    "timeout 120 qemu-system-x86_64 -machine q35,accel=tcg -cpu max -m 256"
	    " -nodefaults -display none -no-reboot -serial file:%s -kernel %s"
	    " -initrd %s -append 'console=ttyS0 panic=-1 quiet'",
	    console, kernel, initramfs);
}

/* One line of the guest, without its line end. */
static bool take_line(char *line, unsigned *n)
{
	line[strcspn(line, "\r\n")] = '\0';
	if (!strncmp(line, "fail\t", 5)) {
		fprintf(stderr, "%s\n", line);
		CU_FAIL("refused or allowed against expectation");
	}
	*n += !strncmp(line, "pass\t", 5);
	return !strcmp(line, "done");
}

static void root_of_the_mac_is_refused(void)
{
	char line[1024];
	bool done = false;
	unsigned n = 0;
	FILE *f;

	if (!fsio_exists(test_source(KERNEL)))
		TEST_SKIP("no carrier kernel: make deps");
	if (test_shell("command -v qemu-system-x86_64 > /dev/null"))
		TEST_SKIP("no qemu-system-x86_64");
	CU_ASSERT_EQUAL(run_machine(), 0);
	f = fopen(console, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof(line), f))
		done |= take_line(line, &n);
	fclose(f);
	CU_ASSERT_TRUE(done);
	CU_ASSERT_TRUE(n >= ATTEMPTS_MIN);
}

TEST_MAIN("policy", {"root of the Mac is refused, path by path, in a virtual machine",
		     root_of_the_mac_is_refused})
