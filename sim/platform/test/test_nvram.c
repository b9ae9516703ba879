/* SPDX-License-Identifier: MIT */
/* NVRAM on its device: round trip, power cuts, damage. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/nvram.h"
#include "sim/platform/paths.h"

#define CSR  NVRAM_APPLE_GUID ":csr-active-config"
#define BANK (NVRAM_SIZE / 2)

static char path[512];

static const char *device(void)
{
	snprintf(path, sizeof(path), "%s/nvram.bin", test_tmpdir());
	unlink(path);
	return path;
}

static void set_text(struct nvram *nv, const char *name, const char *value)
{
	struct err e = ERR_INIT;

	ASSERT_OK(nvram_set_apple(nv, name, value, strlen(value), &e), &e);
}

static bool is_text(const struct nvram *nv, const char *name, const char *value)
{
	const struct nvram_var *v = nvram_get_apple(nv, name);

	return v && v->len == strlen(value) && !memcmp(v->value, value, v->len);
}

static void comes_back(void)
{
	struct nvram nv, back;
	struct err e = ERR_INIT;

	nvram_init(&nv);
	nvram_init(&back);
	ASSERT_OK(nvram_set(&nv, CSR, "\x77\0\0\0", 4, &e), &e);
	set_text(&nv, "boot-args", "-v");
	set_text(&nv, "empty", "");
	set_text(&nv, "boot-args", "-v debug=0x144");
	ASSERT_OK(nvram_store_file(&nv, device(), &e), &e);
	ASSERT_OK(nvram_load_file(&back, path, &e), &e);
	CU_ASSERT_EQUAL(back.n, 3);
	CU_ASSERT_EQUAL(nvram_get(&back, CSR)->len, 4);
	CU_ASSERT_EQUAL(memcmp(nvram_get(&back, CSR)->value, "\x77\0\0\0", 4), 0);
	CU_ASSERT_TRUE(is_text(&back, "boot-args", "-v debug=0x144"));
	CU_ASSERT_TRUE(is_text(&back, "empty", ""));
	CU_ASSERT_TRUE(nvram_delete(&back, CSR));
	CU_ASSERT_FALSE(nvram_delete(&back, CSR));
	CU_ASSERT_PTR_NULL(nvram_get(&back, CSR));
	nvram_release(&nv);
	nvram_release(&back);
}

static void blank_device_is_empty(void)
{
	static const char zeros[NVRAM_SIZE];
	struct nvram nv;
	struct err e = ERR_INIT;

	nvram_init(&nv);
	ASSERT_OK(fsio_write_atomic(device(), zeros, sizeof(zeros), 0644, &e), &e);
	ASSERT_OK(nvram_load_file(&nv, path, &e), &e);
	CU_ASSERT_EQUAL(nv.n, 0);
	ASSERT_OK(fsio_write_atomic(path, zeros, 100, 0644, &e), &e);
	ASSERT_FAILS(nvram_load_file(&nv, path, &e), E_CORRUPT);
}

static void overwrite(off_t off, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(pwrite(fd, data, len, off), (ssize_t)len);
	close(fd);
}

/* Store "1", "2", "3" in turn: the newest is then in bank 0, "2" in bank 1. */
static void store_three(void)
{
	struct nvram nv;
	struct err e = ERR_INIT;

	nvram_init(&nv);
	device();
	for (int i = 1; i <= 3; i++) {
		char text[2] = {(char)('0' + i), 0};

		set_text(&nv, "turn", text);
		ASSERT_OK(nvram_store_file(&nv, path, &e), &e);
		CU_ASSERT_EQUAL(nv.sequence, i);
	}
	nvram_release(&nv);
}

static void half_written_bank_leaves_the_old_content(void)
{
	struct nvram nv;
	struct err e = ERR_INIT;

	nvram_init(&nv);
	store_three();
	ASSERT_OK(nvram_load_file(&nv, path, &e), &e);
	CU_ASSERT_TRUE(is_text(&nv, "turn", "3"));
	overwrite(20, "torn", 4);
	ASSERT_OK(nvram_load_file(&nv, path, &e), &e);
	CU_ASSERT_TRUE(is_text(&nv, "turn", "2"));
	/* The next store goes over the torn bank, not over the good one. */
	set_text(&nv, "turn", "4");
	ASSERT_OK(nvram_store_file(&nv, path, &e), &e);
	overwrite(BANK, "torn", 4);
	ASSERT_OK(nvram_load_file(&nv, path, &e), &e);
	CU_ASSERT_TRUE(is_text(&nv, "turn", "4"));
	overwrite(0, "torn", 4);
	ASSERT_FAILS(nvram_load_file(&nv, path, &e), E_CORRUPT);
	CU_ASSERT_EQUAL(nv.n, 0);
	nvram_release(&nv);
}

/* Every single bit of the newest bank that flips is noticed. */
static void every_flipped_bit_is_noticed(void)
{
	struct nvram nv;
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	size_t used;

	nvram_init(&nv);
	store_three();
	ASSERT_OK(fsio_read(path, NVRAM_SIZE, &b, &e), &e);
	used = 24 + 6 + strlen(NVRAM_APPLE_GUID ":turn") + 1;
	for (size_t bit = 0; bit < used * 8; bit++) {
		uint8_t byte = (uint8_t)(b.data[bit / 8] ^ 1 << bit % 8);

		overwrite((off_t)(bit / 8), &byte, 1);
		ASSERT_OK(nvram_load_file(&nv, path, &e), &e);
		CU_ASSERT_TRUE(is_text(&nv, "turn", "2"));
		overwrite((off_t)(bit / 8), &b.data[bit / 8], 1);
	}
	buf_release(&b);
	nvram_release(&nv);
}

static void bad_keys_are_refused(void)
{
	static const char *const bad[] = {
		"", "boot-args", NVRAM_APPLE_GUID, NVRAM_APPLE_GUID ":",
		NVRAM_APPLE_GUID ":a/b", "7c436110-AB2A-4BBB-A880-FE41995C9F82:x",
		"7C436110+AB2A-4BBB-A880-FE41995C9F82:x"};
	struct nvram nv;
	struct err e = ERR_INIT;

	nvram_init(&nv);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ASSERT_FAILS(nvram_set(&nv, bad[i], "x", 1, &e), E_INVAL);
	CU_ASSERT_EQUAL(nv.n, 0);
}

static void full_device_refuses_and_keeps(void)
{
	struct nvram nv, back;
	struct err e = ERR_INIT;
	uint8_t *big = calloc(1, BANK);
	/* Exactly what a bank holds beside the header, the record's header and key. */
	size_t room = BANK - 24 - 6 - strlen(NVRAM_APPLE_GUID ":big");

	nvram_init(&nv);
	nvram_init(&back);
	CU_ASSERT_PTR_NOT_NULL_FATAL(big);
	ASSERT_FAILS(nvram_set_apple(&nv, "big", big, room + 1, &e), E_OVERFLOW);
	ASSERT_OK(nvram_set_apple(&nv, "big", big, room, &e), &e);
	ASSERT_FAILS(nvram_set_apple(&nv, "b", "", 0, &e), E_OVERFLOW);
	ASSERT_OK(nvram_set_apple(&nv, "big", big, room, &e), &e);
	ASSERT_OK(nvram_store_file(&nv, device(), &e), &e);
	ASSERT_OK(nvram_load_file(&back, path, &e), &e);
	CU_ASSERT_EQUAL(nvram_get_apple(&back, "big")->len, room);
	free(big);
	nvram_release(&nv);
	nvram_release(&back);
}

static void folder_round_trip(void)
{
	char dir[512], other[560];
	struct nvram nv, back;
	struct err e = ERR_INIT;

	nvram_init(&nv);
	nvram_init(&back);
	snprintf(dir, sizeof(dir), "%s/nvram", test_tmpdir());
	ASSERT_OK(fsio_mkdirs(dir, 0755, &e), &e);
	set_text(&nv, "boot-args", "-v");
	ASSERT_OK(nvram_set(&nv, CSR, "\x77\0\0\0", 4, &e), &e);
	ASSERT_OK(nvram_to_dir(&nv, dir, &e), &e);
	snprintf(other, sizeof(other), "%s/not-a-variable", dir);
	ASSERT_OK(fsio_write_atomic(other, "x", 1, 0644, &e), &e);
	ASSERT_OK(nvram_from_dir(&back, dir, &e), &e);
	CU_ASSERT_EQUAL(back.n, 2);
	CU_ASSERT_TRUE(is_text(&back, "boot-args", "-v"));
	CU_ASSERT_EQUAL(nvram_get(&back, CSR)->len, 4);
	nvram_release(&nv);
	nvram_release(&back);
}

TEST_MAIN("nvram", {"variables come back", comes_back},
	  {"a blank device is empty, a short one is not", blank_device_is_empty},
	  {"a half-written bank leaves the old content",
	   half_written_bank_leaves_the_old_content},
	  {"every flipped bit is noticed", every_flipped_bit_is_noticed},
	  {"bad keys are refused", bad_keys_are_refused},
	  {"a full device refuses and keeps", full_device_refuses_and_keeps},
	  {"to a folder and back", folder_round_trip})
