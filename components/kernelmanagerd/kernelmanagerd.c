/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/kernelmanagerd/kernelmanagerd.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "components/common/mac_errors.h"
#include "components/common/packet.h"
#include "components/kernelmanagerd/repositories.h"
#include "sim/base/buf.h"
#include "sim/formats/kext/kext.h"

#define ANSWER_MS 60000

struct daemon {
	const struct kernelmanagerd_options *o;
	int kernel;	/* its connection */
	bool dismissed; /* the kernel has no more requests */
};

static void say(const struct daemon *d, const char *text)
{
	unified_log_say(d->o->log, NULL, "%s", text);
}

/* ---- what the kernel says ---- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void take_notification(struct daemon *d, const json_t *msg)
{
	const char *what = text_of(msg, "notify");

	if (!strcmp(what, "kext_loaded"))
		unified_log_say(d->o->log, NULL, "Received kext load notification: %s",
				text_of(msg, "id"));
	else if (!strcmp(what, "exit"))
		d->dismissed = true;
}

/* Send @req, which is released; take notifications until its reply is there. */
static int ask(struct daemon *d, json_t *req, int *ret_errno, struct err *e)
{
	json_t *msg = NULL;
	int r = req ? packet_send(d->kernel, req, e) : err_set(e, E_NOMEM, "request");

	json_decref(req);
	while (!r) {
		r = packet_recv(d->kernel, ANSWER_MS, &msg, e);
		if (r)
			break;
		if (!json_object_get(msg, "notify"))
			break;
		take_notification(d, msg);
		json_decref(msg);
	}
	if (r)
		return err_ctx(e, "kernel");
	*ret_errno = packet_errno(msg);
	json_decref(msg);
	return 0;
}

static int become_the_daemon(struct daemon *d, struct err *e)
{
	int code = 0, r = packet_connect(d->o->socket, &d->kernel, e);

	if (!r)
		r = ask(d, json_pack("{s:s}", "op", "kext_daemon"), &code, e);
	if (r || !code)
		return r;
	errno = code;
	return code == EBUSY ? err_set(e, E_BUSY, "there is another kernelmanagerd")
			     : err_sys(e, "the kernel does not take this for its daemon");
}

/* ---- extensions ---- */

static void list_repositories(const struct daemon *d)
{
	struct buf text = BUF_INIT;
	int r = buf_printf(&text, NULL, "finding bundles in repositories:");

	for (size_t i = 0; km_repositories[i] && !r; i++)
		r = buf_printf(&text, NULL, "\n%s", km_repositories[i]);
	if (!r)
		say(d, buf_str(&text));
	buf_release(&text);
}

/* An extension that does not pass stays out of what may be loaded; the others go on. */
static void validate(const struct daemon *d, const char *path)
{
	struct buf why = BUF_INIT, host = BUF_INIT;
	struct kext *k = NULL;
	struct err e = ERR_INIT;

	unified_log_say(d->o->log, NULL, "validating extension at %s", path);
	if (buf_printf(&host, &e, "%s%s", d->o->root, path) ||
	    kext_open(buf_str(&host), &k, &e))
		unified_log_say(d->o->log, NULL, "extension at %s is invalid: %s", path,
				e.msg);
	else if (!kext_validate(k) && !kext_diag_print(&k->diags, &why, &e))
		unified_log_say(d->o->log, NULL, "extension at %s is invalid:\n%s", path,
				buf_str(&why));
	kext_free(k);
	buf_release(&why);
	buf_release(&host);
}

static int validate_all(const struct daemon *d, struct err *e)
{
	struct km_bundles found = {.n = 0};
	int r = km_bundles_find(d->o->root, &found, e);

	for (size_t i = 0; i < found.n && !r; i++)
		validate(d, found.path[i]);
	km_bundles_release(&found);
	return r;
}

/* ---- the collection ---- */

static int load_collection(struct daemon *d, struct err *e)
{
	int code, r;

	say(d, "Preparing collection load into kernel");
	r = ask(d,
		json_pack("{s:s,s:[s]}", "op", "load_collection", "collections", "boot"),
		&code, e);
	/* Published before, or not allowed any more: nothing to load, nothing amiss. */
	if (!r && code)
		unified_log_say(d->o->log, NULL, "Collection load into kernel failed: %s",
				mac_strerror(code));
	return r;
}

/* ---- serving ---- */

static int serve(struct daemon *d, struct err *e)
{
	struct pollfd set[2] = {{.fd = d->kernel, .events = POLLIN},
				{.fd = d->o->stop_fd, .events = POLLIN}};
	int r = 0;

	while (!r && !d->dismissed) {
		json_t *msg = NULL;

		if (poll(set, 2, -1) < 0)
			continue;
		/* The kernel first: its farewell is there before launchd's signal. */
		if (!set[0].revents)
			return 0;
		r = packet_recv(d->kernel, ANSWER_MS, &msg, e);
		if (r)
			return err_ctx(e, "kernel");
		take_notification(d, msg);
		json_decref(msg);
	}
	return r;
}

int kernelmanagerd_run(const struct kernelmanagerd_options *o, struct err *e)
{
	struct daemon d = {.o = o, .kernel = -1};
	int r;

	unified_log_say(o->log, NULL,
			"Starting userland kernel management subsystem "
			"(KernelManagement_executables-%s)",
			o->version);
	if (o->apple_silicon)
		say(&d, "Disabling kext auditing: We are on Apple Silicon");
	r = become_the_daemon(&d, e);
	if (!r) {
		say(&d, "Initializing with settings:");
		list_repositories(&d);
		r = validate_all(&d, e);
	}
	if (!r)
		r = load_collection(&d, e);
	if (!r)
		r = serve(&d, e);
	if (d.dismissed)
		say(&d, "Kernel requested shutdown. Goodbye!");
	if (d.kernel >= 0)
		close(d.kernel);
	return r;
}
