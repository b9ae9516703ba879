/* SPDX-License-Identifier: MIT */
#include "components/kcditto/kcditto.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "components/kcditto/copy_kernels.h"

#define SOURCE_FILE  "kcditto_main.m"
#define LINE_UNKNOWN 0

static int usage(const struct kcditto *k)
{
	clog_say(k->log, CLOG_ERROR,
		 "kcditto takes no arguments and should not be run directly.");
	clog_say(k->log, CLOG_ERROR,
		 "kcditto installs previously-rebuilt kernelcaches onto the System "
		 "volume.");
	return EX_USAGE;
}

static void log_error(const struct kcditto *k, unsigned line, const char *text)
{
	char position[256];

	kext_tools_position(position, sizeof(position), k->running, SOURCE_FILE, line);
	clog_say(k->log, CLOG_ERROR, "%s%s", position, text);
}

/* A script that is not there is an error too, as when kcditto is started by hand. */
static int remove_script(const struct kcditto *k)
{
	char text[PATH_MAX + 128];
	int error;

	if (!remove(k->script))
		return EX_OK;
	error = errno;
	snprintf(text, sizeof(text), "Error removing %s: %d (%s)", k->script, error,
		 strerror(error));
	log_error(k, LINE_UNKNOWN, text);
	log_error(k, LINE_UNKNOWN, "Error removing temp script (standalone)...");
	return EX_SOFTWARE;
}

int kcditto_run(const struct kcditto *k, int argc)
{
	int status;

	if (argc > 1)
		return usage(k);
	status = copy_kernels_in_volume(k->volume_root, k->running, k->log);
	if (status != EX_OK) {
		log_error(k, k->running->rosp.standalone_error,
			  "Error copying kernels (standalone)...");
		return status;
	}
	return remove_script(k);
}
