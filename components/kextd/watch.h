/* SPDX-License-Identifier: MIT */
/*
 * Watching paths, also those that do not exist yet (notify_monitor_file of kextd). A
 * folder has changed when an entry came or went or when it was touched, not when
 * something happened inside one of its entries.
 */
#ifndef COMPONENTS_KEXTD_WATCH_H
#define COMPONENTS_KEXTD_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/err.h"

#define WATCH_PATHS_MAX 32

struct watched_path {
	char *path; /* owned */
	int wd;	    /* of the path, or of its nearest ancestor while it is missing */
	bool missing;
};

struct watch {
	int fd; /* inotify; readable when something may have changed; -1 when closed */
	struct watched_path path[WATCH_PATHS_MAX];
	size_t n_paths;
};

#define WATCH_INIT                                                                       \
	{                                                                                \
		.fd = -1                                                                 \
	}

int watch_open(struct watch *w, struct err *e) MUST_CHECK;
void watch_close(struct watch *w);
/* Watch one more. E_OVERFLOW above WATCH_PATHS_MAX. */
int watch_add(struct watch *w, const char *path, struct err *e) MUST_CHECK;

/*
 * Take all events that there are. Returns one of the paths that have changed (borrowed
 * from @w), or NULL if none has.
 */
const char *watch_drain(struct watch *w);

#endif
