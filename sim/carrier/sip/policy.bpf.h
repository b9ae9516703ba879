/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the policy's programs share: maps, who asks, what is protected, what is said. */
#ifndef SIM_CARRIER_SIP_POLICY_BPF_H
#define SIM_CARRIER_SIP_POLICY_BPF_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "sim/carrier/sip/events.h"
#include "sim/carrier/sip/maps.h"

#define EPERM 1

#define S_IFMT   0170000
#define S_IFBLK  0060000
#define S_IFCHR  0020000
#define S_IFSOCK 0140000

#define PROC_SUPER_MAGIC 0x9fa0

#define CSR_UNRESTRICTED_FS 0x2u
#define CSR_TASK_FOR_PID    0x4u

/* How far up a path is looked at. Deeper than this nothing is written: fail closed. */
#define WALK_MAX 96

/* Each object file has the same maps; the linker makes one of them. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sip_config);
} sip_config __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SIP_MARKS_MAX);
	__type(key, struct sip_inode);
	__type(value, struct sip_mark);
} sip_marks __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SIP_ENTITLED_MAX);
	__type(key, struct sip_inode);
	__type(value, struct sip_entitlements);
} sip_entitled __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct sip_name);
	__type(value, struct sip_name_rule);
} sip_names __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} sip_events __weak SEC(".maps");

/*
 * The configuration if the policy speaks of the current task, else NULL. Only the Mac
 * lives in a PID namespace below the first, and a task there is the Mac's from the first
 * program of the Mac that it executes: before that, it is init preparing it.
 */
static __always_inline const struct sip_config *mac_config(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct sip_config *c;
	__u32 zero = 0;

	if (task->thread_pid->level == 0)
		return NULL;
	c = bpf_map_lookup_elem(&sip_config, &zero);
	if (!c || !c->armed || task->mm->exe_file->f_inode->i_sb->s_dev == c->carrier_dev)
		return NULL;
	return c;
}

static __always_inline struct sip_inode inode_key(const struct inode *inode)
{
	struct sip_inode key = {.ino = inode->i_ino, .dev = inode->i_sb->s_dev};

	return key;
}

static __always_inline const struct sip_entitlements *
entitlements_of(struct task_struct *task)
{
	struct sip_inode key = inode_key(task->mm->exe_file->f_inode);

	return bpf_map_lookup_elem(&sip_entitled, &key);
}

static __always_inline bool holds(__u32 bits)
{
	const struct sip_entitlements *ent = entitlements_of(bpf_get_current_task_btf());

	return ent && (ent->bits & bits);
}

/* May the current task write below a restricted mark? */
static __always_inline bool may_write(const struct sip_mark *mark)
{
	const struct sip_entitlements *ent = entitlements_of(bpf_get_current_task_btf());

	return ent && ((ent->bits & SIP_ENT_INSTALL) || (ent->classes & mark->classes));
}

/*
 * The walks up a path are bpf_loop callbacks: the verifier sees the body of such a loop
 * once, and not each of its rounds, which takes seconds from every boot under TCG.
 */
struct naming {
	struct sip_event *ev;
	const struct dentry *dentry;
};

static long name_one(__u32 i, void *arg)
{
	struct naming *n = arg;
	const struct dentry *parent = n->dentry->d_parent;

	i %= SIP_NAMES_MAX; /* for the verifier, which does not know how often it is
			       called */
	if (n->dentry == parent)
		return 1;
	bpf_probe_read_kernel_str(n->ev->names[i], SIP_NAME_MAX, n->dentry->d_name.name);
	n->ev->n_names = i + 1;
	n->dentry = parent;
	return 0;
}

static __always_inline void name_event(struct sip_event *ev, const struct dentry *dentry)
{
	struct naming n = {.ev = ev, .dentry = dentry};

	ev->n_names = 0;
	bpf_loop(SIP_NAMES_MAX, name_one, &n, 0);
}

static __always_inline struct sip_event *new_event(__u32 kind)
{
	struct sip_event *ev = bpf_ringbuf_reserve(&sip_events, sizeof(*ev), 0);

	if (!ev)
		return NULL;
	ev->kind = kind;
	ev->op = SIP_OP_NONE;
	ev->error = 0;
	ev->len = 0;
	ev->n_names = 0;
	ev->pid = bpf_get_current_pid_tgid() >> 32;
	ev->text[0] = '\0';
	bpf_get_current_comm(ev->comm, sizeof(ev->comm));
	return ev;
}

/* Report a refusal and return it. @dentry may be NULL. */
static __always_inline int deny(__u32 op, const struct dentry *dentry)
{
	struct sip_event *ev = new_event(SIP_EVENT_DENIED);

	if (ev) {
		ev->op = op;
		ev->error = EPERM;
		if (dentry)
			name_event(ev, dentry);
		bpf_ringbuf_submit(ev, 0);
	}
	return -EPERM;
}

struct walk {
	const struct dentry *dentry;
	bool writable;
};

static long walk_one(__u32 i, void *arg)
{
	struct walk *w = arg;
	const struct dentry *dentry = w->dentry, *parent = dentry->d_parent;
	const struct inode *inode = dentry->d_inode;

	if (inode) {
		struct sip_inode key = inode_key(inode);
		const struct sip_mark *m = bpf_map_lookup_elem(&sip_marks, &key);

		if (m && (m->kind & (SIP_EXCEPTION | SIP_RESTRICTED))) {
			w->writable = (m->kind & SIP_EXCEPTION) || may_write(m);
			return 1;
		}
	}
	if (dentry == parent) {
		/* A dentry without a way to its root (by file handle) proves nothing. */
		w->writable = dentry == dentry->d_sb->s_root;
		return 1;
	}
	w->dentry = parent;
	return 0;
}

/* The decision about one place: is @dentry, or what is made below it, open to writing? */
static __always_inline bool path_writable(const struct sip_config *c,
					  const struct dentry *dentry)
{
	struct walk w = {.dentry = dentry, .writable = false};

	if (c->csr & CSR_UNRESTRICTED_FS)
		return true;
	bpf_loop(WALK_MAX, walk_one, &w, 0);
	return w.writable;
}

#endif
