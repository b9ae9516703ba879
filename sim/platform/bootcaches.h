/* SPDX-License-Identifier: MIT */
/*
 * /usr/standalone/bootcaches.plist of a volume: which folders hold kexts, where the
 * prelinked kernel is built and from where it boots (kext_tools bootcaches.c).
 */
#ifndef SIM_PLATFORM_BOOTCACHES_H
#define SIM_PLATFORM_BOOTCACHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

#define BOOTCACHES_DIRS_MAX  16
#define BOOTCACHES_ARCHS_MAX 8
#define BOOTCACHES_PATH_MAX                                                              \
	128 /* BCPATH_MAX: a longer path makes the file unrecognized */

enum bootcaches_kind {
	BOOTCACHES_NONE, /* no kernel cache of any kind */
	BOOTCACHES_MKEXT,
	BOOTCACHES_KERNELCACHE,
};

/* Paths are as in the file: relative to the volume, beginning with "/". All owned. */
struct bootcaches {
	char *root;            /* the volume as it was asked for: "/", "/Volumes/X" */
	enum bootcaches_kind kind;
	unsigned minor;        /* 5 of "Kernelcache v1.5" */
	char *ext_dir[BOOTCACHES_DIRS_MAX]; /* ExtensionsDir: watched */
	size_t n_ext_dirs;
	char *unwatched_dir[BOOTCACHES_DIRS_MAX];
	size_t n_unwatched_dirs;
	char *path;            /* Path: where kextcache builds; NULL when there is none */
	char *read_only_path;  /* ReadOnlyPath: from where it boots; NULL before v1.5 */
	char *kernel_path;     /* KernelPath; NULL with MKext */
	char *kernels_dir;     /* KernelsDir; may be NULL */
	char *booter;          /* EFIBooter; may be NULL */
	char *arch[BOOTCACHES_ARCHS_MAX];
	size_t n_archs;
	bool lzvn;             /* Preferred Compression */
	int64_t mtime;         /* of the file, seconds */
};

/*
 * Read the file of the volume @root. The message is the one Apple's programs print:
 * E_NOTFOUND: "<root>: no /usr/standalone/bootcaches.plist"
 * E_CORRUPT:  "<root>: unrecognized /usr/standalone/bootcaches.plist"
 * E_PERM:     "<root>: /usr/standalone/bootcaches.plist not owned by root; no rebuilds."
 * or
 *             "<root>: /usr/standalone/bootcaches.plist writable by non-root."
 */
int bootcaches_load(const char *root, struct bootcaches *ret, struct err *e) MUST_CHECK;
/* The same from memory, without the checks of the file; @root is only remembered. */
int bootcaches_parse(const char *root, const void *data, size_t len,
		     struct bootcaches *ret, struct err *e) MUST_CHECK;
void bootcaches_release(struct bootcaches *b);

/* "/Volumes/X" and "/Library" to "/Volumes/X/Library", one slash between. E_OVERFLOW. */
int bootcaches_full_path(const struct bootcaches *b, const char *path, char *out,
			 size_t size, struct err *e) MUST_CHECK;

#endif
