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
#include "sim/platform/secureboot/localpolicy.h"

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
	/* Host folder with kernel and extensions of a real Mac (own_system.h); NULL:
	 * stand-ins */
	const char *system;
	const char *system_name;     /* NULL: "Macintosh HD" */
	enum volume_order order;
	const char *filevault_user;  /* NULL: FileVault off */
	const char *filevault_passphrase;
	uint64_t sleepimage_mib; /* size of /private/var/vm/sleepimage; 0: none */
	const struct disk_kext *kexts;
	size_t n_kexts;
	/* Host bundles that the user has approved before; NULL: those of @kexts. */
	const char *const *approved;
	size_t n_approved;
	/*
	 * What the owner set before the first boot: SIP's flags, and on Apple silicon, where
	 * those are part of the LocalPolicy, the level that lets them be.
	 */
	uint32_t csr;
	enum sb_level security;
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

/* Below the build folder: the keys that sign what boots a Mac (secureboot/keys.h). */
#define IMAGE_KEYS "cache/keys"

/* The machine of @spec. */
const struct machine_model *disk_machine(const struct disk_spec *spec);

/* Files of the cache; a run works on overlays and copies of them. */
struct image_base {
	char disk[IMAGE_PATH_MAX]; /* raw, sparse */
	char chip[IMAGE_PATH_MAX]; /* see secureboot/chip.h; "": nothing on it is signed */
	bool built;                /* now; else the cache had it */
};

/*
 * The base disk for @spec, built now if the cache does not hold it. Two processes may ask
 * at the same time; one builds, the other waits.
 * E_INFRA: libguestfs or a needed file is missing. E_NOSPC: host disk full. E_UNSUPPORTED:
 * the release does not run on the machine. E_INVAL: a policy that cannot be.
 */
int image_base_disk(const struct image_env *env, const struct disk_spec *spec,
		    struct image_base *ret, struct err *e) MUST_CHECK;

/* What is added to the name of a disk for that of the chip that it was signed for. */
#define IMAGE_CHIP_SUFFIX ".chip"

/* Is there a chip (or a root of trust that stands in for one) beside the disk of @spec? */
bool image_has_chip(const struct disk_spec *spec);

/*
 * Build the disk of @spec into the new file @path, without the cache, and beside it the
 * chip, @path with IMAGE_CHIP_SUFFIX.
 */
int image_build_disk(const struct image_env *env, const struct disk_spec *spec,
		     const char *path, struct err *e) MUST_CHECK;

/*
 * Write the NVRAM of the Mac of @spec before its first start: its SIP flags, unless they
 * are in a LocalPolicy, and on Apple silicon the system to start.
 */
int image_build_nvram(const struct disk_spec *spec, const char *path,
		      struct err *e) MUST_CHECK;

/*
 * Install the release of @spec over itself or an older one that was sealed, as Recovery
 * does: @disk (raw or qcow2) and the file @chip are those of a Mac that is off. System gets the content of a new disk, a new
 * seal and its snapshot, which is rooted from again; what boots it is signed anew; the
 * recoveryOS is written anew. Data stays, and so do other snapshots, the users of
 * FileVault and what the owner set in the LocalPolicy. @time_ns (since 1970): when it
 * happens. Each container is changed at once; when it fails between two of them, or its
 * process is killed, it is to be repeated.
 */
int image_reinstall(const struct image_env *env, const struct disk_spec *spec,
		    const char *disk, const char *chip, int64_t time_ns,
		    struct err *e) MUST_CHECK;

/*
 * What an update from @from to @spec->release brings to the system volume: a tar
 * archive of the files that differ, with Mac paths without the leading slash, to be
 * unpacked over the old system. Its prelinked kernel holds Apple's kexts only. Appends to
 * @out. E_UNSUPPORTED: @spec->release is sealed, see image_reinstall; or the system is
 * one that a user brought, of which there is no next version.
 */
struct buf;
int image_update_archive(const struct image_env *env, const struct disk_spec *spec,
			 const struct release *from, struct buf *out,
			 struct err *e) MUST_CHECK;

#endif
