/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/boot/copy_upper.h"

#include <ftw.h>
#include <stdbool.h>

#include "sim/base/tree_copy.h"

#define OPEN_FOLDERS 32

/* nftw(3) has no argument of one's own. */
static struct {
	struct err *e;
	struct timespec newest;
} job;

int copy_upper(const char *from, const char *to, struct err *e)
{
	return tree_copy(from, to, NULL, e);
}

static bool later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec ||
	       (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

static int visit_newest(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)at;
	if (type == FTW_NS)
		return err_set(job.e, E_IO, "%s cannot be read", path);
	if (later(&st->st_ctim, &job.newest))
		job.newest = st->st_ctim;
	return 0;
}

int newest_upper(const char *upper, struct timespec *ret, struct err *e)
{
	job.e = e;
	job.newest = (struct timespec){.tv_sec = 0};
	if (nftw(upper, visit_newest, OPEN_FOLDERS, FTW_PHYS))
		return e->code ? -(int)e->code : err_sys(e, "%s", upper);
	*ret = job.newest;
	return 0;
}
