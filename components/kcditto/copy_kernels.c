/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/kcditto/copy_kernels.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "components/kcditto/bom_copier.h"
#include "sim/base/fsio.h"
#include "sim/platform/bootcaches.h"

#define SOURCE_FILE "rosp_staging.m"
/* The lines of messages that no public log shows. */
#define LINE_UNKNOWN 0

/* Everything the steps of one copy need. */
struct copy {
	const struct release *running;
	const struct component_log *log;
	char src[PATH_MAX], dst[PATH_MAX]; /* folders */
};

/* In this order: if one fails, those after it are not tried. */
static const char *const prefixes[] = {"immutablekernel", "prelinkedkernel"};

void kext_tools_position(char *out, size_t size, const struct release *running,
			 const char *file, unsigned line)
{
	snprintf(out, size,
		 "/BuildRoot/Library/Caches/com.apple.xbs/Sources/kext_tools/"
		 "kext_tools-%s/%s.%u: ",
		 running->kext_tools, file, line);
}

static void log_error(const struct copy *c, unsigned line, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

static void log_error(const struct copy *c, unsigned line, const char *fmt, ...)
{
	char position[256], text[3 * PATH_MAX];
	va_list ap;

	kext_tools_position(position, sizeof(position), c->running, SOURCE_FILE, line);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clog_say(c->log, CLOG_ERROR, "%s%s", position, text);
}

static void on_fatal_file_error(void *arg, int error, const char *path)
{
	log_error(arg, LINE_UNKNOWN, "BOMCopier fatal file error: %d at %s", error, path);
}

static void on_fatal_error(void *arg, const char *text)
{
	log_error(arg, LINE_UNKNOWN, "BOMCopier fatal error: %s", text);
}

static void on_file_error(void *arg, int error, const char *path)
{
	const struct copy *c = arg;

	log_error(c, c->running->rosp.file_error, "BOMCopier file error: %d at %s", error,
		  path);
}

static int copy_one(struct copy *c, const char *name)
{
	struct bom_copier copier = {
		.fatal_file_error = on_fatal_file_error,
		.fatal_error = on_fatal_error,
		.file_error = on_file_error,
		.arg = c,
	};
	struct err e = ERR_INIT;
	char src[PATH_MAX];
	int r;

	if (fsio_join(src, sizeof(src), c->src, name, &e)) {
		on_fatal_error(c, e.msg);
		return 1;
	}
	clog_say(c->log, CLOG_EXPLICIT, "Copying kernel: %s -> %s", src, c->dst);
	r = bom_copy(&copier, src, c->dst);
	if (r)
		log_error(c, c->running->rosp.move_error,
			  "Error moving prelinked kernel: srcPath = %s, dstPath = %s, "
			  "error %d",
			  src, c->dst, r);
	return r;
}

/*
 * Every entry whose name begins with @prefix, in the order of the folder: variants
 * ("prelinkedkernel.development"), and as well what a build that was killed left behind.
 */
static int copy_prefix(struct copy *c, const char *prefix)
{
	struct err e = ERR_INIT;
	char base[PATH_MAX];
	struct dirent *d;
	DIR *dir;
	int r = 0;

	dir = opendir(c->src);
	if (!dir) {
		log_error(c, LINE_UNKNOWN, "Encountered error while inspecting path: %s",
			  c->src);
		return 0;
	}
	if (!fsio_join(base, sizeof(base), c->src, prefix, &e) && fsio_exists(base))
		while (!r && (d = readdir(dir)))
			if (!strncmp(d->d_name, prefix, strlen(prefix)))
				r = copy_one(c, d->d_name);
	closedir(dir);
	return r;
}

static int copy_all(struct copy *c)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (copy_prefix(c, prefixes[i])) {
			log_error(c, c->running->rosp.copy_error,
				  "Error copying kernels...");
			return COPY_KERNELS_FAILED;
		}
	}
	return EX_OK;
}

/* The folder of @path inside the volume. */
static int folder_of(const struct bootcaches *b, const char *path, char *out, size_t size,
		     struct err *e)
{
	char *slash;

	if (bootcaches_full_path(b, path, out, size, e))
		return err_ctx(e, "%s", path);
	slash = strrchr(out, '/');
	if (slash)
		slash[slash == out] = '\0';
	return 0;
}

static int find_folders(struct copy *c, const struct bootcaches *b, const char *volume)
{
	struct err e = ERR_INIT;

	if (!b->read_only_path) {
		log_error(c, LINE_UNKNOWN,
			  "Error reading bootcaches for volume %s... - no plk path?",
			  volume);
		return EX_SOFTWARE;
	}
	if (!b->path) {
		log_error(c, LINE_UNKNOWN,
			  "Error reading bootcaches for volume %s... - no plk staging "
			  "path?",
			  volume);
		return EX_SOFTWARE;
	}
	if (folder_of(b, b->path, c->src, sizeof(c->src), &e)) {
		log_error(c, LINE_UNKNOWN, "Error considering prelinked staging area...");
		return EX_SOFTWARE;
	}
	if (folder_of(b, b->read_only_path, c->dst, sizeof(c->dst), &e)) {
		log_error(c, LINE_UNKNOWN, "Error considering prelinked destination...");
		return EX_SOFTWARE;
	}
	return EX_OK;
}

int copy_kernels_in_volume(const char *volume_root, const struct release *running,
			   const struct component_log *log)
{
	struct copy c = {.running = running, .log = log};
	struct bootcaches b;
	struct err e = ERR_INIT;
	int status;

	if (geteuid() != 0) {
		log_error(&c, LINE_UNKNOWN,
			  "You must be running as root to manage the prelinked kernel "
			  "staging area.");
		return EX_NOPERM;
	}
	if (bootcaches_load(volume_root, &b, &e)) {
		log_error(&c, LINE_UNKNOWN, "Error reading bootcaches for volume %s...",
			  volume_root);
		return EX_SOFTWARE;
	}
	status = find_folders(&c, &b, volume_root);
	if (status == EX_OK)
		status = copy_all(&c);
	bootcaches_release(&b);
	return status;
}
