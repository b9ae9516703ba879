/* SPDX-License-Identifier: MIT */
/* Reading a file through the server, checked and not, and from the kernel's driver. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/boot/test/guest.h"
#include "sim/base/clock.h"

#define FILE_READ "/large"
#define KERNEL	  "/kernel"
#define ROUNDS	  4

static char room[1 << 16];

static double read_ms(const char *path, uint64_t *bytes)
{
	int64_t begin = clock_ns();
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	*bytes = 0;
	while (fd >= 0 && (n = read(fd, room, sizeof(room))) > 0)
		*bytes += (uint64_t)n;
	close(fd);
	return (double)(clock_ns() - begin) / 1e6;
}

static void drop(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	sync();
	if (fd < 0 || write(fd, "3", 1) != 1)
		say_note("caches", "cannot be dropped: %s", strerror(errno));
	close(fd);
}

struct times {
	double first, again;   /* of reading in a row, ms */
	double start, restart; /* of a program */
};

static void keep_best(double *best, double now)
{
	if (!*best || now < *best)
		*best = now;
}

static double start_ms(const char *root)
{
	char *argv[] = {(char[]){"/bin/busybox"}, (char[]){"true"}, NULL};
	int64_t begin = clock_ns();

	run_in(root, 0, argv);
	return (double)(clock_ns() - begin) / 1e6;
}

static void measure(const char *root, struct times *best)
{
	char path[128];
	uint64_t bytes;

	snprintf(path, sizeof(path), "%s" FILE_READ, root);
	drop();
	keep_best(&best->first, read_ms(path, &bytes));
	keep_best(&best->again, read_ms(path, &bytes));
	keep_best(&best->start, start_ms(root));
	keep_best(&best->restart, start_ms(root));
	if (!bytes)
		say_result(false, "the file is read", "%s", path);
}

static void measure_served(bool verify, struct times *best)
{
	struct sealed_root s;

	serve_live(&s, verify);
	measure("/vol", best);
	TRY(sealed_root_stop(&s, e), "the server ends");
}

static void measure_kernel(struct times *best)
{
	mkdir(KERNEL, 0755);
	if (mount("/dev/vda", KERNEL, "apfs", MS_RDONLY, "vol=0"))
		say_result(false, "the kernel's driver mounts it", "%s", strerror(errno));
	measure(KERNEL, best);
	umount(KERNEL);
}

static void tell(const char *what, const struct times *t)
{
	say_note(what,
		 "32 MiB: first %.0f ms, again %.0f ms; program: first %.1f ms, again "
		 "%.1f ms",
		 t->first, t->again, t->start, t->restart);
}

/* In turn, and the best of each: others use the host, too. */
void try_speed(const char *unused)
{
	struct times plain = {0}, checked = {0}, kernel = {0};

	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		measure_served(false, &plain);
		measure_served(true, &checked);
		measure_kernel(&kernel);
	}
	tell("served, not checked", &plain);
	tell("served, checked", &checked);
	tell("kernel's driver", &kernel);
}
