/* SPDX-License-Identifier: MIT */
#include "images/made_once.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/sparse.h"
#include "sim/base/fsio.h"

#define LOCK_POLL_MS 20

/* "@path@suffix" */
static int sibling(char out[static PATH_MAX], const char *path, const char *suffix,
		   struct err *e)
{
	if (snprintf(out, PATH_MAX, "%s%s", path, suffix) >= PATH_MAX)
		return err_set(e, E_OVERFLOW, "path too long: %s%s", path, suffix);
	return 0;
}

#define SUMS_MAX (2 * SPARSE_HASH_LEN)

/* A line for the file, and one for that beside it. */
static int sums_of(const struct made_once *m, const char *path, char out[static SUMS_MAX],
		   struct err *e)
{
	char beside[PATH_MAX];
	int r = sparse_hash(path, out, e);

	if (r || !m->beside)
		return r;
	r = sibling(beside, path, m->beside, e);
	out[SPARSE_HASH_LEN - 1] = '\n';
	return r ? r : sparse_hash(beside, out + SPARSE_HASH_LEN, e);
}

/* 0: whole; E_NOTFOUND: not there; anything else: not what was made. */
static int check(const struct made_once *m, const char *sum_path, struct err *e)
{
	struct buf want = BUF_INIT;
	char sums[SUMS_MAX];
	int r = fsio_exists(m->path) ? fsio_read(sum_path, sizeof(sums), &want, e)
				     : err_set(e, E_NOTFOUND, "%s is not there", m->path);

	if (!r)
		r = sums_of(m, m->path, sums, e);
	if (!r && strcmp(buf_str(&want), sums) != 0)
		r = err_set(e, E_CORRUPT, "%s is not what was made", m->path);
	buf_release(&want);
	return r;
}

/* The lock file stays: taking it away would let two makers hold "the" lock. */
static int lock(const struct image_env *env, const char *path, int *ret_fd, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	int r = 0;

	if (fd < 0)
		return err_sys(e, "opening %s", path);
	while (!r && flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			r = err_sys(e, "locking %s", path);
		else if (env->stopped && env->stopped(env->progress_ctx))
			r = err_set(e, E_CANCELED, "stopped");
		else
			poll(NULL, 0, LOCK_POLL_MS);
	}
	if (r)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

/* All of it on the disk before it gets its name: a name is taken for good. */
static int finish(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -1;
	r = fchmod(fd, 0444) || fsync(fd); /* nobody is to write to it */
	close(fd);
	return r;
}

/* Give the new files their names: that which others look at last. */
static int publish(const struct made_once *m, const char *tmp, const char *tmp_beside,
		   struct err *e)
{
	char beside[PATH_MAX];
	int r = 0;

	if (m->beside)
		r = sibling(beside, m->path, m->beside, e);
	if (!r && m->beside && rename(tmp_beside, beside))
		r = err_sys(e, "renaming %s", tmp_beside);
	if (!r && rename(tmp, m->path))
		r = err_sys(e, "renaming %s", tmp);
	return r;
}

static int make(const struct made_once *m, const char *sum_path, struct err *e)
{
	char tmp[PATH_MAX], beside[PATH_MAX], sums[SUMS_MAX];
	int r = sibling(tmp, m->path, ".new", e);

	/* Without a second file its name is the first's, and all is done twice. */
	if (!r)
		r = sibling(beside, tmp, m->beside ? m->beside : "", e);
	if (r)
		return r;
	unlink(tmp); /* of a maker that was killed; we hold the lock */
	unlink(beside);
	r = m->make(m->arg, tmp, e);
	if (!r && (finish(tmp) || finish(beside)))
		r = err_sys(e, "writing %s", tmp);
	if (!r)
		r = sums_of(m, tmp, sums, e);
	if (!r)
		r = fsio_write_atomic(sum_path, sums, strlen(sums), 0644, e);
	if (!r)
		r = publish(m, tmp, beside, e);
	if (r) {
		unlink(tmp);
		unlink(beside);
	}
	return r;
}

static void tell_damage(const struct image_env *env, const struct made_once *m)
{
	char text[64];

	snprintf(text, sizeof(text), "%s in the cache is damaged: making it anew",
		 m->what);
	if (env->progress)
		env->progress(env->progress_ctx, text);
}

int made_once(const struct image_env *env, const struct made_once *m, bool *ret_made,
	      struct err *e)
{
	char sum_path[PATH_MAX], lock_path[PATH_MAX];
	struct err state = ERR_INIT;
	int fd = -1, r;

	if (ret_made)
		*ret_made = false;
	r = sibling(sum_path, m->path, ".sum", e);
	if (!r)
		r = sibling(lock_path, m->path, ".lock", e);
	if (r || !check(m, sum_path, &state))
		return r;
	r = lock(env, lock_path, &fd, e);
	if (r)
		return r;
	/* Somebody else may have made it while we waited. */
	if (check(m, sum_path, &state)) {
		if (state.code != E_NOTFOUND || fsio_exists(m->path))
			tell_damage(env, m);
		r = make(m, sum_path, e);
		if (ret_made)
			*ret_made = !r;
	}
	close(fd);
	return r;
}
