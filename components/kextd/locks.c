/* SPDX-License-Identifier: MIT */
/* What clients ask over the socket: volume locks, the reboot lock, the state. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "components/common/packet.h"
#include "components/kextd/kextd.h"
#include "components/kextd/protocol.h"
#include "sim/base/clock.h"

/* @c is gone: drop its locks. */
static void peer_gone(struct kextd *k, struct kextd_peer *c)
{
	if (c->fd < 0)
		return;
	close(c->fd);
	c->fd = -1;
	c->waiting = WAITING_NOT;
	c->wanted = NULL;
	if (k->rebooter == c)
		k->rebooter = NULL;
	for (size_t i = 0; i < k->n_volumes; i++) {
		struct kextd_volume *v = k->volume[i];

		if (v->owner != c)
			continue;
		v->owner = NULL;
		kextd_volume_count(v, 1);
		clog_say(k->o->log, CLOG_ERROR,
			 "helper pid %d exited without unlocking '%s'.", (int)c->pid,
			 v->root);
	}
}

/* A client that does not take its reply is as good as dead. */
static void answer(struct kextd *k, struct kextd_peer *c, json_t *reply)
{
	struct err e = ERR_INIT;

	if (!reply || packet_send(c->fd, reply, &e))
		peer_gone(k, c);
	json_decref(reply);
}

static void answer_errno(struct kextd *k, struct kextd_peer *c, int error)
{
	answer(k, c, packet_reply(error, error ? strerror(error) : NULL));
}

static struct kextd_volume *find_volume(struct kextd *k, const json_t *request)
{
	const char *root = json_string_value(json_object_get(request, "volume"));
	size_t len = root ? strlen(root) : 0;

	while (len > 1 && root[len - 1] == '/')
		len--;
	for (size_t i = 0; len && i < k->n_volumes; i++)
		if (!strncmp(k->volume[i]->root, root, len) && !k->volume[i]->root[len])
			return k->volume[i];
	return NULL;
}

static void start_waiting(struct kextd *k, struct kextd_peer *c, enum kextd_waiting what,
			  struct kextd_volume *v)
{
	c->waiting = what;
	c->wanted = v;
	c->since = ++k->next_ticket;
}

/* --- volume locks --------------------------------------------------------------- */

static void lock_volume(struct kextd *k, struct kextd_peer *c, const json_t *request)
{
	struct kextd_volume *v = find_volume(k, request);

	if (k->rebooter) {
		clog_say(k->o->log, CLOG_ERROR,
			 "reboot in progress -> denying volume lock request");
		answer_errno(k, c, ENOLCK);
	} else if (!v) {
		answer_errno(k, c, ENOENT);
	} else if (v->owner == c) {
		answer_errno(k, c, EALREADY);
	} else if (!v->owner) {
		v->owner = c;
		answer_errno(k, c, 0);
	} else if (json_is_true(json_object_get(request, "wait"))) {
		start_waiting(k, c, WAITING_FOR_VOLUME, v);
	} else {
		answer_errno(k, c, EBUSY);
	}
}

static void unlock_volume(struct kextd *k, struct kextd_peer *c, const json_t *request)
{
	int status = (int)json_integer_value(json_object_get(request, "status"));
	struct kextd_volume *v = find_volume(k, request);

	if (!v || v->owner != c) {
		answer_errno(k, c, EPERM);
		return;
	}
	v->owner = NULL;
	kextd_volume_count(v, status);
	if (status)
		clog_say(k->o->log, CLOG_ERROR,
			 "helper error while updating %s (error count: %u)", v->root,
			 v->failures);
	answer_errno(k, c, 0);
}

/* --- the reboot lock ------------------------------------------------------------ */

/*
 * The first volume that a reboot has to wait for; NULL when there is none. Whatever is
 * out of date begins to be updated now, settled or not, also in the blind time after
 * boot (checkAllWatched).
 */
static struct kextd_volume *check_all_watched(struct kextd *k)
{
	struct kextd_volume *busy = NULL;

	for (size_t i = 0; i < k->n_volumes; i++) {
		struct kextd_volume *v = k->volume[i];

		if (!kextd_volume_is_busy(v)) {
			v->settle_at_ns = 0;
			kextd_check_rebuild(k, v);
		}
		if (!busy && kextd_volume_is_busy(v))
			busy = v;
	}
	return busy;
}

static void answer_busy(struct kextd *k, struct kextd_peer *c,
			const struct kextd_volume *v)
{
	json_t *reply = packet_reply(EBUSY, strerror(EBUSY));

	if (reply && json_object_set_new(reply, "volume", json_string(v->root))) {
		json_decref(reply);
		reply = NULL;
	}
	answer(k, c, reply);
}

static void lock_reboot(struct kextd *k, struct kextd_peer *c, const json_t *request)
{
	struct kextd_volume *busy;

	if (c->uid != 0) {
		answer_errno(k, c, EPERM);
		return;
	}
	if (k->rebooter) {
		answer_errno(k, c, EALREADY);
		return;
	}
	busy = check_all_watched(k);
	if (!busy) {
		k->rebooter = c;
		answer_errno(k, c, 0);
		return;
	}
	clog_say(k->o->log, CLOG_BASIC, "'%s' updating, delaying reboot.", busy->root);
	if (json_is_true(json_object_get(request, "wait")))
		start_waiting(k, c, WAITING_FOR_REBOOT, NULL);
	else
		answer_busy(k, c, busy);
}

/* --- waiting ---------------------------------------------------------------------- */

/* Of those that wait for @what (and @v), the one that has waited longest. */
static struct kextd_peer *longest_waiting(struct kextd *k, enum kextd_waiting what,
					  const struct kextd_volume *v)
{
	struct kextd_peer *first = NULL;

	for (size_t i = 0; i < KEXTD_PEERS_MAX; i++) {
		struct kextd_peer *c = &k->peer[i];

		if (c->fd >= 0 && c->waiting == what && c->wanted == v &&
		    (!first || c->since < first->since))
			first = c;
	}
	return first;
}

static void stop_waiting(struct kextd *k, struct kextd_peer *c, int error)
{
	c->waiting = WAITING_NOT;
	c->wanted = NULL;
	answer_errno(k, c, error);
}

static void grant_volume(struct kextd *k, struct kextd_volume *v)
{
	struct kextd_peer *c;

	while (!v->owner && (c = longest_waiting(k, WAITING_FOR_VOLUME, v))) {
		if (!k->rebooter)
			v->owner = c;
		stop_waiting(k, c, k->rebooter ? ENOLCK : 0);
	}
}

void kextd_retry_waiters(struct kextd *k)
{
	struct kextd_peer *c;

	for (size_t i = 0; i < k->n_volumes; i++)
		grant_volume(k, k->volume[i]);
	/* More than one round if who waited is gone. */
	while (!k->rebooter && (c = longest_waiting(k, WAITING_FOR_REBOOT, NULL)) &&
	       !check_all_watched(k)) {
		k->rebooter = c;
		stop_waiting(k, c, 0);
	}
	/* One reboot is enough. */
	while (k->rebooter && (c = longest_waiting(k, WAITING_FOR_REBOOT, NULL)))
		stop_waiting(k, c, EALREADY);
}

void kextd_volume_gone(struct kextd *k, struct kextd_volume *v)
{
	struct kextd_peer *c;

	while ((c = longest_waiting(k, WAITING_FOR_VOLUME, v)))
		stop_waiting(k, c, ENOENT);
}

/* --- requests ----------------------------------------------------------------------- */

static json_t *describe(const struct kextd_volume *v)
{
	return json_pack("{s:s,s:b,s:b,s:b,s:i,s:i}", "volume", v->root, "scheduled",
			 v->settle_at_ns != 0, "updating", v->child != 0, "locked",
			 v->owner != NULL, "failures", (int)v->failures, "attempts",
			 (int)v->attempts);
}

static void status(struct kextd *k, struct kextd_peer *c, const json_t *request)
{
	json_t *reply, *volumes = json_array();
	bool idle = true;

	(void)request;
	for (size_t i = 0; i < k->n_volumes; i++) {
		const struct kextd_volume *v = k->volume[i];

		idle = idle && !v->settle_at_ns && !kextd_volume_is_busy(v);
		json_array_append_new(volumes, describe(v));
	}
	reply = json_pack("{s:i,s:b,s:b,s:b,s:o}", "errno", 0, "idle", idle,
			  "boot_complete", clock_ns() >= k->ready_at_ns, "reboot",
			  k->rebooter != NULL, "volumes", volumes);
	answer(k, c, reply);
}

static void load_kext(struct kextd *k, struct kextd_peer *c, const json_t *request)
{
	answer(k, c, kextd_load_reply(k, c, request));
}

static const struct {
	const char *op;
	void (*run)(struct kextd *k, struct kextd_peer *c, const json_t *request);
} operations[] = {
    {KEXTD_OP_LOCK_VOLUME, lock_volume},
    {KEXTD_OP_UNLOCK_VOLUME, unlock_volume},
    {KEXTD_OP_LOCK_REBOOT, lock_reboot},
    {KEXTD_OP_STATUS, status},
    {KEXTD_OP_LOAD_KEXT, load_kext},
};

static void dispatch(struct kextd *k, struct kextd_peer *c, const json_t *request)
{
	const char *op = json_string_value(json_object_get(request, "op"));

	for (size_t i = 0; op && i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (!strcmp(operations[i].op, op)) {
			operations[i].run(k, c, request);
			return;
		}
	}
	answer_errno(k, c, EINVAL);
}

void kextd_serve(struct kextd *k, struct kextd_peer *c)
{
	json_t *request = NULL;
	struct err e = ERR_INIT;
	int r = packet_recv(c->fd, 0, &request, &e);

	/* The event was that of a client which had this descriptor before. */
	if (r == -E_TIMEOUT)
		return;
	/* Who still waits for a reply has no business to ask again. */
	if (r || c->waiting != WAITING_NOT)
		peer_gone(k, c);
	else
		dispatch(k, c, request);
	json_decref(request);
}
