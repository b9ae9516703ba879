/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The policy's maps: filled by boot (sip.h), read by the BPF programs.
 *
 * Files are known by device and inode, so a name, a link, a bind mount or a chroot
 * makes no difference. Devices are in the kernel's encoding, SIP_DEV().
 */
#ifndef SIM_CARRIER_SIP_MAPS_H
#define SIM_CARRIER_SIP_MAPS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define SIP_DEV(major, minor) ((__u32)(major) << 20 | (__u32)(minor))

#define SIP_MARKS_MAX        16384
#define SIP_ENTITLED_MAX     512
#define SIP_CLASSES_MAX      64
#define SIP_VARIABLE_MAX     64 /* of an NVRAM key or a name in /dev/xnu, with the NUL */

struct sip_inode {
	__u64 ino;
	__u32 dev;
	__u32 pad; /* zero: part of the key */
};

/* Kinds of marks; of the first two the nearest above a path decides. */
#define SIP_RESTRICTED 1u /* writable by entitlement only */
#define SIP_EXCEPTION  2u /* not protected */
#define SIP_NOUNLINK   4u /* holds something restricted: stays where it is (SF_NOUNLINK) \
			   */

struct sip_mark {
	__u32 kind;    /* bits */
	__u32 pad;
	__u64 classes; /* bit of the storage class, or 0 */
};

/* What an executable on the system volume is entitled to. */
#define SIP_ENT_INSTALL        1u /* com.apple.rootless.install */
#define SIP_ENT_SHUTDOWN_MOUNT                                                           \
	2u /* com.apple.private.apfs.mount-root-writeable-at-shutdown */

struct sip_entitlements {
	__u32 bits;
	__u32 pad;
	__u64 classes; /* com.apple.rootless.storage.*, bits as in struct sip_mark */
};

/* What it takes to write a variable or to own a name in /dev/xnu. */
struct sip_name_rule {
	__u32 csr_any;      /* one of these flags allowed, or */
	__u32 entitlements; /* one of these held, or nobody */
};

struct sip_name {
	char name[SIP_VARIABLE_MAX]; /* zero-padded */
};

struct sip_config {
	__u32 armed; /* 0: nothing applies yet */
	__u32 csr;   /* effective flags, csr_effective() */
	__u32 shutting_down;
	__u32 honours_shutdown_remount;
	__u32 console_dev;
	__u32 root_dev; /* of the volume that is the Mac's root */
	__u32 xnu_dev;  /* of the tmpfs at /dev/xnu */
	__u32 carrier_dev; /* of the initramfs: who runs from there is not the Mac yet */
	__u64 console_ino; /* the pipe that is launchd's standard output */
	__u64 nvram_ino;   /* the folder /dev/xnu/nvram */
	/* Lines of the Mac's kernel, whole or to be followed by a path. */
	char remount_refused[128];
	char allowing_script[96];
	char allowing_process[96];
};

#endif
