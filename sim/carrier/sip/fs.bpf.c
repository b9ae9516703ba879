/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Writing, making, removing, renaming and changing files.
 *
 * The kernel asks these hooks after it found the mount writable: a read-only volume has
 * answered EROFS before, as on a Mac.
 */
#include "sim/carrier/sip/policy.bpf.h"

#define FMODE_WRITE 0x2

/* ioctls that change a file through a descriptor opened for reading */
#define FS_IOC_SETFLAGS      0x40086602
#define FS_IOC32_SETFLAGS    0x40046602
#define FS_IOC_FSSETXATTR    0x401c5820
#define APFS_IOC_TYPE        0x40 /* '@': protection classes, snapshots */

/* Is a write to @dentry in /dev/xnu allowed? Names have their rules, all else is closed.
 */
static __always_inline bool xnu_writable(const struct sip_config *c,
					 const struct dentry *dentry, bool is_socket)
{
	bool variable = dentry->d_parent->d_inode->i_ino == c->nvram_ino;
	const struct sip_name_rule *rule;
	struct sip_name key = {};

	bpf_probe_read_kernel_str(key.name, sizeof(key.name), dentry->d_name.name);
	rule = bpf_map_lookup_elem(&sip_names, &key);
	if (!rule)
		return variable;
	if (variable)
		return c->csr & rule->csr_any;
	return is_socket && holds(rule->entitlements);
}

static __always_inline int check_xnu(const struct sip_config *c,
				     const struct dentry *dentry, bool is_socket,
				     __u32 op)
{
	if (xnu_writable(c, dentry, is_socket))
		return 0;
	if (dentry->d_parent->d_inode->i_ino == c->nvram_ino)
		op = SIP_OP_NVRAM;
	return deny(op, dentry);
}

static __always_inline bool in_xnu(const struct sip_config *c,
				   const struct dentry *dentry)
{
	return dentry->d_sb->s_dev == c->xnu_dev;
}

static __always_inline bool is_socket(const struct dentry *dentry)
{
	const struct inode *inode = dentry->d_inode;

	return inode && (inode->i_mode & S_IFMT) == S_IFSOCK;
}

/* procfs below /dev/xnu is to be looked at; /proc/sys would reach the carrier. */
static __always_inline bool in_proc(const struct dentry *dentry)
{
	return dentry->d_sb->s_magic == PROC_SUPER_MAGIC;
}

/* A change of the existing file @dentry itself. */
static __always_inline int check_change(const struct dentry *dentry, __u32 op)
{
	const struct sip_config *c = mac_config();

	if (!c)
		return 0;
	if (in_proc(dentry))
		return deny(SIP_OP_CARRIER, dentry);
	if (in_xnu(c, dentry))
		return check_xnu(c, dentry, is_socket(dentry), op);
	return path_writable(c, dentry) ? 0 : deny(op, dentry);
}

/* A new name @dentry. */
static __always_inline int check_make(const struct dentry *dentry, bool socket, __u32 op)
{
	const struct sip_config *c = mac_config();

	if (!c)
		return 0;
	if (in_xnu(c, dentry))
		return check_xnu(c, dentry, socket, op);
	return path_writable(c, dentry->d_parent) ? 0 : deny(op, dentry);
}

/* Does @dentry hold something that is protected, so that it has to stay? */
static __always_inline bool pinned(const struct sip_config *c,
				   const struct dentry *dentry)
{
	struct sip_inode key = inode_key(dentry->d_inode);
	const struct sip_mark *m = bpf_map_lookup_elem(&sip_marks, &key);

	return m && (m->kind & SIP_NOUNLINK) && !(c->csr & CSR_UNRESTRICTED_FS) &&
	       !holds(SIP_ENT_INSTALL);
}

/* The name @dentry goes away: a change of the file, and of the folder that held it. */
static __always_inline int check_remove(const struct dentry *dentry, __u32 op)
{
	const struct sip_config *c = mac_config();

	if (!c)
		return 0;
	if (in_xnu(c, dentry))
		return check_xnu(c, dentry, is_socket(dentry), op);
	if (pinned(c, dentry) || !path_writable(c, dentry) ||
	    !path_writable(c, dentry->d_parent))
		return deny(op, dentry);
	return 0;
}

SEC("lsm/inode_create")
int BPF_PROG(sip_create, struct inode *dir, struct dentry *dentry)
{
	return check_make(dentry, false, SIP_OP_CREATE);
}

SEC("lsm/inode_mkdir")
int BPF_PROG(sip_mkdir, struct inode *dir, struct dentry *dentry)
{
	return check_make(dentry, false, SIP_OP_MKDIR);
}

SEC("lsm/inode_symlink")
int BPF_PROG(sip_symlink, struct inode *dir, struct dentry *dentry)
{
	return check_make(dentry, false, SIP_OP_SYMLINK);
}

SEC("lsm/inode_mknod")
int BPF_PROG(sip_mknod, struct inode *dir, struct dentry *dentry, umode_t mode, dev_t dev)
{
	__u32 type = mode & S_IFMT;

	/* A device node would be the carrier's device, not the Mac's. Device 0:0 is none: so
	 * overlayfs writes down what was deleted. */
	if ((type == S_IFBLK || (type == S_IFCHR && dev)) && mac_config())
		return deny(SIP_OP_CARRIER, dentry);
	return check_make(dentry, type == S_IFSOCK, SIP_OP_MKNOD);
}

/* A second name would lie outside the protection of the first one's folder. */
SEC("lsm/inode_link")
int BPF_PROG(sip_link, struct dentry *from, struct inode *dir, struct dentry *to)
{
	int r = check_change(from, SIP_OP_LINK);

	return r ? r : check_make(to, false, SIP_OP_LINK);
}

SEC("lsm/inode_unlink")
int BPF_PROG(sip_unlink, struct inode *dir, struct dentry *dentry)
{
	return check_remove(dentry, SIP_OP_UNLINK);
}

SEC("lsm/inode_rmdir")
int BPF_PROG(sip_rmdir, struct inode *dir, struct dentry *dentry)
{
	return check_remove(dentry, SIP_OP_RMDIR);
}

SEC("lsm/inode_rename")
int BPF_PROG(sip_rename, struct inode *from_dir, struct dentry *from,
	     struct inode *to_dir, struct dentry *to)
{
	int r = check_remove(from, SIP_OP_RENAME);

	if (r)
		return r;
	return to->d_inode ? check_remove(to, SIP_OP_RENAME) :
			     check_make(to, is_socket(from), SIP_OP_RENAME);
}

SEC("lsm/inode_setattr")
int BPF_PROG(sip_setattr, struct dentry *dentry)
{
	return check_change(dentry, SIP_OP_SETATTR);
}

SEC("lsm/inode_setxattr")
int BPF_PROG(sip_setxattr, struct user_namespace *ns, struct dentry *dentry)
{
	return check_change(dentry, SIP_OP_SETXATTR);
}

SEC("lsm/inode_removexattr")
int BPF_PROG(sip_removexattr, struct user_namespace *ns, struct dentry *dentry)
{
	return check_change(dentry, SIP_OP_REMOVEXATTR);
}

SEC("lsm/file_open")
int BPF_PROG(sip_open, struct file *file)
{
	const struct dentry *dentry = file->f_path.dentry;
	const struct sip_config *c;
	__u32 type;

	if (!(file->f_mode & FMODE_WRITE))
		return 0;
	type = file->f_inode->i_mode & S_IFMT;
	if (type == S_IFBLK) {
		c = mac_config();
		return c && !(c->csr & CSR_UNRESTRICTED_FS)
			   ? deny(SIP_OP_RAW_DISK, dentry)
			   : 0;
	}
	/* Writing to a device is not a change of its node. */
	return type == S_IFCHR ? 0 : check_change(dentry, SIP_OP_OPEN_WRITE);
}

SEC("lsm/file_ioctl")
int BPF_PROG(sip_ioctl, struct file *file, unsigned int cmd)
{
	if (cmd != FS_IOC_SETFLAGS && cmd != FS_IOC32_SETFLAGS &&
	    cmd != FS_IOC_FSSETXATTR && (cmd >> 8 & 0xff) != APFS_IOC_TYPE)
		return 0;
	return check_change(file->f_path.dentry, SIP_OP_IOCTL);
}

char fs_license[] SEC("license") = "Dual MIT/GPL";
