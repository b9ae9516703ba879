/* SPDX-License-Identifier: MIT */
#include "sim/base/prune.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CANDIDATES_MAX 1024

struct candidate {
	char name[256];
	struct timespec mtime;
};

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n > s && !strcmp(name + n - s, suffix);
}

static int newest_first(const void *a, const void *b)
{
	const struct timespec *x = &((const struct candidate *)a)->mtime;
	const struct timespec *y = &((const struct candidate *)b)->mtime;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? 1 : -1;
	return (x->tv_nsec < y->tv_nsec) - (x->tv_nsec > y->tv_nsec);
}

static size_t gather(DIR *d, const char *suffix, struct candidate *c)
{
	struct dirent *de;
	struct stat st;
	size_t n = 0;

	while (n < CANDIDATES_MAX && (de = readdir(d))) {
		if (!has_suffix(de->d_name, suffix) ||
		    fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode))
			continue;
		snprintf(c[n].name, sizeof(c[n].name), "%s", de->d_name);
		c[n++].mtime = st.st_mtim;
	}
	return n;
}

void prune_files(const char *dir, const char *suffix, size_t keep, time_t min_age_s)
{
	time_t before = time(NULL) - min_age_s;
	struct candidate *c = calloc(CANDIDATES_MAX, sizeof(*c));
	DIR *d = opendir(dir);

	if (c && d) {
		size_t n = gather(d, suffix, c);

		qsort(c, n, sizeof(*c), newest_first);
		for (size_t i = keep; i < n; i++)
			if (c[i].mtime.tv_sec <= before)
				unlinkat(dirfd(d), c[i].name, 0);
	}
	if (d)
		closedir(d);
	free(c);
}
