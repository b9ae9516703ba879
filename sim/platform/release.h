/* SPDX-License-Identifier: MIT */
/*
 * Releases: one row per macOS build. Every difference between releases that
 * matters here is a field of the row; no code asks for a release by name.
 * Host and guest hold the same table: a component learns its own row from the
 * ProductBuildVersion of the system volume it runs from, as on a Mac the build
 * determines which binaries are there.
 */
#ifndef SIM_PLATFORM_RELEASE_H
#define SIM_PLATFORM_RELEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/nearest.h"

/* A build of the kernel and when it was built, as its banner says. */
struct release_kernel {
	const char *build; /* "RELEASE_ARM64_T6000": struct machine_model's kernel */
	const char *date;  /* "Sun Nov 28 20:28:41 PST 2021" */
};

/* com.apple.filesystems.apfs: N of each "function:N:" in the log, lines of its sources.
 */
struct release_apfs {
	const char *version; /* "1933.61.1" */
	const char *date;    /* "2021/11/30" */
	unsigned module_start, promoter_locked, rooting, log_mount, snapshot_mount;
	unsigned auth_required_osx, auth_required, authenticated;
	/* The panic when there is no root snapshot: line, and does it name the snapshot?
	 */
	unsigned no_root_snapshot;
	bool names_root_snapshot;
};

/* com.apple.security.AppleImage4; @date NULL: not known, the kernel's is taken. */
struct release_image4 {
	const char *version; /* "4.2.0" */
	const char *source;  /* "157.60.2~361" */
	const char *date;
};

#define RELEASE_KERNELS_MAX 3

struct release {
	const char *name;	     /* what scenarios say: "10.15.0", "10.15-b5" */
	const char *product_version; /* SystemVersion.plist: "10.15" */
	const char *build;	     /* ProductBuildVersion: "19A583" */
	const char *darwin;	     /* "19.0.0": version of the KPI bundles */
	const char *xnu;	     /* "6153.11.26" */
	const char *kext_tools; /* "623.11.5", part of the source paths in messages */
	const char *tree;	/* folder of images/trees with its files: "catalina" */
	int64_t date; /* seconds since 1970: mtime of its files, default clock */

	const char *xnu_tag; /* of the banner when it is not @xnu: "8019.61.5~1" */
	struct release_kernel
		kernel[RELEASE_KERNELS_MAX]; /* up to the first without name */
	struct release_apfs apfs;
	struct release_image4 image4;
	const char *iboot;	      /* "7429.61.2"; NULL before Apple silicon */
	const char *kernelmanagement; /* "262.60.4"; NULL when there is kextd */
	const char *corecrypto;	      /* com.apple.kec.corecrypto: "12.0" */
	uint32_t csr_flags; /* SIP flags that the kernel knows (CSR_VALID_FLAGS) */

	bool sealed_system;	 /* System volume has a seal (11 on) */
	bool snapshot_root;	 /* / is a snapshot of it */
	bool kernel_collections; /* MH_FILESET; else a prelinked kernel */
	bool pageable_kc;	 /* Intel: SystemKernelExtensions.kc beside the boot KC */
	bool paired_recovery;	 /* Apple silicon: a recoveryOS for each system (12) */
	bool kcditto_to_preboot; /* kcditto copies the KCs; else bless does */
	bool system_read_only;	   /* System volume mounted read-only (10.15 on) */
	bool staged_kernel; /* kextcache stages on Data, kcditto copies at shutdown */
	/*
	 * The predicate of the shutdown bug: does the APFS kext let the holder of
	 * com.apple.private.apfs.mount-root-writeable-at-shutdown remount the system
	 * volume read-write during shutdown while SIP is on?
	 */
	bool honours_shutdown_remount;
	unsigned apfs_mount_line; /* N of "apfs_vfsop_mount:N:" */
	struct { /* source lines in messages of rosp_staging.m, kcditto_main.m */
		unsigned file_error, move_error, copy_error, standalone_error;
	} rosp;
};

/* NULL when there is none. */
const struct release *release_by_name(const char *name);
const struct release *release_by_build(const char *build);
/* Names for error messages: a hint behind "unknown release '@name'", see nearest_hint. */
const char *release_hint(const char *name, char out[static NEAREST_HINT_MAX]);
/* The rows, oldest first; NULL from the end of the table. */
const struct release *release_at(size_t i);

struct machine_model;
#define RELEASE_BANNER_MAX 256 /* xnu's version[] */
/*
 * The first line that the kernel of @r prints on @m: "Darwin Kernel Version 21.2.0: Sun
 * Nov 28 20:28:41 PST 2021; root:xnu-8019.61.5~1/RELEASE_ARM64_T6000". When its build is
 * not in the row, the date is that of the release.
 */
void release_kernel_banner(const struct release *r, const struct machine_model *m,
			   char out[static RELEASE_BANNER_MAX]);
/* "Darwin Image4 Validator Version 4.2.0: ...; root:AppleImage4-...". Needs r->image4. */
void release_image4_banner(const struct release *r, const struct machine_model *m,
			   char out[static RELEASE_BANNER_MAX]);
/* Behind "apfs_module_start:N: load: ": "com.apple.filesystems.apfs, v1933.61.1, ..." */
void release_apfs_banner(const struct release *r, char out[static RELEASE_BANNER_MAX]);
/* A LocalPolicy's "love" of this build: 21C52 is "21.3.52.0.0,0". */
void release_love(const struct release *r, char out[static RELEASE_BANNER_MAX]);

#endif
