/* SPDX-License-Identifier: MIT */
/* What stands ready when the first program of the Mac runs, whatever its release. */
#include "components/boot/boot.h"
#include "components/boot/channel.h"
#include "components/boot/policy.h"
#include "components/boot/xnu.h"
#include "sim/carrier/boot_protocol.h"
#include "sim/formats/apfs/reader.h"

void boot_tell_kernel(const struct boot *b)
{
	char role[16];

	channel_event(BOOT_FD, "boot.kernel",
		      json_pack("{s:s,s:s,s:s,s:s,s:O}", "path", b->kernel_path, "volume",
				apfs_role_name(b->kernel_volume->role, role), "sha256",
				b->kernel.sha256, "kcid", b->kernel.kcid, "kexts",
				b->kernel.list));
}

int boot_prepare_userspace(struct boot *b, struct err *e)
{
	struct xnu_state x = {
		.nvram = &b->nvram,
		.volumes = &b->volumes,
		.kernel = &b->kernel,
		.root = b->root,
		.recovery = b->choice.recovery,
		.csr = b->csr,
		.time_factor = b->time_factor,
		.kernel_version = b->kernel.version,
	};
	struct policy_facts f = {
		.release = b->release, .root_device = b->root->device, .csr = b->csr};
	int r = xnu_build(&x, e);

	if (!r)
		r = policy_fill(b->sip, &f, e);
	if (r)
		return r;
	b->service = (struct service){
		.volumes = &b->volumes,
		.sip = b->sip,
		.log = &b->log,
		.csr = b->csr,
		.recovery = b->choice.recovery,
	};
	return service_open(&b->service, e);
}
