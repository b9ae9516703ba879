/* SPDX-License-Identifier: MIT */
/*
 * Parts of boot in the virtual machine: guest_main.c takes boot's place in the carrier,
 * and each line that it prints is one assertion here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/machine.h"
#include "sim/vm/vm.h"

#define GUEST	  "build/guest-test/bootparts"
#define BOOT_TIME (INT64_C(1640000000) * 1000000000)

static struct err e;
static struct {
	unsigned passed, failed;
} lines;

static const char *missing(void)
{
	static const char *const needed[] = {
		"build/cache/carrier/current/vmlinux",
		"build/guest/init",
		"build/guest/apfs",
		GUEST,
		"/usr/bin/qemu-system-x86_64",
	};
	static char why[128];

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!fsio_exists(needed[i])) {
			snprintf(why, sizeof(why), "no %s", needed[i]);
			return why;
		}
	return NULL;
}

#define SKIP_WITHOUT_VM()                                                                \
	do {                                                                             \
		const char *missing_ = missing();                                        \
		if (missing_)                                                            \
			TEST_SKIP(missing_);                                             \
	} while (0)

static void on_console(void *arg, double t, const char *line)
{
	(void)arg;
	(void)t;
	lines.passed += !strncmp(line, "pass\t", 5);
	lines.failed += !strncmp(line, "fail\t", 5);
	if (!strncmp(line, "fail\t", 5) || getenv("V"))
		fprintf(stderr, "      %s\n", line);
}

static void prepare(const char *mode, struct carrier *c)
{
	char mode_path[4096];
	const struct initramfs_file extra[] = {
		{.path = "/test/mode", .mode = 0644, .host_path = mode_path},
	};
	const struct carrier_options o = {
		.cache_dir = "build/cache",
		.guest_dir = "build/guest",
		.boot = GUEST,
		.extra = extra,
		.n_extra = sizeof(extra) / sizeof(*extra),
	};

	snprintf(mode_path, sizeof(mode_path), "%s/mode", test_tmpdir());
	ASSERT_OK(fsio_write_atomic(mode_path, mode, strlen(mode), 0644, &e), &e);
	ASSERT_OK(carrier_prepare(&o, c, &e), &e);
}

/* Start @cfg's machine with the guest program in @mode and take in what it prints. */
static void run(struct vm_config *cfg, const char *mode)
{
	const struct vm_boot b = {.time_ns = BOOT_TIME, .time_factor = 1};
	struct carrier carrier;
	char *refused = NULL;
	enum vm_down how;
	struct vm *vm;

	prepare(mode, &carrier);
	cfg->carrier = &carrier;
	cfg->cache_dir = "build/cache/test-vm";
	cfg->run_dir = test_tmpdir();
	cfg->on_console = on_console;
	lines.passed = lines.failed = 0;
	ASSERT_OK(vm_start(cfg, &vm, &e), &e);
	if (getenv("V"))
		fprintf(stderr, "      start %.2f s, template %d, made in %.2f s\n",
			vm_times(vm)->start, vm_times(vm)->from_template,
			vm_times(vm)->make_template);
	ASSERT_OK(vm_boot(vm, &b, &refused, &e), &e);
	ASSERT_OK(vm_wait_down(vm, 60000, &how, &e), &e);
	CU_ASSERT_STRING_EQUAL(refused ? refused : "", "done");
	CU_ASSERT_EQUAL(lines.failed, 0);
	free(refused);
	vm_free(vm);
}

/* ---- CPUs ---- */

#define LINES_OF_CPUS 6 /* and one for each cluster */

static void starts_cpus(const char *machine, unsigned n_cpus, bool cold)
{
	const struct machine_model *m = machine_by_name(machine);
	char disk[4096], mode[64];
	struct vm_config cfg = {.n_cpus = n_cpus, .cold = cold};

	snprintf(disk, sizeof(disk), "%s/empty", test_tmpdir());
	ASSERT_OK(fsio_write_atomic(disk, "", 0, 0644, &e), &e);
	CU_ASSERT_EQUAL(truncate(disk, 1 << 20), 0);
	cfg.disks[0] = (struct vm_disk){.path = disk, .format = "raw"};
	cfg.n_disks = 1;
	snprintf(mode, sizeof(mode), "cpus %s", machine);
	run(&cfg, mode);
	CU_ASSERT_EQUAL(lines.passed, LINES_OF_CPUS + m->n_clusters);
}

static void cores_come_up(void)
{
	SKIP_WITHOUT_VM();
	starts_cpus("m1", 8, false);
}

static void fewer_cores_than_the_machine_has(void)
{
	SKIP_WITHOUT_VM();
	starts_cpus("m1-pro", 3, true);
}

TEST_MAIN("boot-parts", {"cores come up cluster by cluster", cores_come_up},
	  {"a VM with fewer cores says so", fewer_cores_than_the_machine_has})
