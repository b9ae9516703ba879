/* SPDX-License-Identifier: MIT */
/* The kernel's side of kernelmanagerd (libkern/c++/OSKext.cpp). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "components/boot/service_impl.h"
#include "components/common/packet.h"

static int notify(struct boot *b, json_t *msg, struct err *e)
{
	int client = b->service.kext_daemon, r;

	r = msg ? packet_send(b->service.client[client], msg, e)
		: err_set(e, E_NOMEM, "out of memory");
	json_decref(msg);
	return r;
}

static int op_kext_daemon(struct boot *b, const struct request *q, struct err *e)
{
	if (!b->release->kernel_collections)
		return err_set(e, E_UNSUPPORTED, "this kernel has kextd");
	if (b->service.kext_daemon >= 0)
		return err_set(e, E_BUSY, "there is a kext daemon");
	b->service.kext_daemon = (int)q->client;
	return 0;
}

/* The boot collection was loaded by the booter; what there may be beside it is not here. */
static int check_collections(const json_t *names, struct err *e)
{
	size_t n = json_array_size(names);

	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_array_get(names, i));

		if (!name || strcmp(name, "boot") != 0)
			return err_set(e, E_NOTFOUND, "there is no collection '%s'",
				       name ? name : "");
	}
	return n ? 0 : err_set(e, E_INVAL, "which collections?");
}

static int publish(struct boot *b, struct err *e)
{
	const struct kernelcache *k = &b->kernel;
	int r = 0;

	for (size_t i = 0; !r && i < k->n_kexts; i++)
		r = notify(b,
			   json_pack("{s:s,s:s,s:s,s:i}", "notify", "kext_loaded", "id",
				     k->kext[i].id, "version", k->kext[i].version, "tag",
				     (int)i + 1),
			   e);
	return r ? err_ctx(e, "telling kernelmanagerd") : 0;
}

static int op_load_collection(struct boot *b, const struct request *q, struct err *e)
{
	struct service *s = &b->service;
	int r;

	if (s->kext_daemon != (int)q->client)
		return err_set(e, E_PERM, "not the kext daemon");
	if (s->kexts_disabled)
		return err_set(e, E_PERM, "kext loading is disabled");
	r = check_collections(json_object_get(q->json, "collections"), e);
	if (!r && s->collection_loaded)
		r = refuse(e, EALREADY, "the collections were loaded before");
	if (!r)
		r = publish(b, e);
	if (r)
		return r;
	s->collection_loaded = true;
	if (json_object_set_new(q->reply, "kexts", json_integer(b->kernel.n_kexts)) ||
	    json_object_set_new(q->reply, "uuid", json_string(b->kernel.kcid)))
		return err_set(e, E_NOMEM, "out of memory");
	return 0;
}

const struct service_op service_kext_ops[] = {
	{"kext_daemon", op_kext_daemon, ROOT},
	{"load_collection", op_load_collection, ROOT},
	{NULL, NULL, ROOT},
};

/* ---- the end of kext loading ---- */

static const char *const subjects[] = {"Kext loading", "Kext unloading",
				       "Kext autounloading", "Kernel requests"};

static void say_all(struct boot *b, const char *what)
{
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		klog(&b->log, "", "%s now %s.", subjects[i], what);
}

void service_kexts_disable(struct boot *b)
{
	struct err e = ERR_INIT;

	if (!b->release->kernel_collections || b->service.kexts_disabled)
		return;
	b->service.kexts_disabled = true;
	say_all(b, "disabled");
	if (b->service.kext_daemon < 0)
		return;
	klog(&b->log, "",
	     "System shutdown; requesting immediate kernelmanagerd exit.");
	if (notify(b, json_pack("{s:s}", "notify", "exit"), &e))
		klog(&b->log, "", "kernelmanagerd cannot be told: %s", e.msg);
}

void service_kexts_enable(struct boot *b)
{
	if (!b->service.kexts_disabled)
		return;
	b->service.kexts_disabled = false;
	b->service.collection_loaded = false;
	say_all(b, "enabled");
}
