/* SPDX-License-Identifier: MIT */
#include "sim/vm/doctor.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/vm/accel.h"

/* A base disk, an overlay and a template, generously. */
#define SPACE_MIN_MIB 2048

struct exam {
	const struct vm_doctor_options *o;
	struct carrier carrier;
	bool have_qemu, have_carrier;
	char detail[2048];
};

/* Each fills detail and returns whether all is well. */
static bool look_qemu(struct exam *x)
{
	char version[QEMU_VERSION_MAX];
	struct err e = ERR_INIT;

	x->have_qemu = qemu_version(x->o->qemu, version, &e) == 0;
	snprintf(x->detail, sizeof(x->detail), "%s", x->have_qemu ? version : e.msg);
	return x->have_qemu;
}

static bool look_carrier(struct exam *x)
{
	struct carrier_options co = {
		.cache_dir = x->o->cache_dir,
		.guest_dir = x->o->guest_dir,
	};
	struct err e = ERR_INIT;

	x->have_carrier = carrier_prepare(&co, &x->carrier, &e) == 0;
	snprintf(x->detail, sizeof(x->detail), "%s",
		 x->have_carrier ? x->carrier.version : e.msg);
	return x->have_carrier;
}

static bool look_accel(struct exam *x)
{
	struct qemu_machine m = {
		.program = x->o->qemu,
		.kernel = x->carrier.kernel,
		.initramfs = x->carrier.initramfs,
		.incoming = -1,
	};
	struct err e = ERR_INIT;
	struct accel a;

	if (!x->have_qemu || !x->have_carrier) {
		snprintf(x->detail, sizeof(x->detail), "cannot be tried without these");
		return false;
	}
	if (accel_choose(x->o->cache_dir, &m, -1, &a, &e)) {
		snprintf(x->detail, sizeof(x->detail), "%s", e.msg);
		return false;
	}
	snprintf(x->detail, sizeof(x->detail), "%s (%s)", a.name, a.why);
	return true;
}

/* The first folder upwards of the cache that exists. */
static bool look_space(struct exam *x)
{
	const char *dir = fsio_exists(x->o->cache_dir) ? x->o->cache_dir : ".";
	struct statvfs fs;
	unsigned long long mib;

	if (statvfs(dir, &fs) < 0) {
		snprintf(x->detail, sizeof(x->detail), "%s cannot be asked", dir);
		return false;
	}
	mib = (unsigned long long)fs.f_bavail * fs.f_frsize >> 20;
	snprintf(x->detail, sizeof(x->detail), "%llu MiB free", mib);
	return mib >= SPACE_MIN_MIB;
}

static const struct {
	const char *name;
	bool (*look)(struct exam *x);
	const char *advice;
} checks[] = {
	{"qemu", look_qemu, "make deps"},
	{"carrier", look_carrier, "make deps all"},
	{"accelerator", look_accel, "make deps all"},
	{"disk space", look_space, "make room below build/"},
};

int vm_doctor(const struct vm_doctor_options *o,
	      void (*fn)(void *arg, const struct vm_check *c), void *arg)
{
	struct exam *x = calloc(1, sizeof(*x));
	int bad = 0;

	if (!x)
		return 1;
	x->o = o;
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		bool ok = checks[i].look(x);
		struct vm_check c = {
			.name = checks[i].name,
			.ok = ok,
			.detail = x->detail,
			.advice = ok ? NULL : checks[i].advice,
		};

		bad += !ok;
		fn(arg, &c);
	}
	free(x);
	return bad;
}
