/* SPDX-License-Identifier: MIT */
/*
 * The volumes of the Mac's containers, read from the disk before anything is mounted,
 * and the choice of the one to start from.
 */
#ifndef COMPONENTS_BOOT_VOLUMES_H
#define COMPONENTS_BOOT_VOLUMES_H

#include <plist/plist.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"
#include "sim/base/idtext.h"
#include "sim/platform/machine.h"
#include "sim/platform/nvram.h"

#define BOOT_VOLUMES_MAX    32
#define BOOT_CONTAINERS_MAX 3
#define BOOT_PATH_BUF	    1024

struct apfs;
struct apfs_volume;
struct vdisk;

struct boot_container {
	unsigned disk;	       /* the Mac's number of it: 3 is disk3 */
	unsigned partition;    /* of the disk, from 1; 0: the disk is the container */
	uint64_t offset, size; /* bytes, on the disk */
	struct apfs *apfs;     /* opened; NULL after volumes_close_disk */
};

struct boot_volume {
	unsigned container; /* index in struct volumes */
	unsigned disk;	    /* the Mac's number of the container */
	unsigned partition; /* that it is, from 1 */
	unsigned slot;	    /* in the container; the Mac's disk1s(slot + 1) */
	char device[16];    /* "disk1s5" */
	char name[256];
	uint16_t role; /* APFS_ROLE_* */
	char uuid[UUID_TEXT_MAX];
	char group[UUID_TEXT_MAX]; /* "" when in no volume group */
	bool sealed;		   /* its file-system tree is hashed */
	uint64_t root_to_xid;	   /* of the snapshot to root from; 0: none is named */
	bool filevault;		   /* its group has crypto users */
	bool locked;		   /* nobody gave the passphrase yet */
	char carrier_dir[64];	   /* where the carrier mounted it; "" when it did not */
	char mount_point[BOOT_PATH_BUF]; /* in the Mac; "" when not mounted there */
	bool read_only;			 /* there */
	bool joined;			 /* its firmlinks are in place below /Volumes */
};

struct volumes {
	const struct machine_model *machine; /* borrowed; its disk numbers */
	struct vdisk *disk;                  /* opened; NULL after volumes_close_disk */
	struct boot_container container[BOOT_CONTAINERS_MAX];
	size_t n_containers;
	struct boot_volume v[BOOT_VOLUMES_MAX];
	size_t n;
	/* How a volume with a seal is mounted, which the driver cannot; NULL: as others. */
	int (*mount_sealed)(void *ctx, struct boot_volume *v, struct err *e);
	void *mount_ctx;
	struct buf crypto_users; /* CryptoUserInfo.plist of the system's group; may be
				    empty */
};

/* What a start works on; members point into struct volumes. NULL when there is none. */
struct boot_choice {
	bool recovery;
	struct boot_volume *system, *data, *vm, *recovery_volume;
};

/*
 * Read the list from the disk or image @disk: the containers that the machine @m has a
 * number for, which stay open. Release with volumes_release, also after an error. FileVault volumes are
 * locked at first. E_NOTFOUND when there is no main container.
 */
int volumes_read(struct volumes *vs, const char *disk, const struct machine_model *m,
		 struct err *e) MUST_CHECK;
void volumes_release(struct volumes *vs);

/*
 * The System volume that NVRAM names, else the first, and what belongs to it. E_NOTFOUND
 * without a System volume.
 */
int volumes_choose(struct volumes *vs, const struct nvram *nv, struct boot_choice *ret,
		   struct err *e) MUST_CHECK;
/* The same for the System volume @system. */
void volumes_choose_system(struct volumes *vs, struct boot_volume *system,
			   struct boot_choice *ret);

/* It is to be Recovery if NVRAM asks for it. E_NOTFOUND: there is no such volume then. */
int volumes_obey_recovery(const struct nvram *nv, struct boot_choice *c,
			  struct err *e) MUST_CHECK;

/*
 * The disk is read until a volume is mounted for writing: whoever mounts it closes it
 * before.
 */
void volumes_close_disk(struct volumes *vs);

/*
 * Open a state of @v: the snapshot of transaction @xid, or the live one when that is 0.
 * Close it with apfs_volume_close before the disk. E_INVAL when the disk is closed.
 */
int volumes_open(const struct volumes *vs, const struct boot_volume *v, uint64_t xid,
		 struct apfs_volume **ret, struct err *e) MUST_CHECK;

/* Append the file @path of the live state of @v, at most @max bytes. */
int volumes_read_file(const struct volumes *vs, const struct boot_volume *v,
		      const char *path, size_t max, struct buf *out,
		      struct err *e) MUST_CHECK;

/*
 * The volume with @role in the container that the Mac calls @disk; in the volume group
 * @group unless that is NULL. NULL when there is none.
 */
struct boot_volume *volumes_by_role(struct volumes *vs, unsigned disk, uint16_t role,
				    const char *group);

/* By device name, with or without "/dev/". NULL when there is none. */
struct boot_volume *volumes_by_device(struct volumes *vs, const char *device);

/*
 * The running Mac's list (/dev/xnu/volumes.plist) as XML, appended to @out. @add may be
 * NULL; it is called for each volume to say more of it.
 */
int volumes_plist(const struct volumes *vs,
		  void (*add)(void *ctx, const struct boot_volume *v, plist_t dict),
		  void *ctx, struct buf *out, struct err *e) MUST_CHECK;

#endif
