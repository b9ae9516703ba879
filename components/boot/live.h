/* SPDX-License-Identifier: MIT */
/*
 * The sealed System volumes while the Mac runs: their snapshots, the seal of their live
 * state, and what is done to both.
 *
 * All volumes of a container share their bookkeeping, and the driver has the container
 * mounted for Data and others, so nothing of this can be written meanwhile. Changes of
 * files go to an overlay in memory; snapshots that are made, deleted or tagged are a list
 * of operations. The lists below are always as they will be when all of it is written,
 * which pending.h does when nothing is mounted any more.
 */
#ifndef COMPONENTS_BOOT_LIVE_H
#define COMPONENTS_BOOT_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "components/boot/overlay.h"
#include "components/boot/sealed_root.h"
#include "components/boot/volumes.h"
#include "sim/formats/apfs/reader.h"
#include "sim/formats/apfs/seal.h"

#define LIVE_VOLUMES_MAX   4
#define LIVE_SNAPSHOTS_MAX 64
#define LIVE_OPS_MAX	   64
#define LIVE_DIR_MAX	   64
#define LIVE_REVERTS_MAX   8
#define LIVE_UPPER_MAX	   96 /* the folder of an overlay, and a name in it */

enum live_seal { LIVE_UNSEALED, LIVE_SEALED, LIVE_BROKEN };
/* "no", "yes", "broken". */
const char *live_seal_name(enum live_seal s);

struct live_snapshot {
	char name[APFS_NAME_BUF];
	char uuid[UUID_TEXT_MAX]; /* "": it has none */
	uint64_t xid;
	enum live_seal seal;
	bool pending; /* not on the disk: xid and uuid are what they may become */
};

enum live_op_kind { LIVE_CREATE, LIVE_DELETE, LIVE_ROOT, LIVE_REVERT };

struct live_op {
	enum live_op_kind kind;
	char name[APFS_NAME_BUF];
	/* LIVE_CREATE: what the overlay held then; "": nothing had changed since the last
	 * such operation, or since the state below. */
	char upper[LIVE_UPPER_MAX];
	enum live_seal seal; /* LIVE_CREATE: of the state below the overlay */
};

struct live_volume {
	struct boot_volume *v; /* borrowed */
	enum live_seal seal;   /* of the state below the overlay */
	uint64_t next_xid;
	struct live_snapshot *snapshot; /* owned; LIVE_SNAPSHOTS_MAX */
	size_t n_snapshots;
	uint64_t root_xid; /* tagged as the one to root from; 0: none */
	struct live_op *op; /* owned; LIVE_OPS_MAX */
	size_t n_ops;
	/*
	 * What the live state is made of: a state of the disk, the live one or, after a
	 * revert, a snapshot; and an overlay, when it was mounted. Overlays of before a
	 * revert are kept for the sake of what was saved there.
	 */
	char below[APFS_NAME_BUF]; /* name of the snapshot; "": the live state */
	struct sealed_root server; /* of the state below */
	struct overlay overlay;
	struct overlay old[LIVE_REVERTS_MAX];
	size_t n_old;
	struct timespec saved; /* when the overlay had changed last, as it was saved */
};

struct live {
	struct live_volume *volume; /* owned; LIVE_VOLUMES_MAX */
	size_t n;
	bool may_write; /* the live states can be changed; set before anything is mounted */
	void (*log)(void *ctx, const char *line); /* of the servers */
	void *ctx;
};

/* Read what is on the disk, which is open. Release with live_release in any case. */
int live_read(struct live *l, struct volumes *vs, struct err *e) MUST_CHECK;
void live_release(struct live *l);

/* NULL when @v is not sealed. */
struct live_volume *live_of(const struct live *l, const struct boot_volume *v);

/* Mount the live state in the carrier, with an overlay if it can be changed: struct
 * volumes' mount_sealed. */
int live_mount(void *live, struct boot_volume *v, struct err *e) MUST_CHECK;
/* Unmount it in the carrier; changes stay. E_BUSY when it is in use. */
int live_unmount(struct live_volume *lv, struct err *e) MUST_CHECK;
/* Unmount all; changes stay until live_release. Reports the first error. */
int live_unmount_all(struct live *l, struct err *e) MUST_CHECK;

/* Was a file changed? */
bool live_has_changed(const struct live_volume *lv);
/* Is that in none of the states that were saved for snapshots? */
bool live_has_unsaved(const struct live_volume *lv);
/* The seal of the live state, changes counted in. */
enum live_seal live_seal(const struct live_volume *lv);

const struct live_snapshot *live_find(const struct live_volume *lv, const char *name);

/*
 * Operations. E_EXISTS, E_NOTFOUND, E_INVAL (a name that is none), E_OVERFLOW (too many
 * operations), E_PERM (deleting the one that is tagged). Revert: E_BUSY while the live
 * state is mounted or in use, or when the snapshot is not on the disk yet; changes of files
 * that no snapshot has are lost.
 */
int live_create(struct live_volume *lv, const char *name, struct err *e) MUST_CHECK;
int live_delete(struct live_volume *lv, const char *name, struct err *e) MUST_CHECK;
/* "": none is tagged. */
int live_tag_root(struct live_volume *lv, const char *name, struct err *e) MUST_CHECK;
int live_revert(struct live_volume *lv, const char *name, struct err *e) MUST_CHECK;

#endif
