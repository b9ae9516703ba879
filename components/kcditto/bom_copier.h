/* SPDX-License-Identifier: MIT */
/*
 * The one use that kext_tools makes of Apple's BOMCopier: copy a file into a folder
 * with its data, owner, mode, extended attributes and modification time.
 *
 * BOMCopier is closed. Modelled: it writes a temporary file ".BC.T_" + 6 characters in
 * the folder (such left-overs are known from interrupted installations) and renames it,
 * so that a copy that fails half-way leaves the old file as it was. Nothing is synced.
 */
#ifndef COMPONENTS_KCDITTO_BOM_COPIER_H
#define COMPONENTS_KCDITTO_BOM_COPIER_H

#include <stdbool.h>

#define BOM_TEMP_PREFIX ".BC.T_"

/* What the user of a copier is told; @error is an errno. All three must be there. */
struct bom_copier {
	/* @path cannot be read: there is nothing to copy. */
	void (*fatal_file_error)(void *arg, int error, const char *path);
	/* Something that belongs to no file. */
	void (*fatal_error)(void *arg, const char *text);
	/* @path cannot be written. */
	void (*file_error)(void *arg, int error, const char *path);
	void *arg;
};

/*
 * Copy the regular file or symbolic link @src into the folder @dst_dir under its own
 * name. Returns 0, or 1 after a handler was called.
 */
int bom_copy(const struct bom_copier *c, const char *src, const char *dst_dir);

#endif
