/* SPDX-License-Identifier: MIT */
/* One build of a prelinked kernel, shared by the files create*.c. */
#ifndef COMPONENTS_KEXTCACHE_CREATE_INTERNAL_H
#define COMPONENTS_KEXTCACHE_CREATE_INTERNAL_H

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

#include "components/kextcache/choose.h"
#include "components/kextcache/lock.h"
#include "components/kextcache/options.h"
#include "sim/base/buf.h"
#include "sim/formats/prelink/pack.h"
#include "sim/platform/bootcaches.h"

struct creation {
	struct kc_world *w;
	const struct kc_options *o;
	const char *plk_name;      /* the last part of o->plk */
	int dir_fd, plk_fd, kernel_fd;
	struct stat plk, kernel;   /* as they were opened */
	bool placeholder;          /* the file at plk is empty, ours to remove */
	struct kc_lock lock;
	struct timespec dir_mtime; /* of the newest repository at the start */
	struct buf packed;
};

/* Say it as an error and return @status. */
int kc_fail(const struct kc_world *w, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* bootcaches.plist of the volume that is built for; not 0 when it cannot be used. */
int kc_volume_caches(const struct kc_world *w, const struct kc_options *o,
		     struct bootcaches *b);
enum prelink_compression kc_compression(const struct kc_world *w,
					const struct kc_options *o);
struct timespec kc_newest_folder(const struct kc_options *o);

/* The steps; each returns an exit status. */
int kc_check_sip(const struct creation *c);
int kc_build(struct creation *c, struct kc_kexts *kexts);
int kc_write_out(struct creation *c);

#endif
