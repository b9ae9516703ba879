/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/kextcache/update.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "components/common/spawn.h"
#include "components/kextcache/choose.h"
#include "components/kextcache/freshness.h"
#include "components/kextcache/lock.h"
#include "components/kextd/protocol.h"
#include "sim/base/fsio.h"

#define CACHE_DIR_MODE 0755

/* How the builder of today's kernel ended: its exit status, or -1 if it did not start. */
static int run_builder(const struct kc_world *w, const struct kc_rebuild *cmd)
{
	char filter[64], spawned[] = KEXTD_SPAWNED_ENV "=",
			 locks[] = KC_ENV_SKIP_LOCKS "=1";
	char *env[4] = {filter}, **next = &env[1];
	struct spawn_request rq = {
		.program = w->self,
		.argv = cmd->argv,
		.env = env,
		.out = {.fd = STDOUT_FILENO},
		.err = {.fd = STDERR_FILENO},
	};
	struct err e = ERR_INIT;
	pid_t child;
	int st;

	snprintf(filter, sizeof(filter), KC_ENV_LOG_FILTER "=0x%x",
		 (unsigned)w->log->max);
	if (w->locks_held)
		*next++ = locks;
	if (w->spawned_by_kextd)
		*next++ = spawned;
	if (spawn_process(&rq, &child, &e)) {
		clog_say(w->log, CLOG_ERROR, "Error %s", e.msg);
		return -1;
	}
	while (waitpid(child, &st, 0) < 0)
		if (errno != EINTR)
			return -1;
	st = WIFEXITED(st) ? WEXITSTATUS(st) : EX_SOFTWARE;
	clog_say(w->log, st ? CLOG_ERROR : CLOG_DETAIL,
		 "Child process %s[%d] exited with "
		 "status %d.",
		 w->self, (int)child, st);
	return st;
}

static int make_cache_folder(const struct kc_world *w, const struct bootcaches *b)
{
	char dir[PATH_MAX], *slash;
	struct err e = ERR_INIT;

	if (bootcaches_full_path(b, b->path, dir, sizeof(dir), &e))
		return EX_SOFTWARE;
	slash = strrchr(dir, '/');
	*slash = '\0';
	if (!fsio_mkdirs(dir, CACHE_DIR_MODE, &e))
		return EX_OK;
	clog_say(w->log, CLOG_ERROR, "failed to create cache folder %s.", dir);
	return e.sys_errno == EPERM ? EX_NOPERM : e.sys_errno ? e.sys_errno : EX_SOFTWARE;
}

static int rebuild(const struct kc_world *w, const struct bootcaches *b)
{
	bool all_loaded = kc_is_root_volume(w, b->root);
	struct kc_rebuild cmd;
	struct err e = ERR_INIT;
	int status;

	if (kc_rebuild_command(b, all_loaded, &cmd, &e)) {
		clog_say(w->log, CLOG_ERROR,
			 "Data error before rebuild of primary kext cache");
		return EX_SOFTWARE;
	}
	status = make_cache_folder(w, b);
	if (!status)
		status = run_builder(w, &cmd);
	kc_rebuild_release(&cmd);
	return status < 0 ? EX_OSERR : status;
}

/* checkRebuildAllCaches, of which there is the prelinked kernel. */
static int ensure_caches(const struct kc_world *w, const struct kc_options *o,
			 const struct bootcaches *b, bool *updated)
{
	bool urgent = o->update_opts & KC_UPDATE_EXPECT_UP_TO_DATE, current = true;
	struct err e = ERR_INIT;
	int status;

	clog_say(w->log, CLOG_PROGRESS, "Ensuring %s's caches are up to date.", b->root);
	if (plk_up_to_date(b, &current, NULL, w->log, &e)) {
		clog_say(w->log, CLOG_ERROR, "%s", e.msg);
		return EX_SOFTWARE;
	}
	if (!b->path || (current && !(o->update_opts & KC_UPDATE_INVALIDATE))) {
		clog_say(w->log, CLOG_DETAIL, "Primary kext cache does not need update.");
		return EX_OK;
	}
	clog_say(w->log, urgent ? CLOG_ERROR : CLOG_BASIC, "rebuilding %s%s", b->root,
		 b->path);
	status = rebuild(w, b);
	if (status) {
		/* Apple prints a variable that was not set yet: ELAST + 1. */
		clog_say(w->log, CLOG_ERROR, "Error %d rebuilding %s", KC_ELAST_PLUS_1,
			 b->path);
		return status;
	}
	*updated = true;
	return EX_OK;
}

static int update(const struct kc_world *w, const struct kc_options *o,
		  const struct bootcaches *b)
{
	bool updated = false;
	int status = ensure_caches(w, o, b, &updated);

	if (status)
		return status;
	/* No disk here has Apple_Boot helper partitions. */
	if (!(o->update_opts & KC_UPDATE_CACHES_ONLY))
		clog_say(w->log, CLOG_BASIC,
			 "%s: no supported helper partitions to update.", b->root);
	return (o->update_opts & KC_UPDATE_EXPECT_UP_TO_DATE) && updated ? EX_OSFILE
									 : EX_OK;
}

/* Without bootcaches.plist there is nothing to do, and that is fine. */
static int no_caches(const struct kc_world *w, const struct err *e)
{
	if (e->code == E_NOTFOUND || e->code == E_CORRUPT) {
		clog_say(w->log, CLOG_BASIC, "%s; skipping", e->msg);
		return EX_OK;
	}
	clog_say(w->log, CLOG_ERROR, "%s", e->msg);
	return EX_SOFTWARE;
}

static int read_and_update(const struct kc_world *w, const struct kc_options *o)
{
	struct bootcaches b = {0};
	struct err e = ERR_INIT;
	char root[PATH_MAX];
	int n = snprintf(root, sizeof(root), "%s", o->update_volume), status;

	/* o->update_volume exists, so it fits. */
	while (n > 1 && root[n - 1] == '/')
		root[--n] = '\0';
	if (bootcaches_load(root, &b, &e))
		return no_caches(w, &e);
	status = update(w, o, &b);
	bootcaches_release(&b);
	return status;
}

static int exit_status_for(int error)
{
	switch (error) {
	case EPERM:
		return EX_NOPERM;
	case EAGAIN:
	case ENOLCK:
		return EX_OSERR;
	case ENOENT:
		return EX_OSFILE;
	default:
		return error;
	}
}

int kc_update_volume(struct kc_world *w, const struct kc_options *o)
{
	struct kc_lock lock = KC_LOCK_INIT;
	int status, error = kc_lock_take(&lock, w, o->update_volume);

	if (error)
		status = exit_status_for(error);
	else
		status = read_and_update(w, o);
	/* Whatever came of it, copies of kexts that are gone go too. */
	if (kc_is_root_volume(w, o->update_volume))
		kc_tidy_staging(w, false);
	kc_lock_put(&lock, w, status);
	return status;
}
