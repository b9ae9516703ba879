/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Not SIP: what keeps the Mac's root from reaching the Linux below it, whatever SIP
 * says. A Mac has none of these calls.
 */
#include "sim/carrier/sip/policy.bpf.h"

#define CAP_SYS_MODULE 16
#define CAP_SYS_RAWIO  17
#define CAP_SYS_ADMIN  21
#define CAP_PERFMON    38
#define CAP_BPF        39

/* The mount calls that no other hook sees; one numbering for all of x86's tables. */
#define NR_OPEN_TREE     428
#define NR_FSOPEN        430
#define NR_FSPICK        433
#define NR_MOUNT_SETATTR 442

#define BIT(n) (1ull << (n))

static const __u64 refused_caps =
	BIT(CAP_SYS_MODULE) | BIT(CAP_SYS_RAWIO) | BIT(CAP_PERFMON) | BIT(CAP_BPF);

static __always_inline bool is_mount_call(void)
{
	struct pt_regs *regs =
	    (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	__u64 nr = regs->orig_ax;

	return nr == NR_MOUNT_SETATTR || (nr >= NR_OPEN_TREE && nr <= NR_FSPICK);
}

SEC("lsm/capable")
int BPF_PROG(carrier_capable, const struct cred *cred, struct user_namespace *ns, int cap)
{
	if (cap < 0 || cap > 63)
		return 0;
	if (!(refused_caps >> cap & 1) && cap != CAP_SYS_ADMIN)
		return 0;
	if (!mac_config())
		return 0;
	if (cap == CAP_SYS_ADMIN && !is_mount_call())
		return 0;
	return -EPERM; /* not reported: the kernel asks in passing, too */
}

SEC("lsm/bpf")
int BPF_PROG(carrier_bpf)
{
	return mac_config() ? deny(SIP_OP_CARRIER, NULL) : 0;
}

SEC("lsm/perf_event_open")
int BPF_PROG(carrier_perf)
{
	return mac_config() ? deny(SIP_OP_CARRIER, NULL) : 0;
}

/* kexec_load, init_module */
SEC("lsm/kernel_load_data")
int BPF_PROG(carrier_load_data)
{
	return mac_config() ? deny(SIP_OP_CARRIER, NULL) : 0;
}

/* kexec_file_load, finit_module */
SEC("lsm/kernel_read_file")
int BPF_PROG(carrier_read_file)
{
	return mac_config() ? deny(SIP_OP_CARRIER, NULL) : 0;
}

char carrier_license[] SEC("license") = "Dual MIT/GPL";
