/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/kextcache/deferred.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "components/kcditto/copy_kernels.h"
#include "components/kextcache/mount_point.h"
#include "sim/base/fsio.h"
#include "sim/platform/paths.h"

#define SCRIPT_MODE 0700
/* Where rosp_staging.m of kext_tools-623 complains; later 10.15 tags did not change it.
 */
#define SOURCE_FILE       "rosp_staging.m"
#define LINE_SCRIPT_ERROR 96

/* Apple writes sizeof of its literal, so the closing NUL is part of the file. */
static const char script[] = "#!/bin/sh\n"
			     "/usr/sbin/kcditto\n"
			     "exit 0";
_Static_assert(sizeof(script) == KC_SCRIPT_SIZE, "the script's size is known");

bool kc_requires_deferred_update(const char *plk_dir)
{
	static const char tail[] = PATH_STAGED_PLK_DIR;
	char real[PATH_MAX];
	size_t n, m = sizeof(tail) - 1;

	if (!realpath(plk_dir, real))
		return false;
	n = strlen(real);
	return n >= m && !strcmp(real + n - m, tail);
}

static int write_script(const char *path)
{
	struct err e = ERR_INIT;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		      SCRIPT_MODE);
	int r;

	if (fd < 0)
		return -1;
	r = fchmod(fd, SCRIPT_MODE);
	if (!r && fsio_write_all(fd, script, sizeof(script), path, &e)) {
		errno = e.sys_errno;
		r = -1;
	}
	if (close(fd))
		r = -1;
	return r;
}

int kc_write_script(const struct kc_world *w)
{
	char path[PATH_MAX], position[256];
	struct err e = ERR_INIT;
	int why;

	clog_say(w->log, CLOG_BASIC, "Creating deferred update script...");
	if (!fsio_join(path, sizeof(path), w->root, PATH_SHOVE_KERNELS, &e) &&
	    !write_script(path))
		return EX_OK;
	why = errno;
	kext_tools_position(position, sizeof(position), w->running, SOURCE_FILE,
			    LINE_SCRIPT_ERROR);
	clog_say(w->log, CLOG_ERROR, "%sError creating script %s: %d (%s)", position,
		 PATH_SHOVE_KERNELS, why, strerror(why));
	return EX_OSERR;
}

void kc_finish_deferred(const struct kc_world *w, int plk_fd, const char *volume_root)
{
	char at[PATH_MAX];
	struct err e = ERR_INIT;
	int status;

	/* Apple does nothing at all when it cannot find the mount. */
	if (mount_point_of_fd(plk_fd, at, sizeof(at), &e))
		return;
	if (!strcmp(at, w->data_mount)) {
		kc_write_script(w);
		return;
	}
	if (!volume_root) {
		clog_say(w->log, CLOG_ERROR, "Error getting volume root path.");
		return;
	}
	status = copy_kernels_in_volume(volume_root, w->running, w->log);
	if (status)
		clog_say(w->log, CLOG_ERROR, "Error copying prelinked kernel: %d",
			 status);
}
