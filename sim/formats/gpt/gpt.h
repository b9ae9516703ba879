/* SPDX-License-Identifier: MIT */
/*
 * GUID partition tables (UEFI Specification 2.10, chapter 5), read only. Both
 * checksums are verified; the backup table at the end of the disk is used when the
 * primary one is damaged.
 */
#ifndef SIM_FORMATS_GPT_H
#define SIM_FORMATS_GPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/formats/vdisk/vdisk.h"

/* Types of partitions that hold an APFS container. The second and third: Apple silicon. */
#define GPT_TYPE_APFS	       "7C3457EF-0000-11AA-AA11-00306543ECAC"
#define GPT_TYPE_APFS_ISC      "69646961-6700-11AA-AA11-00306543ECAC" /* iBoot's */
#define GPT_TYPE_APFS_RECOVERY "52637672-7900-11AA-AA11-00306543ECAC"

#define GPT_TYPE_ESP "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"

#define GPT_NAME_MAX (36 * 3 + 1) /* 36 UTF-16 units as UTF-8 */
#define GPT_GUID_MAX 37           /* "7C3457EF-0000-...", upper case, with NUL */

struct gpt_part {
	unsigned number; /* from 1, as in disk0s2 */
	char type[GPT_GUID_MAX];
	char guid[GPT_GUID_MAX];
	char name[GPT_NAME_MAX];
	uint64_t offset; /* bytes */
	uint64_t size;   /* bytes */
	uint64_t attributes;
};

struct gpt {
	char guid[GPT_GUID_MAX];
	uint32_t sector_size; /* 512 or 4096 */
	bool from_backup;     /* the primary table was damaged */
	struct gpt_part *parts; /* owned; only the used entries, by number */
	size_t n_parts;
};

/*
 * Read the table of @d (borrowed). Release *ret with gpt_release. E_NOTFOUND when
 * there is no table at all, E_CORRUPT when neither copy is intact.
 */
int gpt_read(struct vdisk *d, struct gpt *ret, struct err *e) MUST_CHECK;
void gpt_release(struct gpt *g);

/* The first partition of @type at or behind position @from; NULL when there is none. */
const struct gpt_part *gpt_find(const struct gpt *g, const char *type, size_t from);

#endif
