/* SPDX-License-Identifier: MIT */
/*
 * FileVault, modelled: the volume's blocks are not encrypted, but a plist on the
 * Preboot volume says that the volume group is, and who may unlock it. On a Mac this
 * file lists the cryptographic users, and the wrapped keys are in the volume's keybag;
 * here it also holds a salted PBKDF2-HMAC-SHA256 of the passphrase to check against.
 */
#ifndef SIM_PLATFORM_FILEVAULT_H
#define SIM_PLATFORM_FILEVAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/buf.h"

/* Below the folder of the volume group on Preboot: /<group uuid>/var/db/... */
#define FILEVAULT_PREBOOT_PATH "var/db/CryptoUserInfo.plist"

#define FILEVAULT_FILE_MAX 65536

/* Append the plist (XML) for one user to @out. The salt follows from @user: a disk's
 * bytes depend on its spec alone. */
int filevault_make(const char *user, const char *passphrase, struct buf *out,
		   struct err *e) MUST_CHECK;

/*
 * Does @passphrase belong to a user of the plist? E_CORRUPT when it is not one of ours.
 * No file at all means that FileVault is off.
 */
int filevault_check(const void *plist, size_t len, const char *passphrase, bool *ret_ok,
		    struct err *e) MUST_CHECK;

#endif
