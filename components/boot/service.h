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
 *   {"op":"snapshot_revert","device":...,"name":...}    the live state becomes that of
 *	the snapshot; EBUSY while the live state is mounted
 *
 * The unified log.
 *
 *   {"op":"log","process":"kernelmanagerd","sender":"","message":"...","mono_ns":N}
 *	anybody; components/common/unified_log.h does it. mono_ns: CLOCK_MONOTONIC when it
 *	happened; absent or in the future: now.
 *
 * Kernel extensions at run time (kext_request), release 10.15: later kernels take them
 * from collections only.
 *
 *   {"op":"kext_load","level":N}   with a file: the mkext (sim/formats/mkext) with the kexts
 *	that are not loaded. The caller has to hold
 *	com.apple.private.security.kext-management
 *   {"op":"kext_unload","id":"com.example.filter","level":N}
 *	-> "os_return":N (enum kext_return), "log":[[level,"..."],...]: what the kernel has to
 *	   say up to the level N; loaded_kexts.plist is as it is now. EINVAL: no archive
 *   {"op":"catalogue_terminate","class":...}, or "module": a bundle identifier
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
 *	each, in the order of the collection, before the reply. -> "kexts":N,
 *	"uuid":HEX32. EALREADY after the first time since userspace started; EPERM when
 *	kext loading is disabled; "pageable" and "aux": ENOENT when the machine has none;
 *	only on the connection of kext_daemon.
 *
 * Secure boot of Macs with a LocalPolicy (Apple silicon); on others ENOTSUP. On a Mac
 * userspace speaks to the Secure Enclave through AppleSEPManager and writes the files on
 * iSCPreboot itself; here the kernel does both (sim/platform/secureboot/policy.h).
 *
 *   {"op":"policy","group":UUID}            anybody; ENOENT: no valid policy
 *	-> "environment":N (enum sep_env: 0 macOS, 1 1TR, 2 recoveryOS), "paired":B,
 *	   "path":"/System/Volumes/iSCPreboot/<group>/LocalPolicy/<lpnh>.img4",
 *	   "lpnh","rpnh","ronh": blessed digests, HEX96, "policy":{"smb0":"true",
 *	   "nsih":HEX96,...}: the fields that are set, as lp_value_text has them,
 *	   "name": of the System volume, "filevault":B
 *   {"op":"policy_update","group":UUID,"level":"Full"|"Reduced"|"Permissive",
 *    "set":{"sip1":true,"sip0":119,"smb2":null},"user":...,"password":...}
 *	"level" (may be missing): from scratch, lp_set_level; then each field of "set" is
 *	set, or taken out (null). -> "sep":N (enum sep_status). EPERM: the Secure Enclave
 *	refuses: "sep" is 11 in the wrong environment, 17 when the recoveryOS is not
 *	paired with the system; EACCES: the password; EINVAL: no such field, or a policy
 *	that would not be consistent; ENOENT
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
#include <stdbool.h>
#include <sys/types.h>

#include "sim/base/err.h"

#define SERVICE_CLIENTS_MAX 32
#define SERVICE_POLL_MAX    (1 + SERVICE_CLIENTS_MAX)

struct boot;

struct service {
	pid_t launchd; /* process 1 of the Mac, as the carrier numbers it */
	int listener;
	int client[SERVICE_CLIENTS_MAX]; /* -1: free */
	int kext_daemon;       /* index of kernelmanagerd's; -1: it is not there */
	bool collection_loaded; /* since userspace started */
	bool kexts_disabled;   /* the system goes down */
};

/* Make the socket. */
int service_open(struct service *s, struct err *e) MUST_CHECK;
void service_close(struct service *s);

/* Descriptors to wait for: at most SERVICE_POLL_MAX; returns how many. */
size_t service_poll_set(const struct service *s, struct pollfd *set);
/* Serve what poll(2) found in the same @set of @n. */
void service_run(struct boot *b, const struct pollfd *set, size_t n);

#endif
