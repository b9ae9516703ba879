/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the policy's BPF programs say, in the order in which it happened: records of
 * one ring buffer, read by init.
 *
 * SIP_EVENT_CONSOLE: a write to the console pipe returned; its bytes are in the pipe.
 * The reader takes whole packets until it has had @len bytes. It may be ahead: bytes
 * that came into the pipe by splice(2) have no event, and a write larger than the pipe
 * has its event only after the reader drained some of it. So a reader that finds the
 * ring empty and the pipe readable for a while prints a packet without an event and
 * takes the bytes off the next console events.
 *
 * SIP_EVENT_KERNEL_LINE: a line of the Mac's kernel, in text, without newline.
 *
 * SIP_EVENT_DENIED: the policy refused something to a task of the Mac.
 */
#ifndef SIM_CARRIER_SIP_EVENTS_H
#define SIM_CARRIER_SIP_EVENTS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

enum sip_event_kind {
	SIP_EVENT_CONSOLE = 1,
	SIP_EVENT_KERNEL_LINE = 2,
	SIP_EVENT_DENIED = 3,
};

/* What was refused; sip_op_name() (sip.h) has the words of the control channel. */
enum sip_op {
	SIP_OP_NONE,
	SIP_OP_OPEN_WRITE,
	SIP_OP_CREATE,
	SIP_OP_MKDIR,
	SIP_OP_MKNOD,
	SIP_OP_LINK,
	SIP_OP_SYMLINK,
	SIP_OP_UNLINK,
	SIP_OP_RMDIR,
	SIP_OP_RENAME,
	SIP_OP_SETATTR,
	SIP_OP_SETXATTR,
	SIP_OP_REMOVEXATTR,
	SIP_OP_IOCTL,
	SIP_OP_MOUNT,
	SIP_OP_REMOUNT,
	SIP_OP_UMOUNT,
	SIP_OP_RAW_DISK,
	SIP_OP_NVRAM,
	SIP_OP_PTRACE,
	SIP_OP_EXEC,
	SIP_OP_LIBRARY,
	SIP_OP_CARRIER, /* would reach below the Mac: modules, bpf, raw memory ... */
	SIP_OP_MAX
};

#define SIP_TEXT_MAX  512 /* with the NUL */
#define SIP_NAME_MAX  48  /* one component of a path, cut, with the NUL */
#define SIP_NAMES_MAX 16 /* a power of two */

struct sip_event {
	__u32 kind;  /* enum sip_event_kind */
	__u32 op;    /* enum sip_op */
	__s32 error; /* errno, positive */
	__u32 len;   /* SIP_EVENT_CONSOLE: bytes written */
	__u32 pid;   /* of the process, in the carrier's namespace */
	__u32 n_names;
	char comm[16];
	/* Records of SIP_EVENT_CONSOLE end here: look at the record's size. */
	char text[SIP_TEXT_MAX];
	/* DENIED: the path inside its volume, the last component first. */
	char names[SIP_NAMES_MAX][SIP_NAME_MAX];
};

#define SIP_EVENT_HEAD_SIZE 40 /* offsetof(struct sip_event, text) */

#endif
