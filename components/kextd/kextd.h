/* SPDX-License-Identifier: MIT */
/*
 * kextd (kext_tools kextd_main.c, kextd_watchvol.c): sees that something changed which a
 * prelinked kernel is made from, has it rebuilt by kextcache, and holds off a reboot
 * while that goes on.
 *
 * One thread, one epoll; every wait is a timer. The parts: volume.c and watch.c what is
 * watched, update.c what follows from a change, locks.c what clients ask, kextd.c the
 * loop that drives them.
 */
#ifndef COMPONENTS_KEXTD_KEXTD_H
#define COMPONENTS_KEXTD_KEXTD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "components/kextd/volume.h"
#include "components/kextd/watch.h"
#include "components/oskext/repository.h"
#include "sim/base/component_log.h"
#include "sim/base/err.h"
#include "sim/platform/waits.h"

#define KEXTD_PEERS_MAX	  64
#define KEXTD_VOLUMES_MAX 16

struct kextd_options {
	const char *volumes;		/* XNU_VOLUMES */
	const char *boot_args;		/* XNU_BOOT_ARGS */
	const char *proc;		/* XNU_PROC_DIR */
	const struct oskext_world *os;	/* of loads for others */
	const char *csr_config;		/* XNU_CSR_CONFIG */
	int listener; /* the service's port, from launchd; taken over */
	const char *kextcache;		/* "/usr/sbin/kextcache" */
	const char *installer_pid_file; /* KEXTD_INSTALLER_PID */
	bool install_environment;	/* KEXTD_INSTALL_ENV is set */
	struct waits waits;
	const struct component_log *log;
	int child_output; /* where kextcache writes; -1: nowhere */
};

#define KEXTD_INSTALL_ENV   "__OSINSTALL_ENVIRONMENT"
#define KEXTD_INSTALLER_PID "/private/var/run/installd.commit.pid"

enum kextd_waiting { WAITING_NOT, WAITING_FOR_VOLUME, WAITING_FOR_REBOOT };

/* A connection; it owns the locks that it took. */
struct kextd_peer {
	int fd; /* -1: free slot */
	pid_t pid;
	unsigned uid;
	uint64_t since; /* order of those who wait */
	enum kextd_waiting waiting;
	struct kextd_volume *wanted; /* with WAITING_FOR_VOLUME */
};

struct kextd {
	const struct kextd_options *o;			/* borrowed */
	struct kextd_volume *volume[KEXTD_VOLUMES_MAX]; /* owned */
	size_t n_volumes;
	struct kextd_peer peer[KEXTD_PEERS_MAX];
	struct kextd_peer *rebooter; /* holds the reboot lock; NULL: nobody */
	uint64_t next_ticket;
	int64_t ready_at_ns; /* the end of the blind time after boot */
	struct watch mounts; /* of the list of volumes */
	int epoll, signals, timer, listener;
};

/* Serve until SIGTERM. E_IO when the socket cannot be made, and the like. */
int kextd_run(const struct kextd_options *o, struct err *e) MUST_CHECK;

/* --- kextd.c ------------------------------------------------------------------- */

/* Have the loop look at @fd. */
int kextd_poll(struct kextd *k, int fd, struct err *e) MUST_CHECK;

/* --- update.c ------------------------------------------------------------------ */

/* Something of @v changed: wait until it has settled, unless the Mac is still booting. */
void kextd_schedule(struct kextd *k, struct kextd_volume *v);
/* Act on what has settled. Returns when the next one will have; 0: none. */
int64_t kextd_run_due(struct kextd *k);
/* Start kextcache if the volume is out of date. True when it was started. */
bool kextd_check_rebuild(struct kextd *k, struct kextd_volume *v);
/* Reap what has ended. */
void kextd_reap(struct kextd *k);

/* --- load.c -------------------------------------------------------------------- */

/* The reply to @c, who asks for a kext to be loaded. NULL: no memory. */
json_t *kextd_load_reply(const struct kextd *k, const struct kextd_peer *c,
			 const json_t *request);

/* --- locks.c ------------------------------------------------------------------- */

/* Read one request of @c, act, reply (perhaps later). */
void kextd_serve(struct kextd *k, struct kextd_peer *c);
/* @v is no longer there: who waits for it is told so. */
void kextd_volume_gone(struct kextd *k, struct kextd_volume *v);
/* Volumes may have become free: grant what can be granted. For the loop alone. */
void kextd_retry_waiters(struct kextd *k);

#endif
