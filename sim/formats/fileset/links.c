/* SPDX-License-Identifier: MIT */
/* Do the collections belong together? (OSKext::validateKCFileSetUUID, OSKext.cpp) */
#include <string.h>

#include "sim/formats/fileset/fileset.h"

static int check_key(const struct fileset *f, const char *key,
		     const uint8_t found[UUID_LEN], const uint8_t expected[UUID_LEN],
		     struct err *e)
{
	char have[UUID_TEXT_MAX], want[UUID_TEXT_MAX], own[UUID_TEXT_MAX];

	if (!memcmp(found, expected, UUID_LEN))
		return 0;
	uuid_text(found, have);
	uuid_text(expected, want);
	uuid_text(f->kcid, own);
	return err_set(e, E_CORRUPT, "UUID from key:%s %s != expected %s (KC UUID: %s)",
		       key, have, want, own);
}

int fileset_check_links(const struct fileset *f, const uint8_t boot[UUID_LEN],
			const uint8_t *pageable, struct err *e)
{
	int r;

	if (!f->has_boot_kcid)
		return err_set(e, E_CORRUPT, "the collection has no _BootKCID");
	r = check_key(f, "_BootKCID", f->boot_kcid, boot, e);
	if (!r && pageable && f->has_pageable_kcid)
		r = check_key(f, "_PageableKCID", f->pageable_kcid, pageable, e);
	return r;
}

int fileset_check_system(const struct fileset *f, const uint8_t boot[UUID_LEN],
			 struct err *e)
{
	char own[UUID_TEXT_MAX], against[UUID_TEXT_MAX], loaded[UUID_TEXT_MAX];

	if (f->has_boot_kcid && !memcmp(f->boot_kcid, boot, UUID_LEN))
		return 0;
	uuid_text(f->kcid, own);
	uuid_text(f->boot_kcid, against);
	uuid_text(boot, loaded);
	return err_set(e, E_CORRUPT,
		       "System KC UUID %s linked against %s, but %s is loaded", own,
		       against, loaded);
}
