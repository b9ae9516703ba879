/* SPDX-License-Identifier: MIT */
/*
 * Parts of boot in the virtual machine: guest_main.c takes boot's place in the carrier,
 * and each line that it prints is one assertion here.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/base/idtext.h"
#include "sim/base/test.h"
#include "sim/formats/apfs/writer.h"
#include "sim/platform/machine.h"
#include "sim/vm/test/vm_fixture.h"
#include "sim/vm/vm.h"

#define GUEST	  "build/guest-test/bootparts"
#define BOOT_TIME (INT64_C(1640000000) * 1000000000)

static struct err e;
static struct {
	unsigned passed, failed;
} lines;

#define SKIP_WITHOUT_VM()                                                                \
	do {                                                                             \
		const char *missing_ = fixture_missing_for(GUEST);                       \
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

/* ---- volumes ---- */

#define IMAGE_TIME  (INT64_C(1637520000) * 1000000000)
#define CONTAINER   (600ull << 20)
#define LARGE_BYTES (32u << 20)
#define HURT_BYTES  50000u

static struct {
	char path[4096];
	struct apfs_sealed sealed;
} image;

static void add(struct fs_tree *t, const char *path, uint32_t mode, const void *data,
		size_t len)
{
	ASSERT_OK(fs_tree_file(t, path, mode, data, len, NULL, &e), &e);
}

static void fill_tree(struct fs_tree *t)
{
	static uint8_t large[LARGE_BYTES], hurt[HURT_BYTES];
	struct fs_node *n;
	char path[64];

	for (size_t i = 0; i < LARGE_BYTES; i++)
		large[i] = (uint8_t)(i * 2654435761u >> 15);
	memset(hurt, 'h', sizeof(hurt));
	add(t, "/large", 0644, large, sizeof(large));
	add(t, "/hurt", 0644, hurt, sizeof(hurt));
	add(t, "/secret", 0600, "s", 1);
	add(t, "/System/file", 0644, "f", 1);
	ASSERT_OK(fs_tree_file(t, "/linked", 0644, hurt, 20000, &n, &e), &e);
	ASSERT_OK(fs_node_set_xattr(n, "com.apple.rootless", "Test", 4, &e), &e);
	ASSERT_OK(fs_tree_hardlink(t, "/Folder/again", n, &e), &e);
	ASSERT_OK(fs_tree_symlink(t, "/link", "Folder/again", NULL, &e), &e);
	ASSERT_OK(fs_tree_mkdir(t, "/mnt", 0755, NULL, &e), &e);
	ASSERT_OK(fs_tree_mkdir(t, "/tmp", 0755, NULL, &e), &e);
	ASSERT_OK(fs_tree_mkdir(t, "/Library/empty", 0700, NULL, &e), &e);
	for (int i = 0; i < 60; i++) {
		snprintf(path, sizeof(path), "/Library/%c/%d/file %d", "abc"[i % 3],
			 i % 4, i);
		add(t, path, 0644, path, strlen(path));
	}
	for (int i = 0; i < 2; i++)
		ASSERT_OK(fs_tree_host_file(t, i ? "/bin/installer" : "/bin/busybox",
					    0755, "/bin/busybox", NULL, &e),
			  &e);
}

static int take_sealed(void *ctx, size_t index, const struct apfs_sealed *s,
		       struct err *err)
{
	(void)ctx;
	(void)index;
	(void)err;
	image.sealed = *s;
	return 0;
}

/* A sealed System volume with a snapshot of its root hash. */
static void make_image(void)
{
	struct fs_tree tree;
	struct apfs_volume_spec volume = {.name = "Macintosh HD",
					  .role = APFS_ROLE_SYSTEM,
					  .uuid = {0xaa, 1},
					  .tree = &tree,
					  .sealed = true,
					  .snapshot = APFS_SNAPSHOT_OF_ROOT_HASH};
	struct apfs_container_spec spec = {.size = CONTAINER,
					   .uuid = {0xcc, 2},
					   .time_ns = IMAGE_TIME,
					   .volumes = &volume,
					   .n_volumes = 1,
					   .sealed = take_sealed};
	int fd;

	snprintf(image.path, sizeof(image.path), "%s/image", test_tmpdir());
	ASSERT_OK(fs_tree_init(&tree, IMAGE_TIME, &e), &e);
	fill_tree(&tree);
	fd = open(image.path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	CU_ASSERT_FATAL(fd >= 0);
	ASSERT_OK(apfs_write(fd, 0, &spec, &e), &e);
	close(fd);
	fs_tree_release(&tree);
}

/* Change a byte of the first block of the image that is full of 'h': of /hurt. */
static void hurt_image(void)
{
	int fd = open(image.path, O_RDWR | O_CLOEXEC);
	uint8_t block[4096], want[4096];
	uint64_t at = 0;

	memset(want, 'h', sizeof(want));
	do {
		at += sizeof(block);
		ASSERT_OK(fsio_pread_all(fd, block, sizeof(block), at, image.path, &e),
			  &e);
	} while (memcmp(block, want, sizeof(want)) != 0);
	ASSERT_OK(fsio_pwrite_all(fd, "x", 1, at, image.path, &e), &e);
	close(fd);
}

static void run_on_image(const char *what, const char *arg, unsigned min_passed)
{
	struct vm_config cfg = {.n_disks = 1, .mem_mib = 512, .cold = true};
	char mode[160];

	cfg.disks[0] = (struct vm_disk){.path = image.path, .format = "raw"};
	snprintf(mode, sizeof(mode), "%s %s", what, arg);
	run(&cfg, mode);
	CU_ASSERT_TRUE(lines.passed >= min_passed);
	if (lines.passed < min_passed)
		fprintf(stderr, "      %u passed\n", lines.passed);
}

static void serves_the_sealed_root(void)
{
	char hash[65];

	SKIP_WITHOUT_VM();
	make_image();
	hurt_image();
	hex_text(image.sealed.root_hash, 32, hash);
	run_on_image("sealed-root", hash, 20);
}

static void applies_what_changed(void)
{
	SKIP_WITHOUT_VM();
	make_image();
	run_on_image("overlay", "1", 19);
}

static void protects_by_number(void)
{
	SKIP_WITHOUT_VM();
	make_image();
	run_on_image("policy", "-", 20);
}

static void measures(void)
{
	SKIP_WITHOUT_VM();
	if (!getenv("V"))
		TEST_SKIP("only shown with V=1");
	make_image();
	run_on_image("speed", "-", 4);
}

TEST_MAIN("boot-parts", {"cores come up cluster by cluster", cores_come_up},
	  {"a VM with fewer cores says so", fewer_cores_than_the_machine_has},
	  {"a sealed root is served", serves_the_sealed_root},
	  {"changes on an overlay are applied", applies_what_changed},
	  {"SIP protects files by their numbers", protects_by_number},
	  {"speed", measures})
