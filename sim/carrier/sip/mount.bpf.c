/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Mounts. The Mac mounts and unmounts volumes through the kernel's socket; what it may
 * ask by mount(2) is the remount of a bind mount, which is how its volumes are shown.
 */
#include "sim/carrier/sip/policy.bpf.h"

#define MS_RDONLY  1
#define MS_REMOUNT 32
#define MS_BIND    4096

static __always_inline void say(const char *line, __u32 size)
{
	struct sip_event *ev = new_event(SIP_EVENT_KERNEL_LINE);

	if (!ev)
		return;
	bpf_probe_read_kernel_str(ev->text, size, line);
	bpf_ringbuf_submit(ev, 0);
}

/*
 * The predicate of the shutdown bug: is the system volume to be made writable?
 * Releases from 10.15 beta 6 to 10.15.0 do not honour launchd's entitlement.
 */
static __always_inline bool root_may_be_writable(const struct sip_config *c)
{
	return (c->csr & CSR_UNRESTRICTED_FS) ||
	       (c->shutting_down && c->honours_shutdown_remount &&
		holds(SIP_ENT_SHUTDOWN_MOUNT));
}

SEC("lsm/sb_mount")
int BPF_PROG(sip_mount, const char *dev_name, const struct path *path, const char *type,
	     unsigned long flags)
{
	const struct sip_config *c = mac_config();
	const struct dentry *dentry = path->dentry;

	if (!c)
		return 0;
	if ((flags & (MS_REMOUNT | MS_BIND)) != (MS_REMOUNT | MS_BIND) ||
	    dentry->d_sb->s_magic == PROC_SUPER_MAGIC)
		return deny(flags & MS_REMOUNT ? SIP_OP_REMOUNT : SIP_OP_MOUNT, dentry);
	if (dentry->d_sb->s_dev != c->root_dev || (flags & MS_RDONLY) ||
	    root_may_be_writable(c))
		return 0;
	say(c->remount_refused, sizeof(c->remount_refused));
	return deny(SIP_OP_REMOUNT, dentry);
}

SEC("lsm/move_mount")
int BPF_PROG(sip_move_mount, const struct path *from, const struct path *to)
{
	return mac_config() ? deny(SIP_OP_MOUNT, to->dentry) : 0;
}

SEC("lsm/sb_umount")
int BPF_PROG(sip_umount, struct vfsmount *mnt)
{
	return mac_config() ? deny(SIP_OP_UMOUNT, mnt->mnt_root) : 0;
}

SEC("lsm/sb_pivotroot")
int BPF_PROG(sip_pivot_root, const struct path *old_path, const struct path *new_path)
{
	return mac_config() ? deny(SIP_OP_MOUNT, new_path->dentry) : 0;
}

SEC("lsm/sb_remount")
int BPF_PROG(sip_remount_sb, struct super_block *sb)
{
	return mac_config() ? deny(SIP_OP_REMOUNT, sb->s_root) : 0;
}

char mount_license[] SEC("license") = "Dual MIT/GPL";
