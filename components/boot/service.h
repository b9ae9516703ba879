/* SPDX-License-Identifier: MIT */
/*
 * The kernel's socket, /dev/xnu/kernel: what on a Mac are system calls, Mach messages to
 * the kernel and IOKit requests. Packets as in components/common/packet.h: one JSON
 * object each, {"op":NAME,...}, and one reply, {"errno":N,...}, in order. Members of a
 * request that are not named here are ignored. Unless it says otherwise, only root may
 * ask (EPERM). An unknown op is EINVAL. UUIDs are texts in upper case, as Apple has them.
 *
 * Volumes; replies have no members but errno.
 *
 *   {"op":"mount","device":"disk1s5","path":"/Volumes/X","options":["rdonly"]}
 *	EBUSY: it is mounted. EPERM: locked, or the path is protected. A System volume of
 *	release 11 and later is mounted in its live state: read-only with "rdonly",
 *	writable where live_writable says so, else EACCES. "disk3s1s1", or "disk3s1" and
 *	the option "snapshot=NAME", is a snapshot, always read-only.
 *   {"op":"mount_update","path":"/Volumes/X","options":["rdonly"]}
 *	mount -u: as above of what is mounted there. The snapshot on "/" stays read-only:
 *	EACCES.
 *   {"op":"unmount","device":"disk1s5"}   not what the system itself runs from (EBUSY)
 *   {"op":"unlock","device":...,"passphrase":...}
 *	the volume and its volume group. When the system came up without its Data volume,
 *	Data is mounted now, and launchd is asked for a restart of userspace.
 *   {"op":"volumes"}                      refreshes volumes.plist; anybody may ask
 *
 * Snapshots of a System volume, fs_snapshot(2). What is made here is written to the disk
 * when nothing is mounted any more, at the end of the shutdown; until then it is pending,
 * and every answer counts it in. EPERM while the root hash has to be authenticated:
 * there is no changing the system then; only to root from the sealed snapshot again is
 * allowed always. ENOTSUP: not a sealed system volume.
 *
 *   {"op":"snapshot_list","device":"disk3s1"}
 *	-> "snapshots":[{"name","uuid","xid":N,"purgeable":B,"root":B,"pending":B,
 *	   "device":"disk3s1s1"|"","mount_point":"/"|"","sealed":"yes"|"no"|"broken"}],
 *	   by xid; anybody may ask. xid and uuid of a pending one are what is expected.
 *   {"op":"snapshot_create","device":...,"name":...}    EEXIST, ENAMETOOLONG
 *   {"op":"snapshot_delete","device":...,"name":...}    ENOENT, EBUSY: it is mounted
 *   {"op":"snapshot_root","device":...,"name":...}      "": none, so that the next start
 *	roots from the snapshot that the root hash of the system names. ENOENT
 *   {"op":"snapshot_revert","device":...,"name":...}    the live state becomes that of the
 *	snapshot; EBUSY while the live state is mounted
 *
 * The unified log.
 *
 *   {"op":"log","process":"kernelmanagerd","sender":"","message":"...","mono_ns":N}
 *	anybody; components/common/unified_log.h does it. mono_ns: CLOCK_MONOTONIC when it
 *	happened; absent or in the future: now.
 *
 * Kernel extensions, release 11 and later.
 *
 *   {"op":"kext_daemon"}
 *	this connection is kernelmanagerd's: notifications come on it from now on, between
 *	the replies, told from them by "notify" in place of "errno". EBUSY: there is one.
 *	{"notify":"kext_loaded","id":"com.apple.kpi.bsd","version":"21.2.0","tag":N}
 *	{"notify":"exit"}   kernel requests are disabled: no more will come; say goodbye
 *   {"op":"load_collection","collections":["boot"]}
 *	publish the kexts of the loaded collection(s) to kernelmanagerd, one notification
 *	each, in the order of the collection, before the reply. -> "kexts":N, "uuid":HEX32.
 *	EALREADY after the first time since userspace started; EPERM when kext loading is
 *	disabled; "pageable" and "aux": ENOENT when the machine has none; only the
 *	connection of kext_daemon.
 *
 * Secure boot of Macs with a Secure Enclave that holds policies (Apple silicon); on others
 * ENOTSUP. On a Mac userspace speaks to the SEP through AppleSEPManager; files on
 * iSCPreboot are userspace's own.
 *
 *   {"op":"policy","group":UUID}
 *	-> "environment":N (0 macOS, 1 1TR, 2 recoveryOS), "paired":B,
 *	   "blessed":HEX96, "proposed":HEX96|"" (digests that name files), "path": of the
 *	   policy's folder on iSCPreboot, "policy":{"smb0":true,"sip0":119,"lpnh":HEX96,...}
 *	   with the fields that are in the policy. Anybody. ENOENT: no such policy.
 *   {"op":"policy_begin","group":UUID,"mode":"full"|"reduced"|"permissive",
 *    "set":{"sip1":true,"smb2":null,...},"user":...,"password":...}
 *	the SEP makes a new nonce and signs a policy, from scratch when "mode" is there,
 *	else the blessed one with the fields of "set" changed (null: taken out); it is
 *	proposed from now on. -> "digest":HEX96, "image":BASE64, to be written to
 *	<path>/<digest>.img4 and flushed by the caller. EPERM with "sep":11: not allowed
 *	in this environment (secure boot policy edits of this kind need 1TR);
 *	EPERM with "sep":17: not the paired recoveryOS; EACCES: the password; EBUSY: begun.
 *   {"op":"policy_end","group":UUID}   blesses what was proposed. EINVAL: nothing was
 *
 * For launchd alone (EPERM).
 *
 *   {"op":"shutdown_begin"}     the system goes down: the end of kext loading (11 on)
 *   {"op":"userspace_reboot"}   the end of kext loading, until
 *   {"op":"userspace_reset"}    userspace starts again: kext loading is enabled, volumes
 *	that were unlocked are mounted and firmlinks made
 */
#ifndef COMPONENTS_BOOT_SERVICE_H
#define COMPONENTS_BOOT_SERVICE_H

#include <poll.h>
#include <stdint.h>
#include <sys/types.h>

#include "components/boot/volumes.h"
#include "sim/carrier/sip/sip.h"

#define SERVICE_CLIENTS_MAX 16

struct service {
	struct volumes *volumes; /* borrowed, like the next */
	struct sip *sip;
	uint32_t csr;   /* effective */
	bool recovery;
	pid_t launchd;  /* process 1 of the Mac, as the carrier numbers it */
	int listener;
	int client[SERVICE_CLIENTS_MAX]; /* -1: free */
};

/* Make the socket; the other fields have been set. */
int service_open(struct service *s, struct err *e) MUST_CHECK;
void service_close(struct service *s);

/* Descriptors to wait for: at most 1 + SERVICE_CLIENTS_MAX; returns how many. */
size_t service_poll_set(const struct service *s, struct pollfd *set);
/* Serve what poll(2) found in the same @set of @n. */
void service_run(struct service *s, const struct pollfd *set, size_t n);

#endif
