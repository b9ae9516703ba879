/* SPDX-License-Identifier: MIT */
/* /usr/libexec/syspolicyd */
#include <signal.h>
#include <sysexits.h>

#include "components/common/entitlements.h"
#include "components/common/log.h"
#include "components/common/spawn.h"
#include "components/syspolicyd/mdm.h"
#include "components/syspolicyd/syspolicyd.h"
#include "sim/platform/paths.h"

ENTITLEMENTS("com.apple.rootless.storage.SystemPolicyConfiguration");

int main(void)
{
	struct log_file file = {.fd = -1};
	struct err e = ERR_INIT;
	struct component_log log;
	struct syspolicyd_options o = {
		.root = "/",
		.csr_config = XNU_CSR_CONFIG,
		.nvram_dir = XNU_NVRAM_DIR,
		.boot_args = XNU_BOOT_ARGS,
		.database = PATH_KEXT_POLICY,
		.mdm_payload = MDM_PAYLOAD_PATH,
		.listener = SPAWN_SERVICE_PORT,
		.waits = WAITS_REAL,
		.log = &log,
	};

	signal(SIGPIPE, SIG_IGN);
	if (log_file_open(&file, PATH_SYSTEM_LOG, "syspolicyd", &e))
		err_clear(&e);
	log = log_file_sink(&file, CLOG_DETAIL);
	if (waits_read(&o.waits, XNU_TIME_FACTOR, &e) || syspolicyd_run(&o, &e))
		clog_say(&log, CLOG_ERROR, "%s", e.msg);
	log_file_close(&file);
	return EX_OSERR;
}
