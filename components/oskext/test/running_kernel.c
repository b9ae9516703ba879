/* SPDX-License-Identifier: MIT */
#include "components/oskext/test/running_kernel.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "components/boot/kernelcache.h"
#include "components/common/packet.h"
#include "components/common/loaded_kexts.h"
#include "components/kextcache/test/kextcache_fixture.h"
#include "sim/base/fsio.h"
#include "sim/base/json_text.h"
#include "sim/base/test.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/paths.h"

struct oskext_world running_world;

static struct kernelcache cache;
static struct component_log log_said;

static void write_list(void)
{
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	ASSERT_OK(kernel_kexts_plist(&cache.running, &text, &e), &e);
	ASSERT_OK(fsio_write_atomic(loaded, text.data, text.len, 0644, &e), &e);
	buf_release(&text);
}

static void hear(void *arg, enum clog_level level, const char *text)
{
	json_array_append_new(arg, json_pack("[i,o]", (int)level, json_text(text)));
}

static enum kext_return load(int file, const struct kext_caller *c)
{
	struct buf archive = BUF_INIT;
	struct err e = ERR_INIT;
	enum kext_return r;
	struct stat st;

	CU_ASSERT_FATAL(file >= 0 && !fstat(file, &st));
	ASSERT_OK(buf_append_zeros(&archive, (size_t)st.st_size, &e), &e);
	ASSERT_OK(fsio_pread_all(file, archive.data, archive.len, 0, "archive", &e), &e);
	r = kernel_kexts_load(&cache.running, archive.data, archive.len, c);
	buf_release(&archive);
	return r;
}

static json_t *answer(void *ctx, const char *op, const json_t *req)
{
	struct fake_kernel *k = ctx;
	json_t *reply = packet_reply(0, NULL), *heard = json_array();
	const struct component_log log = {.line = hear, .arg = heard, .max = CLOG_DEBUG};
	const struct kext_caller c = {.entitled = true, .log = &log};
	enum kext_return r = KEXT_RET_OK;

	if (!strcmp(op, "kext_load"))
		r = load(k->file, &c);
	else if (!strcmp(op, "kext_unload"))
		r = kernel_kexts_unload(&cache.running,
					json_string_value(json_object_get(req, "id")), &c);
	write_list();
	json_object_set_new(reply, "os_return", json_integer(r));
	json_object_set_new(reply, "log", heard);
	return reply;
}

bool running_kernel_start(struct fake_kernel *k)
{
	struct buf file = BUF_INIT;
	struct err e = ERR_INIT;
	struct kc_world w;

	if (!volume())
		return false;
	w = world();
	CU_ASSERT_EQUAL_FATAL(build(&w, "-local-root"), 0);
	ASSERT_OK(fsio_read(at(PATH_STAGED_PLK), 64u << 20, &file, &e), &e);
	ASSERT_OK(kernelcache_open(&cache, PATH_SYSTEM_PLK, file.data, file.len, &e), &e);
	buf_release(&file);
	write_list();
	*k = (struct fake_kernel){.answer = answer, .ctx = k};
	fake_kernel_start(k);
	said[0] = '\0';
	log_said = (struct component_log){.line = take, .arg = said, .max = CLOG_WARNING};
	running_world = (struct oskext_world){
		.root = root,
		.csr_config = w.csr_config,
		.syspolicy_socket = "/nonexistent/syspolicyd", /* all may */
		.kernel_socket = k->socket,
		.loaded_kexts = loaded,
		.is_root = true,
		.log = &log_said,
	};
	return true;
}

void running_kernel_stop(struct fake_kernel *k)
{
	fake_kernel_stop(k);
	fake_kernel_release(k);
	kernelcache_release(&cache);
}

bool running_kernel_has(const char *id, const char *version)
{
	plist_t list = NULL, d;
	struct err e = ERR_INIT;
	const char *text;
	bool has;

	ASSERT_OK(loaded_kexts_read(loaded, &list, &e), &e);
	d = loaded_kexts_find(list, id);
	text = d ? pl_str(plist_dict_get_item(d, "CFBundleVersion")) : NULL;
	has = !strcmp(text ? text : "", version);
	plist_free(list);
	return has;
}

void put_kext(const char *folder, const char *fixture, const char *name)
{
	CU_ASSERT_EQUAL(test_shell("mkdir -p '%s' && cp -R '%s/%s.kext' '%s/%s.kext' && "
				   "chown -R 0:0 '%s/%s.kext' && chmod -R go-w '%s/%s.kext'",
				   at(folder), test_source("build/fixtures"), fixture,
				   at(folder), name, at(folder), name, at(folder), name),
			0);
}
