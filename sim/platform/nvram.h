/* SPDX-License-Identifier: MIT */
/*
 * The Mac's NVRAM: variables named by GUID and name, on a device of 64 KiB.
 *
 * The device holds two banks (bank.h), so that a power cut leaves the old content whole;
 * its magic is "KLNVRAM1", a record's key is "GUID:name".
 *
 * A device of zeros only is an empty NVRAM, as a new Mac has.
 */
#ifndef SIM_PLATFORM_NVRAM_H
#define SIM_PLATFORM_NVRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

#define NVRAM_SIZE     65536u
#define NVRAM_KEY_MAX  255u /* "GUID:name" */
#define NVRAM_MAX_VARS 512u

struct nvram_var {
	char *key; /* "7C436110-AB2A-4BBB-A880-FE41995C9F82:boot-args" */
	uint8_t *value;
	size_t len;
};

struct nvram {
	struct nvram_var *vars; /* owned, in the order in which they were made */
	size_t n;
	uint64_t sequence; /* of the bank that was read or written last */
};

void nvram_init(struct nvram *nv);
void nvram_release(struct nvram *nv);

/* NULL when there is none. Borrowed until the next change. @key is "GUID:name". */
const struct nvram_var *nvram_get(const struct nvram *nv, const char *key);
/* The variable @name of Apple's GUID, NVRAM_APPLE_GUID. */
const struct nvram_var *nvram_get_apple(const struct nvram *nv, const char *name);

/* Make or replace. E_INVAL for a bad key, E_OVERFLOW when the device would be full. */
int nvram_set(struct nvram *nv, const char *key, const void *value, size_t len,
	      struct err *e) MUST_CHECK;
int nvram_set_apple(struct nvram *nv, const char *name, const void *value, size_t len,
		    struct err *e) MUST_CHECK;
/* True when there was one. */
bool nvram_delete(struct nvram *nv, const char *key);

/*
 * Read the device or file @fd into the initialised @nv, replacing what it held.
 * E_CORRUPT when no bank is valid and the device is not blank; @nv is then empty.
 */
int nvram_load(struct nvram *nv, int fd, struct err *e) MUST_CHECK;
/* Write to the older bank and flush. The file is made NVRAM_SIZE long if shorter. */
int nvram_store(struct nvram *nv, int fd, struct err *e) MUST_CHECK;

/* The same on a file of the host by name; nvram_store_file makes it. */
int nvram_load_file(struct nvram *nv, const char *path, struct err *e) MUST_CHECK;
int nvram_store_file(struct nvram *nv, const char *path, struct err *e) MUST_CHECK;

/*
 * The running Mac's view: one file per variable in @dir (XNU_NVRAM_DIR). From a folder,
 * files whose name is not "GUID:name" are left out.
 */
int nvram_to_dir(const struct nvram *nv, const char *dir, struct err *e) MUST_CHECK;
int nvram_from_dir(struct nvram *nv, const char *dir, struct err *e) MUST_CHECK;

#endif
