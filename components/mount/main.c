/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <sysexits.h>

#include "components/common/boot_args.h"
#include "components/mount/mount_tool.h"
#include "sim/platform/machine.h"
#include "sim/platform/paths.h"

/* Without the list of the kernel, or a machine in it: a Mac of 10.15. */
static bool protects_data(void)
{
	const struct machine_model *m;
	struct err ignore = ERR_INIT;
	char name[64];

	if (boot_args_text(XNU_BOOT_ARGS, "Machine", name, sizeof(name), &ignore))
		return false;
	m = machine_by_name(name);
	return m && m->secure_boot != SECURE_BOOT_NONE;
}

int main(int argc, char **argv)
{
	struct mount_env env = {.volumes = XNU_VOLUMES,
				.kernel = XNU_KERNEL_SOCKET,
				.protects_data = protects_data(),
				.flags = mount_flags,
				.remount = mount_remount};
	struct buf out = BUF_INIT, err_out = BUF_INIT;
	struct err e = ERR_INIT;
	int status = EX_OSERR;

	if (mount_run(&env, argc, argv, &out, &err_out, &status, &e))
		fprintf(stderr, "mount: %s\n", e.msg);
	fputs(buf_str(&out), stdout);
	fputs(buf_str(&err_out), stderr);
	buf_release(&out);
	buf_release(&err_out);
	return status;
}
