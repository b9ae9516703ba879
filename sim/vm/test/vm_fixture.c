/* SPDX-License-Identifier: MIT */
#include "sim/vm/test/vm_fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"

#define TESTBOOT "build/guest-test/testboot"

const char *fixture_missing_for(const char *boot)
{
	const char *const needed[] = {
		"build/cache/carrier/current/vmlinux",
		"build/guest/init",
		"build/guest/apfs",
		boot,
		"/bin/bash-static",
		"/bin/busybox",
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

const char *fixture_missing(void)
{
	return fixture_missing_for(TESTBOOT);
}

static void write_file(char *path, size_t size, const char *name, const char *text)
{
	struct err e = ERR_INIT;

	snprintf(path, size, "%s/%s", test_tmpdir(), name);
	ASSERT_OK(fsio_write_atomic(path, text, strlen(text), 0755, &e), &e);
}

void fixture_init(struct fixture *f, const char *mode, const char *launchd)
{
	char mode_path[4096], launchd_path[4096];
	const struct initramfs_file extra[] = {
		{.path = "/test/bash", .mode = 0755, .host_path = "/bin/bash-static"},
		{.path = "/test/busybox", .mode = 0755, .host_path = "/bin/busybox"},
		{.path = "/test/launchd", .mode = 0755, .host_path = launchd_path},
		{.path = "/test/mode", .mode = 0644, .host_path = mode_path},
	};
	const struct carrier_options o = {
		.cache_dir = "build/cache",
		.guest_dir = "build/guest",
		.boot = TESTBOOT,
		.extra = extra,
		.n_extra = sizeof(extra) / sizeof(*extra),
	};
	struct err e = ERR_INIT;

	memset(f, 0, sizeof(*f));
	write_file(mode_path, sizeof(mode_path), "mode", mode);
	write_file(launchd_path, sizeof(launchd_path), "launchd", launchd);
	write_file(f->disk, sizeof(f->disk), "disk.raw", "");
	CU_ASSERT_EQUAL(truncate(f->disk, 1 << 20), 0);
	ASSERT_OK(carrier_prepare(&o, &f->carrier, &e), &e);
}

void fixture_release(struct fixture *f)
{
	buf_release(&f->events);
	buf_release(&f->notes);
}

static void on_event(void *arg, double t, const json_t *event)
{
	struct fixture *f = arg;

	(void)t;
	if (buf_printf(&f->events, NULL, "%s ",
		       json_string_value(json_object_get(event, "event"))))
		CU_FAIL("out of memory");
}

static void on_note(void *arg, const char *text)
{
	struct fixture *f = arg;

	if (buf_printf(&f->notes, NULL, "%s\n", text))
		CU_FAIL("out of memory");
}

struct vm_config fixture_config(struct fixture *f)
{
	return (struct vm_config){
		.carrier = &f->carrier,
		.cache_dir = "build/cache/test-vm",
		.run_dir = test_tmpdir(),
		.disks = {{.path = f->disk, .format = "raw"}},
		.n_disks = 1,
		.mem_mib = 256,
		.arg = f,
		.on_event = on_event,
		.on_note = on_note,
	};
}

struct vm *fixture_up(const struct vm_config *cfg)
{
	const struct vm_boot b = {.time_ns = 1570000000LL * 1000000000, .time_factor = 1};
	struct err e = ERR_INIT;
	char *refused;
	struct vm *vm;

	ASSERT_OK(vm_start(cfg, &vm, &e), &e);
	ASSERT_OK(vm_boot(vm, &b, &refused, &e), &e);
	CU_ASSERT_PTR_NULL(refused);
	return vm;
}

int fixture_sh(struct vm *vm, const char *command, struct vm_result *r)
{
	const char *const argv[] = {"/bin/bash", "-c", command, NULL};
	const struct vm_exec x = {.argv = argv, .timeout_ms = 10000};
	struct err e = ERR_INIT;
	int rc = vm_exec(vm, &x, r, &e);

	return rc ? rc : r->status;
}
