/* SPDX-License-Identifier: MIT */
/* /sbin/kextunload */
#include <unistd.h>

#include "components/common/log.h"
#include "components/kextunload/kextunload.h"
#include "sim/platform/paths.h"

int main(int argc, char **argv)
{
	struct component_log log = log_plain_stderr(CLOG_WARNING);
	struct kextunload_world w = {
		.kernel_socket = XNU_KERNEL_SOCKET,
		.is_root = geteuid() == 0,
		.log = &log,
	};

	return kextunload_run(&w, argc, argv);
}
