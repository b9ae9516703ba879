/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "components/common/spawn.h"
#include "components/kextcache/freshness.h"
#include "components/kextd/kextd.h"
#include "components/kextd/protocol.h"
#include "sim/base/clock.h"
#include "sim/base/fsio.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/csr.h"

#define DEV_MODE_NO_REBUILD 0x2 /* bit 1 of kext-dev-mode */

void kextd_schedule(struct kextd *k, struct kextd_volume *v)
{
	int64_t now = clock_ns();

	if (now < k->ready_at_ns) {
		clog_say(k->o->log, CLOG_BASIC, "ignoring '%s' until boot is complete",
			 v->root);
		return;
	}
	v->settle_at_ns = now + waits_ns(&k->o->waits, WAIT_KEXTD_SETTLE);
}

/* --- what keeps kextd from acting -------------------------------------------- */

static bool installer_is_active(const struct kextd *k)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	long pid = 0;

	if (!fsio_read(k->o->installer_pid_file, 64, &b, &e))
		pid = strtol(buf_str(&b), NULL, 10);
	buf_release(&b);
	return pid > 0 && pid <= INT_MAX && (!kill((pid_t)pid, 0) || errno == EPERM);
}

/* The boot-arg @name: its text behind "=", "" for a flag, NULL when it is not set. The
 * result is in @out. */
static const char *boot_arg(const struct kextd *k, const char *name, char *out,
			    size_t size)
{
	struct err e = ERR_INIT;
	const char *all = NULL, *found = NULL;
	size_t len = strlen(name);
	plist_t dict;

	if (pl_load_dict(k->o->boot_args, 1u << 20, &dict, &e))
		return NULL;
	if (pl_opt_string(dict, "BootArgs", &all, &e))
		all = NULL;
	for (const char *p = all; p && *p; p += strcspn(p, " ")) {
		p += strspn(p, " ");
		if (!strncmp(p, name, len) && (!p[len] || p[len] == ' ' || p[len] == '='))
			found = p + len + (p[len] == '=');
	}
	if (found)
		snprintf(out, size, "%.*s", (int)strcspn(found, " "), found);
	plist_free(dict);
	return found ? out : NULL;
}

static bool in_install_environment(const struct kextd *k)
{
	char value[64];

	return k->o->install_environment ||
	       boot_arg(k, "-rootdmg-ramdisk", value, sizeof(value));
}

static bool untrusted_kexts_are_allowed(const struct kextd *k)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	bool allowed = false;

	if (!fsio_read(k->o->csr_config, 64, &b, &e) && b.len >= 1)
		allowed = b.data[0] & CSR_ALLOW_UNTRUSTED_KEXTS;
	buf_release(&b);
	return allowed;
}

static bool dev_mode_forbids_rebuild(const struct kextd *k)
{
	char value[64];
	const char *s = boot_arg(k, "kext-dev-mode", value, sizeof(value));

	return s && (strtoul(s, NULL, 0) & DEV_MODE_NO_REBUILD) &&
	       untrusted_kexts_are_allowed(k);
}

/* --- the update ----------------------------------------------------------------- */

static bool launch(struct kextd *k, struct kextd_volume *v)
{
	char spawned[] = KEXTD_SPAWNED_ENV "=", kernel[] = "KEXT_LOG_FILTER_KERNEL=0x0",
	     user[] = "KEXT_LOG_FILTER_USER=0x0";
	char *env[] = {spawned, kernel, user, NULL};
	char name[] = "kextcache", force[] = "-F", update[] = "-u";
	char *argv[] = {name, force, update, v->root, NULL};
	const struct spawn_request rq = {
	    .program = k->o->kextcache,
	    .argv = argv,
	    .env = env,
	    .out = {.fd = k->o->child_output},
	    .err = {.fd = k->o->child_output},
	};
	struct err e = ERR_INIT;

	v->attempts++;
	if (spawn_process(&rq, &v->child, &e)) {
		v->child = 0;
		clog_say(k->o->log, CLOG_ERROR, "%s: %s", v->root, e.msg);
		return false;
	}
	clog_say(k->o->log, CLOG_BASIC, "started child process %s[%d] (asynchronous).",
		 k->o->kextcache, (int)v->child);
	return true;
}

bool kextd_check_rebuild(struct kextd *k, struct kextd_volume *v)
{
	const char *why = NULL;
	struct err e = ERR_INIT;
	bool current = true;

	if (kextd_volume_has_hit(v)) {
		clog_say(k->o->log, CLOG_ERROR,
			 "%s has failed to update %u times, not trying again", v->root,
			 v->failures ? v->failures : v->attempts);
		return false;
	}
	if (plk_up_to_date(&v->caches, &current, &why, k->o->log, &e)) {
		clog_say(k->o->log, CLOG_ERROR, "%s: %s", v->root, e.msg);
		return false;
	}
	if (current)
		return false;
	clog_say(k->o->log, CLOG_DETAIL, "prelinked kernel out of date due to: %s",
		 why ? why : "");
	if (dev_mode_forbids_rebuild(k)) {
		clog_say(
		    k->o->log, CLOG_BASIC,
		    "Skipping prelinked kernel auto rebuild; kext-dev-mode setting.");
		return false;
	}
	return launch(k, v);
}

static void reread_caches(struct kextd *k, struct kextd_volume *v)
{
	struct err e = ERR_INIT;

	clog_say(k->o->log, CLOG_BASIC, "%s: bootcaches.plist changed.", v->root);
	if (kextd_volume_reread(v, k->o->installer_pid_file, &e) ||
	    kextd_poll(k, v->watch.fd, &e))
		clog_say(k->o->log, CLOG_ERROR, "%s", e.msg);
}

/* Nothing has changed on @v for a while (checkAutoUpdate). */
static void settled(struct kextd *k, struct kextd_volume *v)
{
	const char *limit = kextd_volume_has_hit(v);

	if (installer_is_active(k)) {
		clog_say(k->o->log, CLOG_BASIC, "%s: installer active, ignoring changes",
			 v->root);
		return;
	}
	if (in_install_environment(k)) {
		clog_say(k->o->log, CLOG_BASIC,
			 "%s: install environment active, ignoring changes", v->root);
		return;
	}
	if (kextd_volume_caches_changed(v))
		reread_caches(k, v);
	if (limit) {
		clog_say(k->o->log, CLOG_ERROR, "%s: giving up; volume has hit max %s",
			 v->root, limit);
		return;
	}
	if (kextd_volume_extensions_changed(v) && !strcmp(v->root, "/"))
		clog_say(k->o->log, CLOG_BASIC, "Rescanning kernel extensions.");
	/* What changed while it is being updated may have come too late for that. */
	if (kextd_volume_is_busy(v))
		kextd_schedule(k, v);
	else
		kextd_check_rebuild(k, v);
}

int64_t kextd_run_due(struct kextd *k)
{
	int64_t now = clock_ns(), next = 0;

	for (size_t i = 0; i < k->n_volumes; i++) {
		struct kextd_volume *v = k->volume[i];

		if (v->settle_at_ns && v->settle_at_ns <= now) {
			v->settle_at_ns = 0;
			settled(k, v);
		}
		if (v->settle_at_ns && (!next || v->settle_at_ns < next))
			next = v->settle_at_ns;
	}
	return next;
}

static void child_ended(struct kextd *k, pid_t pid, int status)
{
	for (size_t i = 0; i < k->n_volumes; i++)
		if (k->volume[i]->child == pid)
			k->volume[i]->child = 0;
	if (WIFSIGNALED(status))
		clog_say(k->o->log, CLOG_ERROR, "async child pid %d killed by signal %d",
			 (int)pid, WTERMSIG(status));
	else
		clog_say(k->o->log, CLOG_BASIC,
			 "async child pid %d exited with status %d", (int)pid,
			 WEXITSTATUS(status));
}

void kextd_reap(struct kextd *k)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		child_ended(k, pid, status);
}
