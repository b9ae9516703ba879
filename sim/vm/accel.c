/* SPDX-License-Identifier: MIT */
#include "sim/vm/accel.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sim/base/fsio.h"

#define KVM_DEVICE "/dev/kvm"
/* KVM that works is there in well under a second; TCG takes two. */
#define TRIAL_MS   5000
#define CACHE_MAX  (64u << 10)

/* What the answer depends on. */
static int make_key(const struct qemu_machine *m, struct buf *key, struct err *e)
{
	char identity[QEMU_IDENTITY_MAX];
	struct utsname u;
	int r = qemu_identity(m->program, identity, e);

	if (r)
		return r;
	if (uname(&u) < 0)
		return err_sys(e, "uname");
	return buf_printf(key, e, "%s; %s %s; %s", identity, u.sysname, u.release,
			  access(KVM_DEVICE, R_OK | W_OK) ? "no access to kvm" : "kvm");
}

static bool recall(const char *path, const char *key, struct accel *a)
{
	struct buf text = BUF_INIT;
	json_t *j = NULL;
	const char *was, *name, *why;
	bool ok;

	if (!fsio_read(path, CACHE_MAX, &text, NULL))
		j = json_loadb((const char *)text.data, text.len, 0, NULL);
	was = json_string_value(json_object_get(j, "key"));
	name = json_string_value(json_object_get(j, "accel"));
	why = json_string_value(json_object_get(j, "why"));
	ok = was && name && why && !strcmp(was, key) &&
	     (!strcmp(name, "kvm") || !strcmp(name, "tcg"));
	if (ok) {
		snprintf(a->name, sizeof(a->name), "%s", name);
		snprintf(a->why, sizeof(a->why), "%s", why);
	}
	json_decref(j);
	buf_release(&text);
	return ok;
}

static int remember(const char *dir, const char *path, const char *key,
		    const struct accel *a, struct err *e)
{
	json_t *j = json_pack("{s:s,s:s,s:s}", "key", key, "accel", a->name, "why",
			      a->why);
	char *text = j ? json_dumps(j, JSON_INDENT(2)) : NULL;
	int r = text ? fsio_mkdirs(dir, 0755, e) : err_set(e, E_NOMEM, "out of memory");

	if (!r)
		r = fsio_write_atomic(path, text, strlen(text), 0644, e);
	free(text);
	json_decref(j);
	return r;
}

/* Boot the carrier under KVM. 0 when it came up, else @e says what happened. */
static int try_kvm(const char *cache_dir, const struct qemu_machine *machine, int stop_fd,
		   struct err *e)
{
	struct qemu_machine m = *machine;
	char messages[PATH_MAX];
	struct qemu_logs logs = {.messages = messages};
	struct qemu q;
	int r;

	if (access(KVM_DEVICE, R_OK | W_OK) < 0)
		return err_sys(e, KVM_DEVICE);
	r = fsio_join(messages, sizeof(messages), cache_dir, "kvm-trial.log", e);
	if (!r)
		r = fsio_mkdirs(cache_dir, 0755, e);
	if (r)
		return r;
	unlink(messages);
	m.accel = "kvm";
	m.incoming = -1;
	memset(m.disks, 0, sizeof(m.disks));
	r = qemu_start(&q, &m, &logs, clock_ns(), stop_fd, e);
	if (!r)
		r = qemu_wait_ready(&q, pump_after_ms(TRIAL_MS), e);
	qemu_release(&q);
	return r;
}

int accel_choose(const char *cache_dir, const struct qemu_machine *machine, int stop_fd,
		 struct accel *ret, struct err *e)
{
	struct err why = ERR_INIT;
	struct buf key = BUF_INIT;
	char path[PATH_MAX];
	int r = fsio_join(path, sizeof(path), cache_dir, "accel.json", e);

	memset(ret, 0, sizeof(*ret));
	if (!r)
		r = make_key(machine, &key, e);
	if (r || recall(path, buf_str(&key), ret))
		goto out;
	ret->tried = true;
	r = try_kvm(cache_dir, machine, stop_fd, &why);
	if (r == -E_CANCELED) {
		err_set(e, E_CANCELED, "%s", why.msg);
		goto out;
	}
	snprintf(ret->name, sizeof(ret->name), "%s", r ? "tcg" : "kvm");
	if (r == -E_TIMEOUT)
		snprintf(ret->why, sizeof(ret->why), "kvm: no answer in %d s",
			 TRIAL_MS / 1000);
	else
		snprintf(ret->why, sizeof(ret->why), "kvm: %.480s",
			 r ? why.msg : "a trial boot came up");
	r = remember(cache_dir, path, buf_str(&key), ret, e);
out:
	buf_release(&key);
	return r;
}

void accel_forget(const char *cache_dir)
{
	char path[PATH_MAX];

	if (!fsio_join(path, sizeof(path), cache_dir, "accel.json", NULL))
		unlink(path);
}
