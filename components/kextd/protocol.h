/* SPDX-License-Identifier: MIT */
/*
 * What kextd's clients ask over XNU_KEXTD_SOCKET (kextmanager.defs of kext_tools:
 * lock_volume, unlock_volume, lock_reboot). Packets as in components/common/packet.h.
 *
 * A lock belongs to the connection that took it, and is dropped when that closes.
 *
 *   {"op":"lock_volume","volume":"/","wait":false}
 *	0 granted; EBUSY another client holds it, or with "wait":true the reply comes
 *	when it was granted; ENOENT kextd does not watch that volume; ENOLCK a reboot
 *	is under way.
 *   {"op":"unlock_volume","volume":"/","status":0}
 *	status: how the update ended (a sysexits number); counted by kextd.
 *	0, or ENOENT when this connection does not hold the lock.
 *   {"op":"lock_reboot","wait":false}
 *	0 granted; EBUSY and "volume" the mount point of one that is being updated, or
 *	with "wait":true the reply comes when none is; EALREADY somebody else holds it;
 *	EPERM for all but root. May start kextcache for a volume that is out of date.
 *   {"op":"status"}
 *	"idle": nothing is scheduled, running or locked; "boot_complete": the blind time
 *	after boot is over; "reboot": the reboot lock is held; "volumes": array of
 *	{"volume","busy","pending","locked","failures","attempts"}. What changed on disk
 *	before the request is taken into account.
 *
 * Numbers in "errno" are those below, which are macOS' own.
 */
#ifndef COMPONENTS_KEXTD_PROTOCOL_H
#define COMPONENTS_KEXTD_PROTOCOL_H

#define KEXTD_OP_LOCK_VOLUME   "lock_volume"
#define KEXTD_OP_UNLOCK_VOLUME "unlock_volume"
#define KEXTD_OP_LOCK_REBOOT   "lock_reboot"
#define KEXTD_OP_STATUS        "status"

/* Numbers of macOS; some differ from Linux'. */
enum mac_errno {
	MAC_EPERM = 1,
	MAC_ENOENT = 2,
	MAC_EBUSY = 16,
	MAC_EINVAL = 22,
	MAC_EALREADY = 37,
	MAC_ENOLCK = 77,
};

/* Set in the environment of what kextd starts. */
#define KEXTD_SPAWNED_ENV "KEXTD_SPAWNED"

#endif
