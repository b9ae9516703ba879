/* SPDX-License-Identifier: MIT */
/* A volume whose prelinked kernel kextd looks after. */
#ifndef COMPONENTS_KEXTD_VOLUME_H
#define COMPONENTS_KEXTD_VOLUME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "components/kextd/watch.h"
#include "sim/base/err.h"
#include "sim/platform/bootcaches.h"

#define KEXTD_MAX_FAILURES 5  /* kMaxUpdateFailures: in a row */
#define KEXTD_MAX_ATTEMPTS 25 /* kMaxUpdateAttempts */

struct kextd_peer;

struct kextd_volume {
	char *root; /* mount point, owned */
	struct bootcaches caches;
	struct watch watch;
	int64_t settle_at_ns;	   /* CLOCK_MONOTONIC; 0: nothing is scheduled */
	pid_t child;		   /* the kextcache that updates it; 0: none */
	struct kextd_peer *owner;  /* of the volume lock; NULL: nobody */
	unsigned failures;	   /* in a row */
	unsigned attempts;	   /* reset by a success after failures */
	int64_t newest_extensions; /* of the folders of kexts, seconds */
};

/*
 * Take the volume mounted on @root. @installer_pid_file is watched as well. E_NOTFOUND,
 * E_CORRUPT and E_PERM as bootcaches_load: then it is none of kextd's.
 */
int kextd_volume_new(const char *root, const char *installer_pid_file,
		     struct kextd_volume **ret, struct err *e) MUST_CHECK;
void kextd_volume_free(struct kextd_volume *v);

/* Read bootcaches.plist again and watch what it says now; @v keeps its descriptor
 * watch.fd only when this fails. */
int kextd_volume_reread(struct kextd_volume *v, const char *installer_pid_file,
			struct err *e) MUST_CHECK;

/* Has bootcaches.plist another time than when it was read? */
bool kextd_volume_caches_changed(const struct kextd_volume *v);

/* Has a folder of kexts changed since the last question? */
bool kextd_volume_extensions_changed(struct kextd_volume *v);

/* Is it being updated, or about to be by somebody who holds its lock? */
bool kextd_volume_is_busy(const struct kextd_volume *v);

/* What kextd gives up for: "failures", "update attempts"; NULL while it does not. */
const char *kextd_volume_has_hit(const struct kextd_volume *v);

/* Count an update that ended with @status, 0 for success. */
void kextd_volume_count(struct kextd_volume *v, int status);

#endif
