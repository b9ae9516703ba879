/* SPDX-License-Identifier: MIT */
/* The reader of the NVRAM device and the parser of rootless.conf on any bytes. */
#define _GNU_SOURCE /* memfd_create */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "sim/platform/nvram_bank.h"
#include "sim/platform/rootless.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bank 0 with a checksum that is right, so that the records are reached. */
static void fuzz_records(const uint8_t *data, size_t size)
{
	struct bank_raw h = {.magic = NVRAM_MAGIC,
				   .length = to_le32((uint32_t)size)};
	struct err e = ERR_INIT;
	struct nvram nv;
	int fd = memfd_create("nvram", MFD_CLOEXEC);
	uLong crc = crc32(0, (const uint8_t *)&h, offsetof(struct bank_raw, crc));

	if (fd < 0)
		abort();
	h.crc = to_le32((uint32_t)crc32(crc, data, (uInt)size));
	if (ftruncate(fd, NVRAM_SIZE) || pwrite(fd, &h, sizeof(h), 0) != sizeof(h) ||
	    pwrite(fd, data, size, sizeof(h)) != (ssize_t)size)
		abort();
	nvram_init(&nv);
	if (!nvram_load(&nv, fd, &e) && nvram_store(&nv, fd, &e))
		abort(); /* what was read can be written */
	nvram_release(&nv);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rootless_conf c;
	struct err e = ERR_INIT;

	if (size <= NVRAM_BANK_RECORDS_MAX)
		fuzz_records(data, size);
	if (!rootless_parse(&c, (const char *)data, size, &e))
		rootless_nearest(&c, "/System/Library/Extensions/a", true);
	rootless_release(&c);
	return 0;
}
