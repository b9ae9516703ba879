/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The order of the console: one event per write to the pipe that is launchd's standard
 * output, put into the ring in the order in which the writes came about.
 */
#include "sim/carrier/sip/policy.bpf.h"

SEC("fexit/pipe_write")
int BPF_PROG(console_written, struct kiocb *iocb, struct iov_iter *from, long ret)
{
	const struct inode *inode = iocb->ki_filp->f_inode;
	const struct sip_config *c;
	struct sip_event *ev;
	__u32 zero = 0;

	if (ret <= 0)
		return 0;
	c = bpf_map_lookup_elem(&sip_config, &zero);
	if (!c || !c->armed || inode->i_ino != c->console_ino ||
	    inode->i_sb->s_dev != c->console_dev)
		return 0;
	ev = bpf_ringbuf_reserve(&sip_events, SIP_EVENT_HEAD_SIZE, 0);
	if (!ev)
		return 0;
	ev->kind = SIP_EVENT_CONSOLE;
	ev->op = SIP_OP_NONE;
	ev->error = 0;
	ev->len = ret;
	ev->n_names = 0;
	ev->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(ev->comm, sizeof(ev->comm));
	bpf_ringbuf_submit(ev, 0);
	return 0;
}

char console_license[] SEC("license") = "Dual MIT/GPL";
