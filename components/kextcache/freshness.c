/* SPDX-License-Identifier: MIT */
#include "components/kextcache/freshness.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* Modification time in seconds; E_NOTFOUND (with errno as text) if it cannot be told. */
static int mtime_of(const struct bootcaches *b, const char *path, int64_t *ret,
		    struct err *e)
{
	char full[PATH_MAX];
	struct stat st;

	if (bootcaches_full_path(b, path, full, sizeof(full), e))
		return -(int)e->code;
	if (stat(full, &st))
		return err_set(e, E_NOTFOUND, "%s: %s", full, strerror(errno));
	*ret = st.st_mtim.tv_sec;
	return 0;
}

static int expected(const struct bootcaches *b, int64_t *ret, const char **why,
		    const struct component_log *log, struct err *e)
{
	int64_t newest = 0, t = 0;
	int r;

	for (size_t i = 0; i < b->n_ext_dirs; i++) {
		if (mtime_of(b, b->ext_dir[i], &t, e)) {
			clog_say(log, CLOG_WARNING, "Warning: %s", e->msg);
			err_clear(e);
		} else if (t + 1 > newest) {
			newest = t + 1;
			*why = b->ext_dir[i];
		}
	}
	if (b->kernel_path) {
		r = mtime_of(b, b->kernel_path, &t, e);
		if (r) {
			clog_say(log, CLOG_BASIC, "Note: %s", e->msg);
			return r;
		}
		/* Not t + 1 > newest: one second decides, and on a Mac it does, too. */
		if (t > newest) {
			newest = t + 1;
			*why = b->kernel_path;
		}
	}
	*ret = newest;
	return 0;
}

int plk_expected_mtime(const struct bootcaches *b, int64_t *ret,
		       const struct component_log *log, struct err *e)
{
	const char *why = NULL;

	return expected(b, ret, &why, log, e);
}

int plk_up_to_date(const struct bootcaches *b, bool *ret, const char **why,
		   const struct component_log *log, struct err *e)
{
	const char *newest = "";
	int64_t want = 0, have = 0;
	int r;

	*ret = true;
	if (!b->path)
		return 0;
	r = expected(b, &want, &newest, log, e);
	if (r == -E_NOTFOUND) {
		err_clear(e);
		return 0;
	}
	if (r)
		return r;
	r = mtime_of(b, b->path, &have, e);
	if (r == -E_NOTFOUND)
		err_clear(e);
	else if (r)
		return r;
	*ret = !r && have == want;
	if (why)
		*why = newest;
	return 0;
}
