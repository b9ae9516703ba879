/* SPDX-License-Identifier: MIT */
/* What the running kernel knows of the root that it mounted (root.c). */
#ifndef COMPONENTS_BOOT_ROOT_MOUNT_H
#define COMPONENTS_BOOT_ROOT_MOUNT_H

#include "components/boot/sealed_root.h"
#include "sim/carrier/layout.h"
#include "sim/formats/apfs/reader.h"
#include "sim/formats/apfs/seal.h"
#include "sim/platform/secureboot/ssv.h"

/* Where the carrier has the served root. */
#define ROOT_SERVED_DIR CARRIER_MAC_DIR "/system"

struct rooted {
	char snapshot[APFS_NAME_BUF]; /* "": the live state */
	uint64_t xid, sblock;         /* of the snapshot; 0: the live state */
	bool sealed, broken;          /* what is rooted from */
	uint8_t root_hash[APFS_SEAL_HASH_LEN];
	struct ssv_need need;
	bool need_auth;             /* the root hash had to be the signed one */
	const char *rootauth_panic; /* FSIOC_KERNEL_ROOTAUTH's verdict; NULL: good */
	struct sealed_root server;
};

#endif
