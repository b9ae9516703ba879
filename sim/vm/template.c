/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sim/vm/template.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/base/idtext.h"
#include "sim/base/prune.h"

#define KEPT         8      /* templates, one for each kind of Mac; 85 MB each */
#define BOOT_MS      60000  /* a cold boot, on a busy machine */
#define SAVE_MS      30000
#define LOCK_MS      120000
#define LOCK_POLL_MS 20

/* Everything that a state depends on, hashed. */
static int key_of(const struct template_options *o, char key[static SHA256_TEXT_MAX],
		  struct err *e)
{
	static const int no_fds[QEMU_CHANNELS] = {0, 0, 0, 0};
	struct qemu_machine m = *o->machine;
	struct buf all = BUF_INIT;
	char identity[QEMU_IDENTITY_MAX];
	char **args;
	int r = qemu_identity(m.program, identity, e);

	if (r)
		return r;
	memset(m.disks, 0, sizeof(m.disks));
	m.incoming = -1;
	/* Their content is in the carrier's key, whatever they are called. */
	m.kernel = m.initramfs = "";
	r = qemu_args(&m, no_fds, &args, e);
	if (r)
		return r;
	r = buf_printf(&all, e, "%s\n%s\n", identity, o->carrier->key);
	for (char **a = args; !r && *a; a++)
		r = buf_printf(&all, e, "%s\n", *a);
	qemu_args_free(args);
	if (!r)
		r = sha256_text(all.data, all.len, key, e);
	buf_release(&all);
	return r;
}

/* 0 with *ret_fd -1 when there is none. */
static int open_existing(const char *path, int *ret_fd, struct err *e)
{
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*ret_fd >= 0) {
		/* Used now: the least used ones are removed first. */
		futimens(*ret_fd, NULL);
		return 0;
	}
	return errno == ENOENT ? 0 : err_sys(e, "opening template %s", path);
}

static int take(const struct template_options *o, const char *dir, int fd, struct err *e)
{
	struct qemu_machine m = *o->machine;
	char messages[PATH_MAX];
	struct qemu_logs logs = {.messages = messages};
	struct qemu q;
	int r = fsio_join(messages, sizeof(messages), dir, "qemu.log", e);

	if (r)
		return r;
	memset(m.disks, 0, sizeof(m.disks));
	m.incoming = -1;
	unlink(messages);
	r = qemu_start(&q, &m, &logs, clock_ns(), o->stop_fd, e);
	if (!r)
		r = qemu_wait_ready(&q, pump_after_ms(BOOT_MS), e);
	if (!r)
		r = qemu_save(&q, fd, SAVE_MS, e);
	qemu_release(&q);
	return r;
}

static int make(const struct template_options *o, const char *dir, const char *path,
		struct err *e)
{
	char tmp[PATH_MAX];
	int fd, r, tries = 0;

	if (snprintf(tmp, sizeof(tmp), "%s.new", path) >= (int)sizeof(tmp))
		return err_set(e, E_OVERFLOW, "path too long: %s", path);
	fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "making %s", tmp);
	do {
		r = take(o, dir, fd, e);
	} while (r == -E_CORRUPT && ++tries < QEMU_CLOCK_TRIES);
	/* Its name means that it is complete, also after a crash of the host. */
	if (!r && (fsync(fd) < 0 || rename(tmp, path) < 0))
		r = err_sys(e, "making %s", path);
	if (r)
		unlink(tmp);
	close(fd);
	/* Those in use are open, and need no name. */
	if (!r)
		prune_files(dir, ".state", KEPT, 0);
	return r;
}

/* One maker at a time, of whatever template. The lock goes with its descriptor. */
static int lock(const char *dir, int stop_fd, int *ret_fd, struct err *e)
{
	struct pump p = {.n = 0, .stop_fd = stop_fd};
	int64_t deadline = pump_after_ms(LOCK_MS);
	char path[PATH_MAX];
	int r = fsio_join(path, sizeof(path), dir, ".lock", e);

	if (r)
		return r;
	*ret_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (*ret_fd < 0)
		return err_sys(e, "opening %s", path);
	while (flock(*ret_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, "locking %s", path);
		if (clock_ns() >= deadline)
			return err_set(e, E_TIMEOUT, "%s stays locked", path);
		r = pump_until(&p, pump_after_ms(LOCK_POLL_MS), NULL, NULL, e);
		if (r != -E_TIMEOUT)
			return r;
	}
	return 0;
}

int template_open(const struct template_options *o, int *ret_fd, bool *ret_made,
		  char *path, size_t path_size, struct err *e)
{
	char dir[PATH_MAX], key[SHA256_TEXT_MAX], name[80];
	int locked = -1, r;

	*ret_fd = -1;
	*ret_made = false;
	r = key_of(o, key, e);
	if (!r)
		r = fsio_join(dir, sizeof(dir), o->cache_dir, "templates", e);
	if (r)
		return r;
	snprintf(name, sizeof(name), "%.32s.state", key);
	r = fsio_join(path, path_size, dir, name, e);
	if (!r)
		r = open_existing(path, ret_fd, e);
	if (r || *ret_fd >= 0)
		return r;
	r = fsio_mkdirs(dir, 0755, e);
	if (!r)
		r = lock(dir, o->stop_fd, &locked, e);
	if (!r)
		r = open_existing(path, ret_fd, e);
	if (!r && *ret_fd < 0) {
		*ret_made = true;
		r = make(o, dir, path, e);
		if (!r)
			r = open_existing(path, ret_fd, e);
	}
	if (locked >= 0)
		close(locked);
	if (!r && *ret_fd < 0)
		r = err_set(e, E_IO, "template %s vanished", path);
	return r ? err_ctx(e, "template") : 0;
}
