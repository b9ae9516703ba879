/* SPDX-License-Identifier: MIT */
/*
 * Manifests: what is on a volume, a line per file, in the manner of mtree(5).
 *
 *	/set uid=0 gid=0 mode=0755          defaults for the lines below
 *	/include other.mtree                lines of another manifest
 *	/root /prefix                       paths below count from there
 *	/path type=dir|file|link|hardlink|firmlink [keyword=value ...]
 *
 * keywords: mode (octal), uid, gid, link (target of a link, hardlink or firmlink),
 * contents:
 *	file:NAME      files/NAME beside a manifest
 *	template:NAME  the same, with @NAME@ replaced by the variables of the caller
 *	guest:NAME     a program of the guest, build/guest/NAME
 *	host:/PATH     a file of the build host
 *	gen:WHAT       made by the caller's generate function
 * @NAME@ in a path and behind /include is replaced as well. '#' starts a comment line.
 *
 * Manifests and files are looked for in a list of folders, of which the first that has
 * one counts: a release says only how it differs from the one before it.
 */
#ifndef IMAGES_MANIFEST_H
#define IMAGES_MANIFEST_H

#include "sim/base/err.h"
#include "sim/formats/fstree/fstree.h"

struct manifest_var {
	const char *name, *value;
};

struct manifest_env {
	const char *const *dirs;         /* of manifests, the most particular first; ends with NULL */
	const char *guest_dir;           /* build/guest */
	const struct manifest_var *vars; /* ends with a NULL name */
	/* Fill in what "contents=gen:@what" stands for at @path; @mode is for files. */
	int (*generate)(void *ctx, const char *what, struct fs_tree *t, const char *path,
			uint32_t mode, struct err *e);
	void *ctx;
};

/* Add the lines of the manifest @name to @t. E_SCHEMA with file:line for a bad line. */
int manifest_load(struct fs_tree *t, const struct manifest_env *env, const char *name,
		  struct err *e) MUST_CHECK;

#endif
