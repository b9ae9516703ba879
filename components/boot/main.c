/* SPDX-License-Identifier: MIT */
/*
 * boot: firmware, booter and kernel of the simulated Mac. It brings the system up to
 * the point where launchd can run, serves the kernel's socket while it does, and
 * unmounts at the end (sim/carrier/boot_protocol.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "components/boot/boot.h"
#include "components/boot/channel.h"
#include "components/boot/pending.h"
#include "components/boot/tree.h"
#include "sim/base/clock.h"
#include "sim/base/fsio.h"
#include "sim/base/json_text.h"
#include "sim/carrier/boot_protocol.h"
#include "sim/carrier/layout.h"
#include "sim/platform/paths.h"

#define DEFAULT_MACHINE "intel"
/* How often a Mac starts anew by itself before that is a fault of the laboratory. */
#define RESTARTS_MAX 3

static json_t *expect(const char *type)
{
	json_t *msg = channel_receive(BOOT_FD);
	const char *got = json_string_value(json_object_get(msg, "type"));

	if (!got || strcmp(got, type) != 0) {
		fprintf(stderr, "boot: expected '%s' from init\n", type);
		exit(EXIT_FAILURE);
	}
	return msg;
}

/* ---- power-on ---- */

static const char *text_of(const json_t *msg, const char *key, const char *missing)
{
	const char *s = json_string_value(json_object_get(msg, key));

	return s ? s : missing;
}

static int read_button(const char *name, enum boot_button *ret, struct err *e)
{
	static const char *const names[] = {
		[BUTTON_PRESS] = "press",
		[BUTTON_HOLD] = "hold",
		[BUTTON_DOUBLE] = "double",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name)) {
			*ret = (enum boot_button)i;
			return 0;
		}
	return err_set(e, E_INVAL, "the power button cannot be used as in '%s'", name);
}

static int switch_on(struct boot *b, const json_t *start, struct err *e)
{
	const char *name = text_of(start, "machine", DEFAULT_MACHINE);
	char hint[NEAREST_HINT_MAX];

	b->nvram_fd = b->chip_fd = -1;
	b->rooted.server = (struct sealed_root)SEALED_ROOT_INIT;
	b->time_factor = json_number_value(json_object_get(start, "time_factor"));
	snprintf(b->hold, sizeof(b->hold), "%s", text_of(start, "hold", ""));
	klog_init(&b->log, clock_ns(), 0, channel_log, NULL);
	b->machine = machine_by_name(name);
	if (!b->machine)
		return err_set(e, E_INVAL, "unknown machine '%s'%s", name,
			       machine_hint(name, hint));
	return read_button(text_of(start, "button", "press"), &b->button, e);
}

void boot_hold_point(struct boot *b, const char *point)
{
	if (strcmp(b->hold, point) != 0)
		return;
	klog_flush(&b->log);
	channel_event(BOOT_FD, "hold", json_pack("{s:s}", "at", point));
	for (;;)
		pause();
}

/* ---- with init ---- */

static void launch(struct boot *b)
{
	struct err e = ERR_INIT;
	json_t *child;
	int r;

	channel_stage(BOOT_FD, "launch", "/sbin/launchd", 0);
	channel_send(BOOT_FD, BOOT_LAUNCH,
		     json_pack("{s:s,s:[s],s:[s],s:s}", "root", TREE_ROOT, "argv",
			       "/sbin/launchd", "env",
			       "PATH=/usr/bin:/bin:/usr/sbin:/sbin", "hostname",
			       b->hostname),
		     sip_events_fd(b->sip));
	child = expect(BOOT_CHILD);
	b->service.launchd = (pid_t)json_integer_value(json_object_get(child, "pid"));
	r = sip_arm(b->sip,
		    (dev_t)json_integer_value(json_object_get(child, "console_dev")),
		    (ino_t)json_integer_value(json_object_get(child, "console_ino")), &e);
	json_decref(child);
	if (r)
		channel_send(BOOT_FD, BOOT_PANIC, json_pack("{s:s}", "reason", e.msg),
			     -1);
	else
		channel_send(BOOT_FD, BOOT_GO, json_object(), -1);
}

/* The server of the root, and those of the live states. */
#define SERVERS_MAX (1 + LIVE_VOLUMES_MAX)

static size_t servers(struct boot *b, struct sealed_root *list[static SERVERS_MAX])
{
	size_t n = 0;

	list[n++] = &b->rooted.server;
	for (size_t i = 0; i < b->live.n; i++)
		list[n++] = &b->live.volume[i].server;
	return n;
}

static void hear_servers(struct boot *b)
{
	struct sealed_root *list[SERVERS_MAX];
	struct err e = ERR_INIT;
	size_t n = servers(b, list);

	for (size_t i = 0; i < n; i++) {
		if (list[i]->fd < 0 || !sealed_root_hear(list[i], &e))
			continue;
		klog(&b->log, "apfs", "%s", e.msg);
		klog_flush(&b->log);
		/* Without its root the Mac is dead; without another volume it goes on. */
		if (i == 0)
			channel_send(BOOT_FD, BOOT_PANIC,
				     json_pack("{s:o}", "reason", json_text(e.msg)), -1);
		err_clear(&e);
	}
}

/* How often to look whether launchd has its socket. */
#define LAUNCHD_POLL_MS 2

/* Returns how long to wait for other things. */
static int look_for_launchd(bool *up)
{
	if (*up)
		return -1;
	*up = fsio_exists(TREE_ROOT XNU_BOOTSTRAP_SOCKET);
	if (!*up)
		return LAUNCHD_POLL_MS;
	channel_send(BOOT_FD, BOOT_UP, json_object(), -1);
	return -1;
}

/* Until init says that the Mac has no process any more. */
static void serve(struct boot *b)
{
	struct pollfd set[1 + SERVERS_MAX + SERVICE_POLL_MAX];
	struct sealed_root *list[SERVERS_MAX];
	size_t n, n_servers;
	bool up = false;

	for (;;) {
		klog_flush(&b->log);
		set[0] = (struct pollfd){.fd = BOOT_FD, .events = POLLIN};
		n_servers = servers(b, list);
		for (size_t i = 0; i < n_servers; i++)
			set[1 + i] = (struct pollfd){.fd = list[i]->fd, .events = POLLIN};
		n = service_poll_set(&b->service, set + 1 + n_servers);
		if (poll(set, 1 + n_servers + n, look_for_launchd(&up)) < 0)
			continue;
		if (set[0].revents) {
			json_decref(expect(BOOT_SHUTDOWN));
			return;
		}
		hear_servers(b);
		service_run(b, set + 1 + n_servers, n);
	}
}

static int store_nvram(struct boot *b, struct err *e)
{
	int r = nvram_from_dir(&b->nvram, TREE_ROOT XNU_NVRAM_DIR, e);

	return r ? r : nvram_store(&b->nvram, b->nvram_fd, e);
}

/* Files and snapshots of sealed volumes that were changed, now that nothing is mounted. */
static int write_pending(struct boot *b, struct err *e)
{
	struct timespec now;
	int r;

	if (!pending_any(&b->live))
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	r = pending_write(&b->live, CARRIER_DISK, now.tv_sec * NS_PER_S + now.tv_nsec, e);
	channel_event(BOOT_FD, "pending.written", json_pack("{s:b}", "ok", !r));
	return r;
}

/* All is tried whatever happens to the rest: the disk matters more than NVRAM. */
static int shut_down(struct boot *b, struct err *e)
{
	struct err nvram_err = ERR_INIT;
	int n = store_nvram(b, &nvram_err), r;

	service_close(&b->service);
	r = boot_undo(b, e);
	if (!r)
		r = write_pending(b, e);
	if (n)
		err_keep_first(&r, e, &nvram_err);
	klog_flush(&b->log);
	return r;
}

/* ---- */

static int start(struct boot *b, struct err *e)
{
	struct err late = ERR_INIT;

	for (int i = 0;; i++) {
		int r = boot_start_up(b, e);

		if (!r)
			return 0;
		if (boot_undo(b, &late))
			fprintf(stderr, "boot: %s\n", late.msg);
		err_clear(&late);
		boot_forget(b);
		if (b->end != END_RESTART || i == RESTARTS_MAX)
			return r;
		err_clear(e);
		b->log.power_on_ns = clock_ns();
	}
}

static void release(struct boot *b)
{
	boot_forget(b);
	klog_release(&b->log);
	sip_close(b->sip);
}

static int give_up(struct boot *b, const struct err *e)
{
	static const char *const endings[] = {
		[END_REFUSED] = BOOT_REFUSED,
		[END_PANIC] = BOOT_PANIC,
		[END_RESTART] = BOOT_REFUSED,
	};

	channel_send(BOOT_FD, endings[b->end], json_pack("{s:s}", "reason", e->msg), -1);
	release(b);
	return EXIT_FAILURE;
}

int main(void)
{
	static struct boot b;
	struct err e = ERR_INIT;
	json_t *msg;
	int r = sip_open(&b.sip, &e);

	channel_send(BOOT_FD, BOOT_READY, json_object(), -1);
	msg = expect(BOOT_START);
	if (!r)
		r = switch_on(&b, msg, &e);
	json_decref(msg);
	if (!r)
		r = start(&b, &e);
	if (r)
		return give_up(&b, &e);
	launch(&b);
	serve(&b);
	if (shut_down(&b, &e))
		channel_send(BOOT_FD, BOOT_DONE, json_pack("{s:s}", "error", e.msg), -1);
	else
		channel_send(BOOT_FD, BOOT_DONE, json_object(), -1);
	release(&b);
	return EXIT_SUCCESS;
}
