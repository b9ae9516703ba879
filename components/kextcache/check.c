/* SPDX-License-Identifier: MIT */
/* kextcache_main.c checkArgs: what goes together, and what is filled in. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "components/kextcache/options.h"
#include "components/kextcache/protect.h"
#include "sim/base/fsio.h"
#include "sim/formats/kext/kext.h"
#include "sim/platform/bootcaches.h"
#include "sim/platform/paths.h"

#define MUST_BE_ROOT  "You must be running as root to "

static int refuse(const struct kc_world *w, int status, const char *text)
{
	clog_say(w->log, CLOG_ERROR, "%s", text);
	return status;
}

bool kc_is_root_volume(const struct kc_world *w, const char *path)
{
	struct stat a, b;

	if (!path || !strcmp(path, w->root))
		return true;
	return !stat(path, &a) && !stat(w->root, &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static int check_work(const struct kc_options *o, const struct kc_world *w)
{
	bool staging = o->clear_staging || o->prune_staging;
	bool work = o->has_plk || o->update_volume || o->system_caches;

	if (!work && !staging)
		return refuse(w, EX_USAGE, "No work to do; check options and try again.");
	if (staging && work)
		return refuse(w, EX_USAGE,
			      "Kernel extension staging functions must be used alone.");
	if (staging && geteuid() != 0)
		return refuse(w, EX_NOPERM,
			      MUST_BE_ROOT "manage the kernel extension staging area.");
	if (o->volume_root && !o->has_plk)
		return refuse(w, EX_USAGE,
			      "Use -volume-root only when creating a prelinked kernel.");
	if (!o->update_volume && !o->n_args && !o->compress && !o->uncompress && !staging)
		return refuse(w, EX_USAGE, "No kexts or directories specified.");
	return EX_OK;
}

static void set_compression(struct kc_options *o, const struct kc_world *w)
{
	if (o->compress && o->uncompress) {
		clog_say(w->log, CLOG_ERROR,
			 "Both -compressed and -uncompressed specified; using "
			 "-compressed.");
		o->uncompress = false;
	}
	if (!o->uncompress)
		o->compress = true;
}

static int check_update(const struct kc_options *o, const struct kc_world *w)
{
	bool plain = o->update_volume && !(o->update_opts & KC_UPDATE_EXPECT_UP_TO_DATE);
	unsigned early = KC_UPDATE_EXPECT_UP_TO_DATE | KC_UPDATE_ANY_ROOT;

	if ((o->update_opts & KC_UPDATE_FORCE) &&
	    (o->update_opts & KC_UPDATE_CACHES_ONLY))
		return refuse(w, EX_USAGE,
			      "-force (f) and caches-only are mutually exclusive");
	if ((o->update_opts & KC_UPDATE_FORCE) && !plain)
		return refuse(w, EX_USAGE,
			      "-force (-f) is allowed only with -update-volume (-u).");
	if ((o->update_opts & KC_UPDATE_CACHES_ONLY) && !plain)
		return refuse(w, EX_USAGE,
			      "-caches-only is allowed only with -update-volume (-u).");
	if ((o->update_opts & KC_UPDATE_EARLY_BOOT) &&
	    (!o->update_volume || (o->update_opts & early) != early))
		return refuse(w, EX_USAGE, "-Boot requires -U.");
	if (o->update_volume && o->has_plk)
		clog_say(w->log, CLOG_ERROR,
			 "Can't create prelinked kernel when updating volumes.");
	if (o->update_volume && (o->update_opts & KC_UPDATE_INVALIDATE) && geteuid() != 0)
		return refuse(w, EX_NOPERM, MUST_BE_ROOT "update prelinked kernel.");
	return EX_OK;
}

/* KernelPath of bootcaches.plist, or Apple's default. */
static int set_default_kernel(struct kc_options *o, const struct kc_world *w)
{
	const char *root = o->volume_root ? o->volume_root : w->root;
	struct bootcaches b = {0};
	struct err e = ERR_INIT;
	char path[PATH_MAX];
	const char *rel = PATH_KERNEL;
	int r;

	if (!bootcaches_load(root, &b, &e) && b.kernel_path)
		rel = b.kernel_path;
	r = fsio_join(path, sizeof(path), root, rel, &e);
	bootcaches_release(&b);
	if (r || !realpath(path, o->kernel)) {
		clog_say(w->log, CLOG_ERROR, "Error: invalid kernel path '%s'", path);
		return EX_USAGE;
	}
	o->has_kernel = true;
	return EX_OK;
}

static int check_kernel(struct kc_options *o, const struct kc_world *w)
{
	struct stat st;
	bool builds = o->has_plk && o->n_args;

	if (o->default_plk && !o->has_kernel && set_default_kernel(o, w))
		return EX_USAGE;
	if (!builds)
		return EX_OK;
	if (!o->has_kernel && set_default_kernel(o, w))
		return refuse(w, EX_USAGE,
			      "No kernel specified for prelinked kernel generation.");
	if (stat(o->kernel, &st)) {
		clog_say(w->log, CLOG_DEBUG, "Can't stat %s - %s.", o->kernel,
			 strerror(errno));
		return EX_OSERR;
	}
	return EX_OK;
}

static int check_system_caches(const struct kc_options *o, const struct kc_world *w)
{
	if (!o->default_plk && !o->system_caches)
		return EX_OK;
	if (o->n_ids || o->n_args != o->n_system_dirs)
		return refuse(w, EX_USAGE,
			      "Custom kexts and repository directories are not "
			      "allowed when updating system kext caches.");
	if (geteuid() != 0)
		return refuse(w, EX_NOPERM, MUST_BE_ROOT "update system kext caches.");
	return EX_OK;
}

static int check_modelled(const struct kc_options *o, const struct kc_world *w)
{
	const char *name = o->not_modelled;

	if (o->system_caches)
		name = "system-caches";
	if (!name)
		return EX_OK;
	clog_say(w->log, CLOG_ERROR, "-%s is not part of this simulation.", name);
	return EX_UNAVAILABLE;
}

static int check(struct kc_options *o, struct kc_world *w)
{
	int status = check_work(o, w);

	if (!status) {
		set_compression(o, w);
		status = check_update(o, w);
	}
	if (!status && !o->n_archs)
		o->arch[o->n_archs++] = KEXT_ARCH;
	if (!status)
		status = check_kernel(o, w);
	if (!status)
		status = check_system_caches(o, w);
	if (!status && o->no_authentication && kc_plk_protected(w, o))
		status = refuse(w, EX_NOPERM,
				"Cannot create a prelinked kernel in a SIP "
				"protected location without authentication!");
	if (!status)
		status = check_modelled(o, w);
	return status;
}

int kc_options_check(struct kc_options *o, struct kc_world *w)
{
	int status = check(o, w);

	if (status == EX_USAGE)
		kc_usage(w->log, false);
	return status;
}
