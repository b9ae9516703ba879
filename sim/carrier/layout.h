/* SPDX-License-Identifier: MIT */
/* Places inside the initramfs, known to the host that writes it and to init. */
#ifndef SIM_CARRIER_LAYOUT_H
#define SIM_CARRIER_LAYOUT_H

/*
 * Kernel modules, named in the order of loading: 00-virtio.ko ... What is in the first
 * folder is loaded before `ready`, and so before a template is taken; the second only
 * on the request `boot`, because its drivers read the disks.
 */
#define CARRIER_MODULES_EARLY "/lib/modules/early"
#define CARRIER_MODULES_LATE  "/lib/modules/late"

/* Serves a volume of the disk on a folder (components/apfs); boot starts it. */
#define CARRIER_APFS "/sbin/apfs"

/* The tree of the Mac is put together below it. */
#define CARRIER_MAC_DIR "/mac"

/* Serial port of the Mac's console, and of the carrier's own messages. */
#define CARRIER_TTY_CONSOLE "/dev/ttyS0"
#define CARRIER_TTY_LOG     "ttyS1"

/* First line of the stamp that ci/deps.sh leaves; there it is called format. */
#define CARRIER_STAMP_FORMAT "format 1\n"

#define CARRIER_DISK  "/dev/vda"
#define CARRIER_NVRAM "/dev/vdb"
#define CARRIER_CHIP  "/dev/vdc" /* of machines that have such a store */

#endif
