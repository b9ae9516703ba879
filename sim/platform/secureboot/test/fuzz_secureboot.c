/* SPDX-License-Identifier: MIT */
/* What is read before there is a kernel: a chip's device, LocalPolicies, boot-volume. */
#define _GNU_SOURCE /* memfd_create */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "sim/platform/bank.h"
#include "sim/platform/secureboot/chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bank 0 with a checksum that is right, so that the records are reached. */
static void fuzz_chip(const uint8_t *data, size_t size)
{
	struct bank_raw h = {.magic = "KLCHIP01", .length = to_le32((uint32_t)size)};
	int fd = memfd_create("chip", MFD_CLOEXEC);
	uLong crc = crc32(0, (const uint8_t *)&h, offsetof(struct bank_raw, crc));
	struct sb_chip c;

	if (fd < 0)
		abort();
	h.crc = to_le32((uint32_t)crc32(crc, data, (uInt)size));
	if (ftruncate(fd, SB_CHIP_SIZE) || pwrite(fd, &h, sizeof(h), 0) != sizeof(h) ||
	    pwrite(fd, data, size, sizeof(h)) != (ssize_t)size)
		abort();
	sb_chip_init(&c);
	if (!sb_chip_load(&c, fd, NULL) && sb_chip_store(&c, fd, NULL))
		abort(); /* what was read can be written */
	sb_chip_release(&c);
	close(fd);
}

static void fuzz_policy(const uint8_t *data, size_t size)
{
	static const uint8_t digest[IMG4_DIGEST_LEN];
	struct img4_chip chip = {.chip = 0x8103};
	struct lp_expect x = {.chip = &chip, .root = {data, size}, .lpnh = digest};
	struct local_policy p;
	char text[256];
	struct img4 f;

	if (lp_verify(data, size, &x, &p, NULL) == IMG4_OK)
		abort(); /* nobody has the key */
	if (lp_parse(data, size, &f, &p, NULL))
		return;
	for (size_t i = 0; i < LP_N_FIELDS; i++)
		lp_value_text(&p, (enum lp_field)i, text, sizeof(text));
	(void)!lp_consistent(&p, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char group[UUID_TEXT_MAX];

	if (size <= BANK_ROOM(SB_CHIP_SIZE))
		fuzz_chip(data, size);
	fuzz_policy(data, size);
	if (!sb_boot_volume_parse((const char *)data, size, group, NULL) &&
	    strlen(group) != UUID_TEXT_MAX - 1)
		abort();
	return 0;
}
