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

struct release {
	const char *name;            /* what scenarios say: "10.15.0", "10.15-b5" */
	const char *product_version; /* SystemVersion.plist: "10.15" */
	const char *build;           /* ProductBuildVersion: "19A583" */
	const char *darwin;          /* "19.0.0": version of the KPI bundles */
	const char *xnu;             /* "6153.11.26" */
	const char *kext_tools;      /* "623.11.5", part of the source paths in messages */
	const char *tree;            /* folder of images/trees with its files: "catalina" */
	int64_t date;                /* seconds since 1970: mtime of its files, default clock */

	bool system_read_only;       /* System volume mounted read-only (10.15 on) */
	bool staged_kernel;          /* kextcache stages on Data, kcditto copies at shutdown */
	/*
	 * The predicate of the shutdown bug: does the APFS kext let the holder of
	 * com.apple.private.apfs.mount-root-writeable-at-shutdown remount the system
	 * volume read-write during shutdown while SIP is on?
	 */
	bool honours_shutdown_remount;
	unsigned apfs_mount_line;    /* N of "apfs_vfsop_mount:N:" */
	struct {                     /* source lines in messages of rosp_staging.m, kcditto_main.m */
		unsigned file_error, move_error, copy_error, standalone_error;
	} rosp;
};

/* NULL when there is none. */
const struct release *release_by_name(const char *name);
const struct release *release_by_build(const char *build);
/* Names for error messages: a hint behind "unknown release '@name'", see nearest_hint. */
const char *release_hint(const char *name, char out[static NEAREST_HINT_MAX]);

#endif
