/* SPDX-License-Identifier: MIT */
#include "sim/carrier/sip/event_text.h"

#include <stdio.h>
#include <string.h>

static const char *const op_names[SIP_OP_MAX] = {
	[SIP_OP_NONE] = "none",
	[SIP_OP_OPEN_WRITE] = "open-write",
	[SIP_OP_CREATE] = "create",
	[SIP_OP_MKDIR] = "mkdir",
	[SIP_OP_MKNOD] = "mknod",
	[SIP_OP_LINK] = "link",
	[SIP_OP_SYMLINK] = "symlink",
	[SIP_OP_UNLINK] = "unlink",
	[SIP_OP_RMDIR] = "rmdir",
	[SIP_OP_RENAME] = "rename",
	[SIP_OP_SETATTR] = "setattr",
	[SIP_OP_SETXATTR] = "setxattr",
	[SIP_OP_REMOVEXATTR] = "removexattr",
	[SIP_OP_IOCTL] = "ioctl",
	[SIP_OP_MOUNT] = "mount",
	[SIP_OP_REMOUNT] = "remount",
	[SIP_OP_UMOUNT] = "umount",
	[SIP_OP_RAW_DISK] = "raw-disk",
	[SIP_OP_NVRAM] = "nvram",
	[SIP_OP_PTRACE] = "ptrace",
	[SIP_OP_EXEC] = "exec",
	[SIP_OP_LIBRARY] = "library",
	[SIP_OP_CARRIER] = "carrier",
};

const char *sip_op_name(__u32 op)
{
	return op < SIP_OP_MAX ? op_names[op] : "unknown";
}

_Static_assert(offsetof(struct sip_event, text) == SIP_EVENT_HEAD_SIZE, "head");

void sip_event_path(const struct sip_event *ev, char *out, size_t size)
{
	__u32 n = ev->n_names < SIP_NAMES_MAX ? ev->n_names : SIP_NAMES_MAX;
	size_t len = 0;

	if (!size)
		return;
	out[0] = '\0';
	if (n == SIP_NAMES_MAX)
		len = (size_t)snprintf(out, size, "...");
	while (n-- > 0 && len < size)
		len += (size_t)snprintf(out + len, size - len, "/%.*s", SIP_NAME_MAX - 1,
					ev->names[n]);
}
