/* SPDX-License-Identifier: MIT */
/*
 * kextcache: builds the prelinked kernel of a volume (kext_tools-623 kextcache_main.c).
 * The program is kextcache_run with the world of a running Mac; tests give it another.
 */
#ifndef COMPONENTS_KEXTCACHE_KEXTCACHE_H
#define COMPONENTS_KEXTCACHE_KEXTCACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/component_log.h"
#include "sim/base/err.h"
#include "sim/platform/release.h"
#include "sim/platform/waits.h"

/* Exit codes beside those of <sysexits.h> (kextcache_main.h). */
#define KC_EXIT_STALE 4

/* ELAST + 1 of a Mac: Apple's "no error set yet", which shows in one message. */
#define KC_ELAST_PLUS_1 107

/* The names of what it passes to the copy of itself that it starts. */
#define KC_ENV_LOG_FILTER "KEXT_LOG_FILTER_USER"
#define KC_ENV_SKIP_LOCKS "_com_apple_kextd_skiplocks"

/* What surrounds a run. All borrowed. */
struct kc_world {
	const char *root;          /* the running system: "/" */
	const char *csr_config;    /* XNU_CSR_CONFIG */
	const char *anchors; /* PATH_ANCHORS; NULL: signatures are not looked at */
	const char *loaded_kexts;  /* XNU_LOADED_KEXTS */
	const char *kextd_socket;  /* XNU_KEXTD_SOCKET */
	const char *syspolicy_socket; /* XNU_SYSPOLICY_SOCKET */
	const char *data_mount; /* PATH_DATA_MOUNT: decides about the deferred update */
	const char *self;          /* "/usr/sbin/kextcache": what -u starts */
	const struct release *running;
	struct waits waits;
	bool locks_held; /* KC_ENV_SKIP_LOCKS is set: an outer kextcache has them */
	bool spawned_by_kextd;     /* handed on to the builder */
	enum clog_level
		least_level; /* KC_ENV_LOG_FILTER: what an outer program wants to know */
	struct component_log *log; /* messages; max is changed by -v and -q */
	struct component_log *out; /* what goes to stdout whatever the level is */
};

/* Returns the exit status. */
int kextcache_run(struct kc_world *w, int argc, char **argv);

#endif
