/* SPDX-License-Identifier: MIT */
/* kextcache's command line (kextcache_main.c readArgs). */
#ifndef COMPONENTS_KEXTCACHE_OPTIONS_H
#define COMPONENTS_KEXTCACHE_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "components/kextcache/kextcache.h"

#define KC_ARGS_MAX  256
#define KC_ARCHS_MAX 8
#define KC_SYSTEM_DIRS 6

/* BRUpdateOpts_t (bootroot_internal.h). */
enum kc_update_opt {
	KC_UPDATE_FORCE = 1 << 0,
	KC_UPDATE_CACHES_ONLY = 1 << 1,
	KC_UPDATE_HELPERS_OPTIONAL = 1 << 2,
	KC_UPDATE_EXPECT_UP_TO_DATE = 1 << 3,
	KC_UPDATE_EARLY_BOOT = 1 << 4,
	KC_UPDATE_INVALIDATE = 1 << 5,
	KC_UPDATE_ANY_ROOT = 1 << 6,
};

struct kc_options {
	unsigned required_repositories; /* -l -n -s: bits of enum kext_required */
	unsigned required_all;          /* -L -N -S */
	bool system_caches, low_priority, diagnostics, no_authentication;
	bool all_loaded, all_personalities, no_link_failures;
	bool compress, uncompress, clear_staging, prune_staging;
	bool has_plk, default_plk;      /* default_plk: no file name was given */
	bool has_kernel;
	const char *not_modelled;       /* the first option given that is not */
	unsigned update_opts;
	const char *update_volume;      /* -u, -U, -i: NULL for none */
	const char *volume_root;        /* -volume-root, or "/" with default_plk */
	char plk[PATH_MAX], plk_dir[PATH_MAX];
	char kernel[PATH_MAX];
	const char *arch[KC_ARCHS_MAX]; /* names of NXGetArchInfoFromName */
	size_t n_archs;
	const char *id[KC_ARGS_MAX];    /* -b */
	size_t n_ids;
	const char *arg[KC_ARGS_MAX];   /* folders and kexts, in order */
	size_t n_args;
	char system_dir[KC_SYSTEM_DIRS][PATH_MAX];
	size_t n_system_dirs;           /* that many of arg, in front, are system_dir */
};

/*
 * Parse. Returns 0 (EX_OK) or the exit status; *ret_help says that -h was there, with
 * the help printed and status 0. Messages and usage go to @w->log, whose level -v sets.
 * @o points into @argv. Changes the order of @argv, as getopt does.
 */
int kc_options_parse(struct kc_options *o, struct kc_world *w, int argc, char **argv,
		     bool *ret_help);

/* Do they go together? (checkArgs) Fills in defaults. 0 or an exit status. */
int kc_options_check(struct kc_options *o, struct kc_world *w);

void kc_usage(const struct component_log *log, bool full);

/* Is argument @i a bundle (*.kext)? The others are folders of bundles. */
bool kc_arg_is_kext(const struct kc_options *o, size_t i);
/* Is @path (NULL too) the volume of the running system? */
bool kc_is_root_volume(const struct kc_world *w, const char *path);

#endif
