/* SPDX-License-Identifier: MIT */
/*
 * kextd in a child process, with one volume in a temporary folder and a shell script for
 * kextcache. Needs root: bootcaches.plist has to be root's, and so has a reboot.
 */
#ifndef COMPONENTS_KEXTD_TEST_KEXTD_FIXTURE_H
#define COMPONENTS_KEXTD_TEST_KEXTD_FIXTURE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include <jansson.h>

#include "sim/base/err.h"

struct kextd_fixture {
	char dir[PATH_MAX / 4];	 /* everything */
	char root[PATH_MAX / 2]; /* the volume */
	char socket[PATH_MAX / 2];
	pid_t pid;
};

/* Start kextd with waits of @factor. The volume is up to date. */
void kextd_fixture_start(struct kextd_fixture *f, double factor);
/* End it by SIGTERM; a test fails if kextd does not end well. */
void kextd_fixture_stop(struct kextd_fixture *f);

/* Let the volume have, or not have, a place in the list of those that are mounted. */
void kextd_fixture_mount(struct kextd_fixture *f, bool mounted);
/* Change the folder of kexts: its time is another one afterwards. */
void kextd_fixture_touch(struct kextd_fixture *f);

/* kextcache waits for kextd_fixture_let_finish before it does its work. */
void kextd_fixture_make_slow(struct kextd_fixture *f);
void kextd_fixture_let_finish(struct kextd_fixture *f);
/* kextcache does nothing. */
void kextd_fixture_make_useless(struct kextd_fixture *f);
/* How often was kextcache started? */
int kextd_fixture_runs(const struct kextd_fixture *f);

/* Has kextd said @text? Waits for it a little. */
bool kextd_fixture_said(const struct kextd_fixture *f, const char *text);

/* A connection; the test ends if there is none. */
int kextd_fixture_connect(const struct kextd_fixture *f);
/* Send a request for the lock of the volume, or of the reboot, without its reply. */
void kextd_fixture_ask(struct kextd_fixture *f, int fd, const char *op, bool wait);
/* The reply's errno; -1 when none comes within @timeout_ms. */
int kextd_fixture_answer(int fd, int timeout_ms);
/* The two together. */
int kextd_fixture_call(struct kextd_fixture *f, int fd, const char *op);
int kextd_fixture_unlock(struct kextd_fixture *f, int fd, int status);

/* Ask for the kext at @path to be loaded: an enum kext_return; -1: no such reply. */
int kextd_fixture_load(const struct kextd_fixture *f, const char *path);

/* The value of @key, a boolean, in the reply to a status request. */
bool kextd_fixture_is(const struct kextd_fixture *f, const char *key);
/* Wait until it is true; false if it never becomes so. */
bool kextd_fixture_becomes(const struct kextd_fixture *f, const char *key);
/* A number of the volume: "failures". */
int kextd_fixture_count(const struct kextd_fixture *f, const char *key);

#endif
