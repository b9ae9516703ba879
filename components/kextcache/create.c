/* SPDX-License-Identifier: MIT */
/*
 * The order here is the point: what is opened when, what is checked on the open file and
 * what is left behind after a crash are what the system's behaviour follows from.
 */
#define _GNU_SOURCE
#include "components/kextcache/create.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "components/kextcache/create_internal.h"
#include "components/kextcache/deferred.h"
#include "sim/base/fsio.h"
#include "sim/platform/paths.h"

int kc_fail(const struct kc_world *w, int status, const char *fmt, ...)
{
	char text[2 * PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clog_say(w->log, CLOG_ERROR, "%s", text);
	return status;
}

int kc_volume_caches(const struct kc_world *w, const struct kc_options *o,
		     struct bootcaches *b)
{
	struct err e = ERR_INIT;

	return bootcaches_load(o->volume_root ? o->volume_root : w->root, b, &e);
}

enum prelink_compression kc_compression(const struct kc_world *w,
					const struct kc_options *o)
{
	struct bootcaches b = {0};
	bool lzvn;

	if (!o->compress)
		return PRELINK_PLAIN;
	lzvn = !kc_volume_caches(w, o, &b) && b.lzvn;
	bootcaches_release(&b);
	return lzvn ? PRELINK_LZVN : PRELINK_LZSS;
}

static bool is_plk(int fd, const struct stat *st)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	bool ok;

	if (!S_ISREG(st->st_mode) || st->st_size > PRELINK_MAX)
		return false;
	ok = !buf_append_zeros(&b, (size_t)st->st_size, &e) &&
	     !fsio_pread_all(fd, b.data, b.len, 0, "prelinked kernel", &e) &&
	     prelink_replaceable(b.data, b.len);
	buf_release(&b);
	return ok;
}

/* Open the file to be replaced, or put an empty one there to hold the place. */
static int open_plk(struct creation *c)
{
	c->plk_fd = openat(c->dir_fd, c->plk_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (c->plk_fd < 0 && errno == ENOENT) {
		c->plk_fd = openat(c->dir_fd, c->plk_name,
				   O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		c->placeholder = c->plk_fd >= 0;
	}
	if (c->plk_fd >= 0 && !fstat(c->plk_fd, &c->plk)) {
		if (!c->plk.st_size) {
			/* Also what an interrupted run has left. */
			c->placeholder = true;
			return EX_OK;
		}
		if (is_plk(c->plk_fd, &c->plk))
			return EX_OK;
	}
	clog_say(c->w->log, CLOG_ERROR, "Bad prelinkedkernel path '%s/%s' cannot be used",
		 c->o->plk_dir, c->plk_name);
	return EX_NOPERM;
}

static int open_all(struct creation *c)
{
	int status;

	c->dir_fd = open(c->o->plk_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dir_fd < 0)
		return kc_fail(c->w, EX_NOPERM,
			       "Prelinked kernel directory '%s/' cannot be used",
			       c->o->plk_dir);
	status = open_plk(c);
	if (status)
		return status;
	c->kernel_fd = open(c->o->kernel, O_RDONLY | O_CLOEXEC);
	if (c->kernel_fd < 0 || fstat(c->kernel_fd, &c->kernel))
		return kc_fail(c->w, EX_NOPERM, "Bad kernel path '%s' cannot be used",
			       c->o->kernel);
	return EX_OK;
}

/* Old systems look for a file of this name (rdar 24330917). */
static void link_old_name(const struct creation *c)
{
	static const char caches[] =
		"/System/Library/Caches/com.apple.kext.caches/Startup/"
		"kernelcache";
	const char *dir = strstr(c->o->plk, PATH_SYSTEM_PLK_DIR "/");
	const char *name = strstr(c->o->plk, "prelinkedkernel");
	char old[PATH_MAX], target[PATH_MAX];
	struct stat st;

	if (!dir || !name)
		return;
	if (snprintf(old, sizeof(old), "%.*s%s%s", (int)(dir - c->o->plk), c->o->plk,
		     caches, name + strlen("prelinkedkernel")) >= (int)sizeof(old) ||
	    snprintf(target, sizeof(target), "../../../PrelinkedKernels/%s", name) >=
		    (int)sizeof(target))
		return;
	clog_say(c->w->log, CLOG_BASIC, "Symlink \"%s\" -> \"%s\"", old, target);
	if (!lstat(old, &st) && S_ISLNK(st.st_mode))
		unlink(old);
	if (symlink(target, old) && errno != EEXIST)
		clog_say(c->w->log, CLOG_WARNING,
			 "symlink(\"%s\", \"%s\") failed %d (%s)", target, old, errno,
			 strerror(errno));
}

static void deliver(const struct creation *c)
{
	if (kc_requires_deferred_update(c->o->plk_dir))
		kc_finish_deferred(c->w, c->plk_fd, c->o->volume_root);
	else
		link_old_name(c);
}

static void finish(struct creation *c, int status)
{
	if (status && c->placeholder && c->plk_fd >= 0 &&
	    unlinkat(c->dir_fd, c->plk_name, 0))
		clog_say(c->w->log, CLOG_ERROR,
			 "Error removing (now invalid) prelinked kernel: %s/%s",
			 c->o->plk_dir, c->plk_name);
	for (size_t i = 0; i < 3; i++) {
		int fd = (int[]){c->dir_fd, c->plk_fd, c->kernel_fd}[i];

		if (fd >= 0)
			close(fd);
	}
	buf_release(&c->packed);
	kc_lock_put(&c->lock, c->w, status);
}

static int create(struct creation *c, struct kc_kexts *kexts)
{
	int status = open_all(c);

	if (!status)
		status = kc_check_sip(c);
	if (!status)
		status = kc_lock_take(&c->lock, c->w, c->o->plk);
	if (!status)
		status = kc_build(c, kexts);
	if (!status)
		status = kc_write_out(c);
	if (!status)
		deliver(c);
	return status;
}

int kc_create(struct kc_world *w, const struct kc_options *o)
{
	struct creation c = {
		.w = w,
		.o = o,
		.plk_name = strrchr(o->plk, '/') ? strrchr(o->plk, '/') + 1 : o->plk,
		.dir_fd = -1,
		.plk_fd = -1,
		.kernel_fd = -1,
		.lock = KC_LOCK_INIT,
	};
	struct kc_kexts kexts = {.secure = false};
	int status;

	c.dir_mtime = kc_newest_folder(o);
	status = kc_read_kexts(w, o, &kexts);
	if (!status) {
		status = create(&c, &kexts);
		finish(&c, status);
	}
	kc_kexts_release(&kexts);
	return status;
}
