/* SPDX-License-Identifier: MIT */
/*
 * How the disk of a Mac is divided: partitions, containers, volumes. All of it is data;
 * a Mac with another disk is another row.
 *
 * Sizes are modelled: partitions begin at 1 MiB of 512-byte sectors, and a container is as
 * large (and sparse) as its number of volumes asks for, see APFS_BYTES_PER_VOLUME.
 */
#ifndef IMAGES_LAYOUT_H
#define IMAGES_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "images/disk.h"
#include "sim/base/idtext.h"

#define VOLUME_NAME_MAX       256 /* with its NUL */
#define LAYOUT_PARTITIONS_MAX 3
#define LAYOUT_CONTAINERS_MAX 3
#define LAYOUT_VOLUMES_MAX    8

/* Every volume that some Mac has. */
enum volume {
	VOLUME_SYSTEM,
	VOLUME_DATA,
	VOLUME_PREBOOT,
	VOLUME_RECOVERY,
	VOLUME_VM,
	VOLUME_UPDATE,
	/* the iBoot system container of Apple silicon */
	VOLUME_ISC_PREBOOT,
	VOLUME_ISC_XART,
	VOLUME_ISC_HARDWARE,
	VOLUME_ISC_RECOVERY,
	/* its Recovery container: the system's recoveryOS */
	VOLUME_SFR_RECOVERY,
	VOLUME_SFR_UPDATE,
	VOLUME_MAX
};

struct volume_kind {
	const char *manifest;
	const char *label; /* for people; the volume's UUID follows from it */
	const char *name;  /* NULL: the user's choice, see volume_name */
	uint16_t role;     /* APFS_ROLE_* */
	bool in_group;     /* of System and Data */
};

extern const struct volume_kind volume_kinds[VOLUME_MAX];

struct gpt_slot {
	const char *name, *type, *guid;
	uint64_t offset, size; /* bytes */
};

/* A partition table; partition i of the disk is slot[i - 1]. */
struct gpt_scheme {
	const char *name; /* of the file in the cache: change it when the scheme changes */
	const char *guid; /* of the disk */
	struct gpt_slot slots[LAYOUT_PARTITIONS_MAX];
	size_t n_slots;
};

struct disk_container {
	unsigned partition;  /* that it lies in, from 1 */
	enum volume uuid_of; /* its UUID is derived from that volume's */
	enum volume volumes[LAYOUT_VOLUMES_MAX]; /* volume i of the container is [i] */
	size_t n_volumes;
};

struct disk_layout {
	const struct gpt_scheme *gpt;
	/*
	 * In the order in which they are written: that with System first, because what its
	 * seal turns out to be is signed, and the signatures are kept in others.
	 */
	struct disk_container containers[LAYOUT_CONTAINERS_MAX];
	size_t n_containers;
	const char *data_suffix; /* of the Data volume's name behind System's; NULL: it is "Data" */
};

/*
 * The disk of the machine, release and history of @spec. E_UNSUPPORTED: the release does
 * not run on that machine.
 */
int disk_layout(const struct disk_spec *spec, const struct disk_layout **ret,
		struct err *e) MUST_CHECK;

/* Is there such a volume on the disk? */
bool layout_has(const struct disk_layout *l, enum volume v);

const struct gpt_slot *layout_partition(const struct disk_layout *l,
					const struct disk_container *c);

/* Where the disk ends, the backup of its partition table included; bytes. */
uint64_t gpt_scheme_disk_size(const struct gpt_scheme *s);

/* The name of the volume @v. E_INVAL when the user's name leaves no room for it. */
int volume_name(const struct disk_layout *l, enum volume v, const char *system_name,
		char out[static VOLUME_NAME_MAX], struct err *e) MUST_CHECK;

/* UUIDs follow from the volume's kind, so that a disk's bytes depend on its spec alone. */
int volume_uuid(enum volume v, uint8_t out[static UUID_LEN], struct err *e) MUST_CHECK;

#endif
