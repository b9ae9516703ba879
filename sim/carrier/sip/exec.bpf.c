/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Programs: what may start during shutdown, and that an entitlement stays with the code
 * that it was given to.
 */
#include "sim/carrier/sip/policy.bpf.h"

#define PROT_EXEC             4
#define PTRACE_MODE_ATTACH    2
#define PR_SET_MM             35
#define SHUTDOWN_FOLDER       "/private/var/install/"
#define SHUTDOWN_FOLDER_LEN   (sizeof(SHUTDOWN_FOLDER) - 1)

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[SIP_TEXT_MAX]);
} sip_scratch SEC(".maps");

static __always_inline bool on_system_volume(const struct sip_config *c,
					     const struct file *file)
{
	return file->f_inode->i_sb->s_dev == c->root_dev;
}

static __always_inline bool is_script(const struct linux_binprm *bprm)
{
	return bprm->buf[0] == '#' && bprm->buf[1] == '!';
}

static __always_inline bool in_shutdown_folder(const char *path)
{
	const char folder[] = SHUTDOWN_FOLDER;

	for (unsigned int i = 0; i < SHUTDOWN_FOLDER_LEN; i++)
		if (path[i] != folder[i])
			return false;
	return true;
}

static __always_inline void say_path(const char *prefix, const char *path)
{
	struct sip_event *ev = new_event(SIP_EVENT_KERNEL_LINE);
	__u64 args[] = {(__u64)(unsigned long)prefix, (__u64)(unsigned long)path};
	static const char form[] = "%s%s";

	if (!ev)
		return;
	bpf_snprintf(ev->text, sizeof(ev->text), form, args, sizeof(args));
	bpf_ringbuf_submit(ev, 0);
}

/*
 * During shutdown a script runs only from the folder of shutdown tasks, and a program
 * only from the system volume. Those that may write protected paths are announced.
 */
static __always_inline int check_shutdown_exec(const struct sip_config *c,
					       struct linux_binprm *bprm)
{
	struct sip_inode key = inode_key(bprm->file->f_inode);
	const struct sip_entitlements *ent = bpf_map_lookup_elem(&sip_entitled, &key);
	bool enforced = !(c->csr & CSR_UNRESTRICTED_FS);
	__u32 zero = 0;
	char *path = bpf_map_lookup_elem(&sip_scratch, &zero);

	if (!path || bpf_d_path(&bprm->file->f_path, path, SIP_TEXT_MAX) < 0)
		return enforced ? deny(SIP_OP_EXEC, bprm->file->f_path.dentry) : 0;
	if (is_script(bprm) && in_shutdown_folder(path)) {
		say_path(c->allowing_script, path);
		return 0;
	}
	if (enforced && (is_script(bprm) || !on_system_volume(c, bprm->file)))
		return deny(SIP_OP_EXEC, bprm->file->f_path.dentry);
	if (ent && (ent->bits & SIP_ENT_INSTALL))
		say_path(c->allowing_process, path);
	return 0;
}

SEC("lsm/bprm_check_security")
int BPF_PROG(sip_exec, struct linux_binprm *bprm)
{
	const struct sip_config *c = mac_config();
	struct task_struct *task = bpf_get_current_task_btf();

	if (!c)
		return 0;
	/* Who is traced may not become a program of the system. */
	if (task->ptrace && !(c->csr & CSR_TASK_FOR_PID) &&
	    on_system_volume(c, bprm->file))
		return deny(SIP_OP_PTRACE, bprm->file->f_path.dentry);
	return c->shutting_down ? check_shutdown_exec(c, bprm) : 0;
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(sip_ptrace, struct task_struct *child, unsigned int mode)
{
	const struct sip_config *c = mac_config();
	const struct file *exe = child->mm->exe_file;

	if (!c || !(mode & PTRACE_MODE_ATTACH) || (c->csr & CSR_TASK_FOR_PID) ||
	    !on_system_volume(c, exe))
		return 0;
	return deny(SIP_OP_PTRACE, exe->f_path.dentry);
}

/* A library of somebody else would act with the entitlements of the program. */
SEC("lsm/mmap_file")
int BPF_PROG(sip_mmap, struct file *file, unsigned long reqprot, unsigned long prot)
{
	const struct sip_config *c;

	if (!file || !(prot & PROT_EXEC))
		return 0;
	c = mac_config();
	if (!c || (c->csr & CSR_UNRESTRICTED_FS) || on_system_volume(c, file) ||
	    !entitlements_of(bpf_get_current_task_btf()))
		return 0;
	return deny(SIP_OP_LIBRARY, file->f_path.dentry);
}

/* PR_SET_MM_EXE_FILE would let a program pass for another. */
SEC("lsm/task_prctl")
int BPF_PROG(sip_prctl, int option)
{
	return option == PR_SET_MM && mac_config() ? deny(SIP_OP_CARRIER, NULL) : 0;
}

char exec_license[] SEC("license") = "Dual MIT/GPL";
