/* SPDX-License-Identifier: MIT */
/* The kernel collections that macOS 11 and later come with. */
#ifndef IMAGES_COLLECTIONS_H
#define IMAGES_COLLECTIONS_H

#include "sim/base/buf.h"
#include "sim/formats/fileset/fileset.h"
#include "sim/platform/machine.h"
#include "sim/platform/release.h"

/* Where things are on the host. */
struct collection_env {
	const char *build_dir;	 /* has system/RELEASE/NAME.kext, Apple's stand-ins */
	const char *system_kext; /* System.kext of the release: kpi_system_kext_write */
};

/* A kext of somebody else's. */
struct collection_kext {
	const char *folder; /* X.kext on the host */
	const char *path;   /* in the Mac: "/Library/Extensions/X.kext" */
};

/*
 * Append the boot collection of @r for @m to @out, which has to be empty: the kernel, the
 * KPIs, and Apple's kexts; for Intel those without which no root volume is mounted.
 * @extra are kexts that go in beside them. The same arguments give the same bytes.
 */
int kc_build_boot(const struct collection_env *env, const struct release *r,
		  const struct machine_model *m, const struct collection_kext *extra,
		  size_t n_extra, struct buf *out, struct err *e) MUST_CHECK;

/* The system collection of an Intel machine: the kexts of Apple's that @boot lacks. */
int kc_build_system(const struct collection_env *env, const struct release *r,
		    const struct machine_model *m, const struct fileset *boot,
		    struct buf *out, struct err *e) MUST_CHECK;

/*
 * An auxiliary collection of @kexts. @system is NULL for Apple silicon, which has none.
 */
int kc_build_aux(const struct collection_env *env, const struct release *r,
		 const struct machine_model *m, const struct fileset *boot,
		 const struct fileset *system, const struct collection_kext *kexts,
		 size_t n_kexts, struct buf *out, struct err *e) MUST_CHECK;

/* Read one that is for @m; fileset.h says what there is to find in it. */
int kc_open(const void *data, size_t len, const struct machine_model *m,
	    struct fileset *ret, struct err *e) MUST_CHECK;

/*
 * Give the name of each of Apple's kexts of @r to @each ("Sandbox.kext"), with its folder
 * on the host: what /System/Library/Extensions holds beside System.kext.
 */
int kc_each_apple_kext(const struct collection_env *env, const struct release *r,
		       int (*each)(void *arg, const char *name, const char *folder,
				   struct err *e),
		       void *arg, struct err *e) MUST_CHECK;
/* The same for the kexts of the folder @dir on the host: its file "kexts" lists them. */
int kc_each_listed_kext(const char *dir,
			int (*each)(void *arg, const char *name, const char *folder,
				    struct err *e),
			void *arg, struct err *e) MUST_CHECK;

#endif
