/* SPDX-License-Identifier: MIT */
/* The small files of a system that somebody brings: each of their readers on any bytes. */
#include <stdint.h>

#include "components/boot/firmlinks.h"
#include "components/common/this_release.h"
#include "components/launchd/job.h"
#include "sim/base/buf.h"
#include "sim/platform/bootcaches.h"
#include "sim/platform/filevault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int each(void *arg, const char *path, const char *target, struct err *e)
{
	(void)arg;
	return *path == '/' && *target ? 0 : err_set(e, E_SCHEMA, "no path");
}

static void read_firmlinks(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT;

	if (!buf_append(&text, data, size, NULL))
		(void)!firmlinks_each(buf_str(&text), each, NULL, NULL);
	buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct release *release;
	struct bootcaches caches;
	struct job *job = NULL;
	struct err e = ERR_INIT;
	bool ok;

	if (!bootcaches_parse("/", data, size, &caches, &e))
		bootcaches_release(&caches);
	if (!job_parse(data, size, "fuzz", &job, &e)) {
		(void)job_wants_restart(job, 0);
		job_free(job);
	}
	(void)!this_release_of(data, size, "fuzz", &release, &e);
	(void)!filevault_check(data, size, "passphrase", &ok, &e);
	read_firmlinks(data, size);
	return 0;
}
