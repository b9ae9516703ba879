/* SPDX-License-Identifier: MIT */
/* What boot decides before anything is mounted. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "components/boot/entitlements.h"
#include "components/boot/firmlinks.h"
#include "components/boot/volumes.h"
#include "components/common/entitlements.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/apfs/raw.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/paths.h"

/* This very program is the executable that is looked into. */
ENTITLEMENTS("com.apple.rootless.install", "com.apple.rootless.storage.Test");

static struct err e;
static char seen[1024];

static int note_name(void *arg, const char *name, struct err *err)
{
	(void)arg;
	(void)err;
	strcat(seen, name);
	strcat(seen, " ");
	return 0;
}

static int read_fd(int fd)
{
	int r;

	seen[0] = '\0';
	CU_ASSERT_FATAL(fd >= 0);
	r = entitlements_read(fd, note_name, NULL, &e);
	close(fd);
	return r;
}

static void entitlements_are_in_the_executable(void)
{
	ASSERT_OK(read_fd(open("/proc/self/exe", O_RDONLY)), &e);
	CU_ASSERT_STRING_EQUAL(
	    seen, "com.apple.rootless.install com.apple.rootless.storage.Test ");
}

static int memory_file(const void *data, size_t len)
{
	int fd = memfd_create("x", 0);

	CU_ASSERT_FATAL(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	return fd;
}

static void others_have_none(void)
{
	static const char script[] = "#!/bin/sh\nexit 0\n";

	ASSERT_OK(read_fd(open("/bin/sh", O_RDONLY)), &e);
	CU_ASSERT_STRING_EQUAL(seen, "");
	ASSERT_OK(read_fd(memory_file(script, sizeof(script))), &e);
	ASSERT_OK(read_fd(memory_file("", 0)), &e);
	CU_ASSERT_STRING_EQUAL(seen, "");
}

/* The program with @len bytes at @off of its ELF header changed. */
static int damaged(size_t off, const void *with, size_t len)
{
	struct buf b = BUF_INIT;
	int fd;

	ASSERT_OK(fsio_read("/proc/self/exe", 64u << 20, &b, &e), &e);
	memcpy(b.data + off, with, len);
	fd = memory_file(b.data, b.len);
	buf_release(&b);
	return read_fd(fd);
}

static void damaged_executables_are_refused(void)
{
	const Elf64_Half many = 0xffff, none = 0, size = 63;
	const Elf64_Off far = ~0ull;

	ASSERT_FAILS(damaged(offsetof(Elf64_Ehdr, e_shoff), &far, sizeof(far)),
		     E_CORRUPT);
	ASSERT_FAILS(damaged(offsetof(Elf64_Ehdr, e_shnum), &many, sizeof(many)),
		     E_CORRUPT);
	ASSERT_FAILS(damaged(offsetof(Elf64_Ehdr, e_shstrndx), &many, sizeof(many)),
		     E_CORRUPT);
	ASSERT_FAILS(damaged(offsetof(Elf64_Ehdr, e_shentsize), &size, sizeof(size)),
		     E_CORRUPT);
	/* Without sections there is nothing to believe, and nothing wrong. */
	ASSERT_OK(damaged(offsetof(Elf64_Ehdr, e_shnum), &none, sizeof(none)), &e);
	CU_ASSERT_STRING_EQUAL(seen, "");
}

static int note_link(void *arg, const char *path, const char *target, struct err *err)
{
	(void)arg;
	(void)err;
	snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s=%s;", path,
		 target);
	return 0;
}

static void firmlinks_are_read_in_order(void)
{
	seen[0] = '\0';
	ASSERT_OK(firmlinks_each("/Users\tUsers\n/usr/local\tusr/local\n\n/x y\tx y",
				 note_link, NULL, &e),
		  &e);
	CU_ASSERT_STRING_EQUAL(seen, "/Users=Users;/usr/local=usr/local;/x y=x y;");
}

static void bad_firmlinks_are_refused(void)
{
	static const char *const bad[] = {
	    "/Users",	  "Users\tUsers", "/Users\t", "\tUsers", "/Users\t/Users",
	    "/a/../b\tb", "/a\t../b",	  "/a\tb/..", "/a/.\tb", "/a\t."};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		seen[0] = '\0';
		ASSERT_FAILS(firmlinks_each(bad[i], note_link, NULL, &e), E_SCHEMA);
		CU_ASSERT_STRING_EQUAL(seen, "");
	}
	ASSERT_FAILS(firmlinks_each("/a\ta\n/b\n", note_link, NULL, &e), E_SCHEMA);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "line 2"));
	/* Dots in names are no way out. */
	ASSERT_OK(firmlinks_each("/.a\t..b/c...\n", note_link, NULL, &e), &e);
}

static void add(struct volumes *vs, const char *name, uint16_t role, const char *uuid,
		const char *group)
{
	struct boot_volume *v = &vs->v[vs->n];

	*v = (struct boot_volume){.disk = 1, .slot = (unsigned)vs->n, .role = role};
	snprintf(v->device, sizeof(v->device), "disk1s%zu", ++vs->n);
	snprintf(v->name, sizeof(v->name), "%s", name);
	snprintf(v->uuid, sizeof(v->uuid), "%s", uuid);
	snprintf(v->group, sizeof(v->group), "%s", group);
}

static struct volumes two_systems(void)
{
	struct volumes vs = {.machine = machine_by_name("intel")};

	add(&vs, "A - Data", APFS_ROLE_DATA, "A-DATA", "A");
	add(&vs, "A", APFS_ROLE_SYSTEM, "A-SYSTEM", "A");
	add(&vs, "B", APFS_ROLE_SYSTEM, "B-SYSTEM", "B");
	add(&vs, "B - Data", APFS_ROLE_DATA, "B-DATA", "B");
	add(&vs, "VM", APFS_ROLE_VM, "VM", "");
	return vs;
}

static void nvram_names_the_system(void)
{
	static const char xml[] = "<array><dict><key>UUID</key><string>B-SYSTEM</string>";
	struct volumes vs = two_systems();
	struct boot_choice c;
	struct nvram nv;

	nvram_init(&nv);
	ASSERT_OK(volumes_choose(&vs, &nv, &c, &e), &e);
	CU_ASSERT_STRING_EQUAL(c.system->name, "A");
	CU_ASSERT_STRING_EQUAL(c.data->name, "A - Data");
	CU_ASSERT_FALSE(c.recovery);
	ASSERT_OK(nvram_set_apple(&nv, NVRAM_BOOT_DEVICE, xml, sizeof(xml), &e), &e);
	ASSERT_OK(volumes_choose(&vs, &nv, &c, &e), &e);
	CU_ASSERT_STRING_EQUAL(c.system->name, "B");
	CU_ASSERT_STRING_EQUAL(c.data->name, "B - Data");
	/* A volume that is gone, or is no system, does not keep the Mac from starting. */
	ASSERT_OK(nvram_set_apple(&nv, NVRAM_BOOT_DEVICE, "A-DATA", 6, &e), &e);
	ASSERT_OK(volumes_choose(&vs, &nv, &c, &e), &e);
	CU_ASSERT_STRING_EQUAL(c.system->name, "A");
	nvram_release(&nv);
}

static void recovery_on_request(void)
{
	struct volumes vs = two_systems();
	struct boot_choice c;
	struct nvram nv;

	nvram_init(&nv);
	ASSERT_OK(nvram_set_apple(&nv, NVRAM_RECOVERY, "unused", 6, &e), &e);
	ASSERT_OK(volumes_choose(&vs, &nv, &c, &e), &e);
	ASSERT_FAILS(volumes_obey_recovery(&nv, &c, &e), E_NOTFOUND);
	add(&vs, "Recovery", APFS_ROLE_RECOVERY, "R", "");
	ASSERT_OK(volumes_choose(&vs, &nv, &c, &e), &e);
	ASSERT_OK(volumes_obey_recovery(&nv, &c, &e), &e);
	CU_ASSERT_TRUE(c.recovery);
	CU_ASSERT_STRING_EQUAL(c.recovery_volume->name, "Recovery");
	nvram_release(&nv);
	vs.n = 1;
	ASSERT_FAILS(volumes_choose(&vs, &nv, &c, &e), E_NOTFOUND);
}

static void devices_and_list(void)
{
	struct volumes vs = two_systems();
	struct buf xml = BUF_INIT;
	plist_t array = NULL;
	const char *s = NULL;

	CU_ASSERT_PTR_EQUAL(volumes_by_device(&vs, "disk1s3"), &vs.v[2]);
	CU_ASSERT_PTR_EQUAL(volumes_by_device(&vs, "/dev/disk1s3"), &vs.v[2]);
	CU_ASSERT_PTR_NULL(volumes_by_device(&vs, "disk1s9"));
	CU_ASSERT_PTR_NULL(volumes_by_device(&vs, ""));
	strcpy(vs.v[1].mount_point, "/");
	ASSERT_OK(volumes_plist(&vs, NULL, NULL, &xml, &e), &e);
	ASSERT_OK(pl_parse(xml.data, xml.len, "list", &array, &e), &e);
	CU_ASSERT_EQUAL(plist_array_get_size(array), 5);
	ASSERT_OK(pl_string(plist_array_get_item(array, 1), "MountPoint", &s, &e), &e);
	CU_ASSERT_STRING_EQUAL(s, "/");
	ASSERT_OK(pl_string(plist_array_get_item(array, 1), "Role", &s, &e), &e);
	CU_ASSERT_STRING_EQUAL(s, "System");
	plist_free(array);
	buf_release(&xml);
}

TEST_MAIN("boot",
	  {"entitlements are in the executable", entitlements_are_in_the_executable},
	  {"others have none", others_have_none},
	  {"damaged executables are refused", damaged_executables_are_refused},
	  {"firmlinks are read in order", firmlinks_are_read_in_order},
	  {"bad firmlinks are refused", bad_firmlinks_are_refused},
	  {"NVRAM names the system", nvram_names_the_system},
	  {"Recovery on request", recovery_on_request},
	  {"devices and their list", devices_and_list})
