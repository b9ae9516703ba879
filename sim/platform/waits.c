/* SPDX-License-Identifier: MIT */
#include "sim/platform/waits.h"

#include <ctype.h>
#include <stdbool.h>

#include "sim/base/buf.h"
#include "sim/base/fsio.h"

#define FACTOR_MAX     1000.0
#define DIGITS_MAX     12
#define NS_PER_S       1e9

/* kext_tools: kextd_main.h, kextd_globals.h, kextcache_main.c, kext_tools_util.c */
static const unsigned seconds[WAIT_MAX] = {
	[WAIT_KEXTD_AUTO_UPDATE_DELAY] = 300,
	[WAIT_KEXTD_SETTLE] = 5,
	[WAIT_KEXTD_RELEASE_KEXTS] = 30,
	[WAIT_KEXTCACHE_LOCK_RETRY] = 10,
	[WAIT_KEXTCACHE_IOKIT_QUIET] = 40,
	[WAIT_KEXTCACHE_SYSTEM_LOAD] = 480,
	[WAIT_LAUNCHD_EXIT_TIMEOUT] = 20, /* launchd.plist(5) */
	[WAIT_LAUNCHD_THROTTLE] = 10,
	[WAIT_KEXT_APPROVAL] = 1800, /* TN2459 */
};

/* strtod would follow the locale and accept hex and "inf". */
static bool parse_factor(const char *s, double *ret)
{
	double v = 0, unit = 1;
	size_t digits = 0;

	for (; isdigit((unsigned char)*s); s++, digits++)
		v = v * 10 + (*s - '0');
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s); s++, digits++)
			v += (*s - '0') * (unit /= 10);
	if (*s == '\n')
		s++;
	*ret = v;
	return !*s && digits > 0 && digits <= DIGITS_MAX && v <= FACTOR_MAX;
}

int waits_read(struct waits *w, const char *path, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = fsio_read(path, 64, &b, e);

	w->factor = 1;
	if (r == -E_NOTFOUND) {
		err_clear(e);
		r = 0;
	} else if (!r) {
		r = buf_append(&b, "", 1, e);
		if (!r && !parse_factor((const char *)b.data, &w->factor)) {
			w->factor = 1;
			r = err_set(e, E_CORRUPT, "%s: not a number from 0 to %g", path,
				    FACTOR_MAX);
		}
	}
	buf_release(&b);
	return r;
}

unsigned waits_seconds(enum mac_wait which)
{
	return seconds[which];
}

int64_t waits_ns(const struct waits *w, enum mac_wait which)
{
	return waits_scale_ns(w, seconds[which]);
}

int64_t waits_scale_ns(const struct waits *w, double real_seconds)
{
	return (int64_t)(real_seconds * w->factor * NS_PER_S);
}
