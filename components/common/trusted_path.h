/* SPDX-License-Identifier: MIT */
/*
 * rootless_check_trusted(3) and rootless_check_trusted_class(3): is a path of the running
 * system one that SIP's rules protect? The answer is that of the rules; whether SIP is on
 * is another question (sim/platform/csr.h).
 */
#ifndef COMPONENTS_COMMON_TRUSTED_PATH_H
#define COMPONENTS_COMMON_TRUSTED_PATH_H

#include <stdbool.h>

#include "sim/base/err.h"
#include "sim/platform/rootless.h"

/* com.apple.rootless as the file system of the Mac's carrier shows it. */
#define TRUSTED_PATH_XATTR "osx." ROOTLESS_XATTR

struct trusted_paths {
	const char *root;	  /* of the running system, "/"; borrowed */
	struct rootless_conf conf; /* owned */
};

/* Read rootless.conf below @root. Release with trusted_paths_release, also after an error. */
int trusted_paths_load(struct trusted_paths *t, const char *root, struct err *e) MUST_CHECK;
void trusted_paths_release(struct trusted_paths *t);

/*
 * Does a rule protect @path, which need not exist? With a @class only if its holders and
 * the installer are the ones who may write there; NULL: whoever they are. What lies outside
 * of the root is not protected.
 */
bool trusted_path(const struct trusted_paths *t, const char *path, const char *class_);

/* @path without the root of the running system: "/x"; NULL when it lies outside. */
const char *trusted_path_inside(const char *root, const char *path);

#endif
