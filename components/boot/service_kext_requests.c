/* SPDX-License-Identifier: MIT */
/* kext_request(): what user space asks of the running kernel's kexts, and of IOKit's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/boot/channel.h"
#include "components/boot/entitlements.h"
#include "components/boot/service_impl.h"
#include "components/boot/tree.h"
#include "components/boot/xnu.h"
#include "sim/base/fsio.h"
#include "sim/base/json_text.h"
#include "sim/carrier/boot_protocol.h"
#include "sim/formats/mkext/mkext.h"

#define ENTITLEMENT "com.apple.private.security.kext-management"
#define LOG_MAX	    (40u << 10) /* bytes of messages that fit a reply */

/* ---- who asks ---- */

static int note_entitlement(void *arg, const char *name, struct err *e)
{
	(void)e;
	if (!strcmp(name, ENTITLEMENT))
		*(bool *)arg = true;
	return 0;
}

/* IOTaskHasEntitlement. Only programs of the system volume are believed, as by SIP. */
static bool is_entitled(pid_t pid)
{
	struct err e = ERR_INIT;
	struct stat exe, root;
	bool entitled = false;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &exe) || stat(TREE_ROOT "/", &root) || exe.st_dev != root.st_dev ||
	    entitlements_read(fd, note_entitlement, &entitled, &e))
		entitled = false;
	close(fd);
	return entitled;
}

/* ---- what is said ---- */

struct answer {
	json_t *log; /* of the reply */
	size_t bytes;
};

/* To the caller, up to the level that he wants; errors also where all can see them. */
static void say(void *arg, enum clog_level level, const char *text)
{
	struct answer *a = arg;

	if (level <= CLOG_ERROR)
		channel_say(BOOT_FD, "%s", text);
	a->bytes += strlen(text) + 16;
	if (a->bytes < LOG_MAX)
		json_array_append_new(a->log,
				      json_pack("[i,o]", (int)level, json_text(text)));
}

static int finish(struct boot *b, const struct request *q, struct answer *a,
		  enum kext_return result, struct err *e)
{
	if (json_object_set_new(q->reply, "os_return", json_integer(result)) ||
	    json_object_set(q->reply, "log", a->log))
		return err_set(e, E_NOMEM, "out of memory");
	return xnu_write_loaded_kexts(b, e);
}

/* ---- requests ---- */

static int read_archive(int fd, struct buf *out, struct err *e)
{
	struct stat st;
	int r;

	if (fd < 0)
		return err_set(e, E_INVAL, "no archive came with the request");
	if (fstat(fd, &st))
		return err_sys(e, "archive");
	if (!S_ISREG(st.st_mode) || st.st_size > MKEXT_MAX)
		return err_set(e, E_INVAL, "this is no archive");
	r = buf_append_zeros(out, (size_t)st.st_size, e);
	return r ? r : fsio_pread_all(fd, out->data, out->len, 0, "archive", e);
}

/* The level up to which the caller wants to hear: OSKextLogSpec's. */
static enum clog_level wanted_level(const struct request *q)
{
	json_int_t level = json_integer_value(json_object_get(q->json, "level"));

	return level < CLOG_ERROR    ? CLOG_ERROR
	       : level > CLOG_DEBUG ? CLOG_DEBUG
				    : (enum clog_level)level;
}

static int op_kext_load(struct boot *b, const struct request *q, struct err *e)
{
	struct answer a = {.log = json_array()};
	struct component_log log = {.line = say, .arg = &a, .max = wanted_level(q)};
	const struct kext_caller c = {.entitled = is_entitled(q->pid), .log = &log};
	struct buf archive = BUF_INIT;
	int r = read_archive(q->file, &archive, e);

	if (!r)
		r = finish(b, q, &a,
			   kernel_kexts_load(&b->kernel.running, archive.data, archive.len,
					     &c),
			   e);
	buf_release(&archive);
	json_decref(a.log);
	return r;
}

static int op_kext_unload(struct boot *b, const struct request *q, struct err *e)
{
	struct answer a = {.log = json_array()};
	struct component_log log = {.line = say, .arg = &a, .max = wanted_level(q)};
	const struct kext_caller c = {.log = &log};
	int r = finish(b, q, &a,
		       kernel_kexts_unload(&b->kernel.running, request_text(q, "id"), &c), e);

	json_decref(a.log);
	return r;
}

/*
 * IOCatalogueTerminate: every service of a class, or of a kext, and its personalities.
 * No service is ever started here, and no personality sent: none is left.
 */
static int op_catalogue_terminate(struct boot *b, const struct request *q, struct err *e)
{
	(void)b;
	if (!*request_text(q, "class") == !*request_text(q, "module"))
		return err_set(e, E_INVAL, "either class or module");
	return 0;
}

const struct service_op service_kext_request_ops[] = {
	{"kext_load", op_kext_load, ROOT},
	{"kext_unload", op_kext_unload, ROOT},
	{"catalogue_terminate", op_catalogue_terminate, ROOT},
	{NULL, NULL, ROOT},
};
