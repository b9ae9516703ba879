/* SPDX-License-Identifier: MIT */
/*
 * The disk of a simulated Mac: a GPT with one or several APFS containers (images/layout.h),
 * and beside it the NVRAM.
 *
 * Base disks are built once per content and kept in a cache; runs work on qcow2
 * overlays of them and never change a base disk.
 */
#ifndef IMAGES_DISK_H
#define IMAGES_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/platform/machine.h"
#include "sim/platform/release.h"

/* Where the Mac's history put the volumes (docs/fidelity.md): System is disk1s5 or disk1s1. */
enum volume_order {
	VOLUME_ORDER_UPGRADED, /* Data, Preboot, Recovery, VM, System */
	VOLUME_ORDER_CLEAN,    /* System, Data, Preboot, Recovery, VM */
};

/* A kext that is installed, and linked into the kernel, before the first boot. */
struct disk_kext {
	const char *bundle; /* host folder, ".../X.kext" */
	const char *folder; /* Mac folder it goes into; NULL: /Library/Extensions */
	const char *name;   /* what it is called there; NULL: as on the host */
};

struct disk_spec {
	const struct release *release;
	const struct machine_model *machine; /* NULL: "intel". The release must run on it */
	const char *system_name;     /* NULL: "Macintosh HD" */
	enum volume_order order;
	const char *filevault_user;  /* NULL: FileVault off */
	const char *filevault_passphrase;
	uint64_t sleepimage_mib; /* size of /private/var/vm/sleepimage; 0: none */
	const struct disk_kext *kexts;
	size_t n_kexts;
};

struct image_env {
	const char *source_dir; /* the source tree: images/trees is below it */
	const char *build_dir;  /* "build": guest programs, carrier and caches are below it */
	/* Called with what is being done ("partition table", "system volume", ...); may be NULL. */
	void (*progress)(void *ctx, const char *what);
	void *progress_ctx;
	/* Asked now and then with progress_ctx: give up with E_CANCELED? May be NULL. */
	bool (*stopped)(void *ctx);
};

#define IMAGE_PATH_MAX 4096

/* The machine of @spec. */
const struct machine_model *disk_machine(const struct disk_spec *spec);

/*
 * Path of the base disk (raw, sparse) for @spec, built now if the cache does not
 * hold it. Two processes may ask at the same time; one builds, the other waits.
 * *ret_built (may be NULL) says whether it was built now.
 * E_INFRA: libguestfs or a needed file is missing. E_NOSPC: host disk full.
 */
int image_base_disk(const struct image_env *env, const struct disk_spec *spec,
		    char ret_path[static IMAGE_PATH_MAX], bool *ret_built,
		    struct err *e) MUST_CHECK;

/* Build the disk of @spec into the new file @path, without the cache. */
int image_build_disk(const struct image_env *env, const struct disk_spec *spec,
		     const char *path, struct err *e) MUST_CHECK;

/* Write the NVRAM of a Mac as it leaves the factory, with @csr in csr-active-config. */
int image_build_nvram(const char *path, uint32_t csr, struct err *e) MUST_CHECK;

/*
 * What an update from @from to @spec->release brings to the system volume: a tar
 * archive of the files that differ, with Mac paths without the leading slash, to be
 * unpacked over the old system. Its prelinked kernel holds Apple's kexts only. Appends to
 * @out.
 */
struct buf;
int image_update_archive(const struct image_env *env, const struct disk_spec *spec,
			 const struct release *from, struct buf *out,
			 struct err *e) MUST_CHECK;

#endif
