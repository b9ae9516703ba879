/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "components/common/entitlements.h"
#include "components/common/log.h"
#include "components/common/this_release.h"
#include "components/kextcache/kextcache.h"
#include "components/kextd/protocol.h"
#include "sim/platform/paths.h"

ENTITLEMENTS("com.apple.private.allow-bless", "com.apple.private.efilogin-helper",
	     "com.apple.private.kernel.get-kext-info", "com.apple.rootless.install",
	     "com.apple.private.security.kext-management",
	     "com.apple.rootless.storage.KernelExtensionManagement");

static void to_stdout(void *arg, enum clog_level level, const char *text)
{
	(void)arg;
	(void)level;
	printf("%s\n", text);
	fflush(stdout);
}

static enum clog_level level_from(const char *filter)
{
	return filter ? (enum clog_level)(strtoul(filter, NULL, 16) & CLOG_LEVEL_MASK) : 0;
}

int main(int argc, char **argv)
{
	struct component_log log = log_plain_stderr(CLOG_WARNING);
	struct component_log out = {.line = to_stdout, .max = CLOG_DEBUG};
	struct log_file file = {.fd = -1};
	struct err e = ERR_INIT;
	struct kc_world w = {
		.root = "/",
		.csr_config = XNU_CSR_CONFIG,
		.anchors = PATH_ANCHORS,
		.loaded_kexts = XNU_LOADED_KEXTS,
		.kextd_socket = XNU_KEXTD_SOCKET,
		.syspolicy_socket = XNU_SYSPOLICY_SOCKET,
		.data_mount = PATH_DATA_MOUNT,
		.self = "/usr/sbin/kextcache",
		.waits = WAITS_REAL,
		.spawned_by_kextd = getenv(KEXTD_SPAWNED_ENV) != NULL,
		.locks_held = getenv(KC_ENV_SKIP_LOCKS) != NULL,
		.least_level = level_from(getenv(KC_ENV_LOG_FILTER)),
		.log = &log,
		.out = &out,
	};
	int status;

	/* kextd's children log to the system log alone. */
	if (w.spawned_by_kextd) {
		if (log_file_open(&file, PATH_SYSTEM_LOG, "com.apple.kextcache", &e))
			err_clear(&e);
		log = log_file_sink(&file, CLOG_BASIC);
	}
	if (waits_read(&w.waits, XNU_TIME_FACTOR, &e) ||
	    this_release("/", &w.running, &e)) {
		clog_say(&log, CLOG_ERROR, "%s", e.msg);
		return EX_SOFTWARE;
	}
	status = kextcache_run(&w, argc, argv);
	log_file_close(&file);
	return status;
}
