/* SPDX-License-Identifier: MIT */
#include "components/shutdown/options.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "components/common/digit_pairs.h"

/* One bit per lower-case letter, and one for "-" alone. */
#define FLAG(c)	  (1u << ((c) - 'a'))
#define FLAG_DASH (1u << 26)

static int bad_flag(struct err *e, char c)
{
	return err_set(e, E_INVAL, "illegal option -- %c", c);
}

/*
 * Flags as FreeBSD's getopt(3) reads them: glibc's takes "-" for an operand. *first gets
 * the index of the first operand.
 */
static int read_flags(const char *allowed, int argc, char **argv, unsigned *flags,
		      int *first, struct err *e)
{
	int i;

	for (i = 0; i < argc && argv[i][0] == '-'; i++) {
		const char *c = argv[i] + 1;

		if (!strcmp(c, "-")) {
			i++;
			break;
		}
		if (!*c && !strchr(allowed, '-'))
			break;
		if (!*c)
			*flags |= FLAG_DASH;
		for (; *c; c++) {
			if (!islower((unsigned char)*c) || !strchr(allowed, *c))
				return bad_flag(e, *c);
			*flags |= FLAG(*c);
		}
	}
	*first = i;
	return 0;
}

/* --- the time ---------------------------------------------------------------- */

static int bad_time(struct err *e)
{
	return err_set(e, E_CORRUPT, "bad time format");
}

/* "+minutes" */
static int read_minutes(const char *text, int64_t *offset, struct err *e)
{
	long minutes;

	if (!isdigit((unsigned char)*text))
		return bad_time(e);
	minutes = strtol(text, NULL, 10);
	if (minutes > INT_MAX / 60)
		return bad_time(e);
	*offset = (int64_t)minutes * 60;
	return 0;
}

/* The two digits @yy as a year since 1900: who says last year's number at the turn of
 * the year means last year. */
static int century(int this_year, int yy)
{
	int in_century = this_year % 100;

	return this_year - in_century + yy + (yy < in_century - 1 ? 100 : 0);
}

/* "[[[yy]mm]dd]hhmm", where a colon may stand before the minutes */
static int read_date(const char *text, time_t now, time_t *at, struct err *e)
{
	static const struct {
		int least, most;
	} range[] = {{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 99}}; /* from the right */
	size_t len = strlen(text), n;
	char digits[12];
	int pair[5];
	struct tm tm;

	if (len >= sizeof(digits) || !localtime_r(&now, &tm))
		return bad_time(e);
	memcpy(digits, text, len + 1);
	if (len > 3 && digits[len - 3] == ':') {
		memmove(digits + len - 3, digits + len - 2, 3);
		len--;
	}
	n = digit_pairs(digits, len, pair, 5);
	if (n < 2)
		return bad_time(e);
	for (size_t i = 0; i < n; i++)
		if (pair[n - 1 - i] < range[i].least || pair[n - 1 - i] > range[i].most)
			return bad_time(e);
	tm.tm_sec = 0;
	tm.tm_isdst = -1;
	tm.tm_min = pair[n - 1];
	tm.tm_hour = pair[n - 2];
	if (n > 2)
		tm.tm_mday = pair[n - 3];
	if (n > 3)
		tm.tm_mon = pair[n - 4] - 1;
	if (n > 4)
		tm.tm_year = century(tm.tm_year, pair[0]);
	*at = mktime(&tm);
	return *at == (time_t)-1 ? bad_time(e) : 0;
}

static int read_time(struct shutdown_options *o, const char *text, time_t now,
		     struct err *e)
{
	int r = 0;

	if (!strcasecmp(text, "now")) {
		o->offset = 0;
	} else if (*text == '+') {
		r = read_minutes(text + 1, &o->offset, e);
	} else {
		r = read_date(text, now, &o->at, e);
		if (!r && o->at < now)
			r = err_set(e, E_CORRUPT, "that time is already past.");
		o->offset = o->at - now;
	}
	o->at = now + o->offset;
	return r;
}

/* --- the programs ------------------------------------------------------------ */

/* What does not fit is left out, a word at a time. */
static void join_message(char *message, size_t size, int argc, char **argv)
{
	size_t len = 0;

	for (int i = 0; i < argc; i++) {
		size_t n = strlen(argv[i]);

		if (n + 3 > size - len)
			break;
		if (len)
			message[len++] = ' ';
		memcpy(message + len, argv[i], n);
		len += n;
	}
	if (argc > 0)
		message[len++] = '\n';
	message[len] = '\0';
}

static int read_action(struct shutdown_options *o, unsigned flags, struct err *e)
{
	static const struct {
		unsigned flag;
		enum shutdown_action action;
	} actions[] = {{FLAG('h'), SHUTDOWN_HALT},
		       {FLAG('r'), SHUTDOWN_RESTART},
		       {FLAG('s'), SHUTDOWN_SLEEP},
		       {FLAG('k'), SHUTDOWN_PRETEND}};
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (flags & actions[i].flag) {
			o->action = actions[i].action;
			n++;
		}
	}
	if (n > 1)
		return err_set(e, E_INVAL, "incompatible switches -h, -k, -r, and -s");
	if (n == 0)
		return err_set(e, E_INVAL, "-h, -r, -s, or -k is required");
	if (flags & FLAG('u') && o->action != SHUTDOWN_HALT)
		return err_set(e, E_INVAL, "-u requires -h");
	return 0;
}

int shutdown_options_read(struct shutdown_options *o, int argc, char **argv, time_t now,
			  struct err *e)
{
	unsigned flags = 0;
	int first, r;

	memset(o, 0, sizeof(*o));
	/* -n (no sync) and -o (without launchd, on FreeBSD) change nothing: launchd
	 * brings the system down in either case. */
	r = read_flags("-hknorsu", argc, argv, &flags, &first, e);
	if (r)
		return r;
	if (first == argc)
		return err_set(e, E_INVAL, "%s", "");
	r = read_action(o, flags, e);
	if (r)
		return r;
	o->read_message = flags & FLAG_DASH;
	o->ups = flags & FLAG('u');
	join_message(o->message, sizeof(o->message), argc - first - 1, argv + first + 1);
	return read_time(o, argv[first], now, e);
}

int reboot_options_read(struct reboot_options *o, int argc, char **argv, struct err *e)
{
	unsigned flags = 0;
	int first, r = read_flags("lnqu", argc, argv, &flags, &first, e);

	o->no_log = flags & FLAG('l');
	o->quick = flags & FLAG('q');
	return r;
}
