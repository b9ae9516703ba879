/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <sysexits.h>

#include "components/common/entitlements.h"
#include "components/common/log.h"
#include "components/common/this_release.h"
#include "components/kcditto/kcditto.h"
#include "sim/platform/paths.h"

ENTITLEMENTS("com.apple.rootless.install");

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct kcditto k = {
		.volume_root = "/",
		.script = PATH_SHOVE_KERNELS,
		.log = &log_stdio,
	};

	(void)argv;
	if (this_release("/", &k.running, &e)) {
		fprintf(stderr, "kcditto: %s\n", e.msg);
		return EX_SOFTWARE;
	}
	return kcditto_run(&k, argc);
}
