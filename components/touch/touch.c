/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/touch/touch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/common/digit_pairs.h"

/* --- times ------------------------------------------------------------------- */

static void set_time(struct touch_options *o, time_t t)
{
	o->time_given = true;
	for (size_t i = 0; i < 2; i++)
		o->time[i] = (struct timespec){.tv_sec = t};
}

static int bad_stamp(const char *format, struct err *e)
{
	return err_set(e, E_CORRUPT, "out of range or illegal time specification: %s",
		       format);
}

/* "MMDDhhmm", from four pairs of digits. The rest of @tm is kept. */
static time_t to_time(struct tm *tm, const int pair[4])
{
	tm->tm_mon = pair[0] - 1;
	tm->tm_mday = pair[1];
	tm->tm_hour = pair[2];
	tm->tm_min = pair[3];
	tm->tm_isdst = -1;
	return mktime(tm);
}

/* "[[CC]YY]MMDDhhmm[.SS]" */
static int read_stamp(struct touch_options *o, const char *text, time_t now,
		      struct err *e)
{
	static const char format[] = "[[CC]YY]MMDDhhmm[.SS]";
	size_t len = strcspn(text, "."), n;
	struct tm tm;
	int pair[6];
	time_t t;

	if (!localtime_r(&now, &tm))
		return err_sys(e, "localtime");
	tm.tm_sec = 0;
	if (text[len] && (strlen(text + len + 1) != 2 ||
			  !digit_pairs(text + len + 1, 2, &tm.tm_sec, 1)))
		return bad_stamp(format, e);
	n = digit_pairs(text, len, pair, 6);
	if (n < 4)
		return bad_stamp(format, e);
	if (n == 5)
		tm.tm_year = pair[0] < 69 ? pair[0] + 100 : pair[0];
	if (n == 6)
		tm.tm_year = pair[0] * 100 + pair[1] - 1900;
	t = to_time(&tm, pair + n - 4);
	if (t == (time_t)-1)
		return bad_stamp(format, e);
	set_time(o, t);
	return 0;
}

/* The old form without -t, "MMDDhhmm[yy]". The seconds stay those of now, as FreeBSD's.
 */
static int read_old_stamp(struct touch_options *o, const char *text, time_t now,
			  struct err *e)
{
	int pair[5];
	size_t n = digit_pairs(text, strlen(text), pair, 5);
	struct tm tm;
	time_t t;

	if (!localtime_r(&now, &tm))
		return err_sys(e, "localtime");
	if (n == 5)
		tm.tm_year = pair[4] < 39 ? pair[4] + 100 : pair[4];
	t = to_time(&tm, pair);
	if (t == (time_t)-1)
		return bad_stamp("MMDDhhmm[yy]", e);
	set_time(o, t);
	return 0;
}

static bool is_old_stamp(const char *text)
{
	size_t len = strlen(text);
	int pair[5];

	return (len == 8 || len == 10) && digit_pairs(text, len, pair, 5);
}

/* "[-][[HH]MM]SS" */
static int read_adjustment(struct touch_options *o, const char *text, struct err *e)
{
	bool negative = *text == '-';
	int pair[3], seconds = 0;
	size_t n;

	text += negative;
	n = digit_pairs(text, strlen(text), pair, 3);
	if (!n)
		return err_set(e, E_CORRUPT,
			       "Invalid offset spec, must be [-][[HH]MM]SS");
	for (size_t i = 0; i < n; i++)
		seconds = seconds * 60 + pair[i];
	o->adjust_by = negative ? -seconds : seconds;
	return 0;
}

static int read_file_times(struct touch_options *o, const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st))
		return err_sys(e, "%s", path);
	o->time_given = true;
	o->time[0] = st.st_atim;
	o->time[1] = st.st_mtim;
	return 0;
}

/* --- the command line -------------------------------------------------------- */

static int read_option(struct touch_options *o, int c, time_t now, struct err *e)
{
	switch (c) {
	case 'A':
		return read_adjustment(o, optarg, e);
	case 'a':
		o->access = true;
		return 0;
	case 'c':
		o->create = false;
		return 0;
	case 'f': /* once: by force */
		return 0;
	case 'h':
		o->create = o->follow = false;
		return 0;
	case 'm':
		o->modification = true;
		return 0;
	case 'r':
		return read_file_times(o, optarg, e);
	case 't':
		return read_stamp(o, optarg, now, e);
	case ':':
		return err_set(e, E_INVAL, "option requires an argument -- %c", optopt);
	default:
		return err_set(e, E_INVAL, "illegal option -- %c", optopt);
	}
}

/* What follows from the options together. */
static void settle(struct touch_options *o)
{
	if (!o->access && !o->modification)
		o->access = o->modification = true;
	if (o->time_given) {
		o->time[0].tv_sec += o->adjust_by;
		o->time[1].tv_sec += o->adjust_by;
	} else if (o->adjust_by) {
		o->adjust = true;
		o->create = false;
	} else {
		o->time[0].tv_nsec = o->time[1].tv_nsec = UTIME_NOW;
	}
}

int touch_options_read(struct touch_options *o, int argc, char **argv, time_t now,
		       struct err *e)
{
	int c, r = 0;

	*o = (struct touch_options){.create = true, .follow = true};
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	while (!r && (c = getopt(argc, argv, "+:A:acfhmr:t:")) != -1)
		r = read_option(o, c, now, e);
	if (r)
		return r;
	if (!o->time_given && argc - optind > 1 && is_old_stamp(argv[optind]))
		r = read_old_stamp(o, argv[optind++], now, e);
	if (r)
		return r;
	o->first_file = optind;
	settle(o);
	return optind < argc ? 0 : err_set(e, E_INVAL, "%s", "");
}

/* --- a file ------------------------------------------------------------------ */

static int create_file(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0 || close(fd))
		return err_sys(e, "%s", path);
	return 0;
}

static int set_times(const struct touch_options *o, const char *path,
		     const struct stat *st, int flags, struct err *e)
{
	struct timespec ts[2] = {o->time[0], o->time[1]};

	if (o->adjust) {
		ts[0] = st->st_atim;
		ts[1] = st->st_mtim;
		ts[0].tv_sec += o->adjust_by;
		ts[1].tv_sec += o->adjust_by;
	}
	if (!o->access)
		ts[0].tv_nsec = UTIME_OMIT;
	if (!o->modification)
		ts[1].tv_nsec = UTIME_OMIT;
	return utimensat(AT_FDCWD, path, ts, flags) ? err_sys(e, "%s", path) : 0;
}

int touch_file(const struct touch_options *o, const char *path, struct err *e)
{
	int flags = o->follow ? 0 : AT_SYMLINK_NOFOLLOW, r;
	struct stat st;

	if (fstatat(AT_FDCWD, path, &st, flags)) {
		if (errno != ENOENT)
			return err_sys(e, "%s", path);
		if (!o->create)
			return 0;
		r = create_file(path, e);
		/* It has the current time already. */
		if (r || !o->time_given)
			return r;
	}
	return set_times(o, path, &st, flags, e);
}
