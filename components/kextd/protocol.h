/* SPDX-License-Identifier: MIT */
/*
 * kextd's socket, XNU_KEXTD_SOCKET: what kextmanager.defs is on a Mac (MIG to
 * com.apple.KernelExtensionServer).
 *
 * SOCK_SEQPACKET; a packet is one JSON object, one reply per request
 * (components/common/packet.h). "errno" in a reply is a number of <errno.h>.
 *
 *   {"op":"lock_volume","volume":"/"}            {"errno":0} | EBUSY | ENOENT (not
 *                                                watched) | ENOLCK (reboot in progress)
 *   {"op":"lock_volume","volume":"/","wait":true}  as above, but waits while EBUSY
 *   {"op":"unlock_volume","volume":"/","status":n} {"errno":0} | EPERM (not the owner)
 *   {"op":"lock_reboot"}                         {"errno":0} | EBUSY and "volume":"/" |
 *                                                EALREADY (held) | EPERM (not root)
 *   {"op":"lock_reboot","wait":true}             waits while a volume is busy
 *   {"op":"status"}                              {"errno":0,"idle":true,...}
 *   {"op":"load_kext","path":P,"dependencies":[P,...]}  {"errno":0,"os_return":n}
 *   {"op":"load_kext","id":"com.example.x",...}         as above
 *
 * "status" of unlock_volume is the exit status of the update, which kextd counts as a
 * failure when it is not 0. A lock ends with the connection that took it. lock_reboot
 * looks at every watched volume first and may start kextcache for one.
 *
 * load_kext stages, judges and loads (kextmanager_load_kext); paths are absolute, those of
 * "dependencies" are bundles or folders of them. "os_return" is an enum kext_return. Users
 * other than root may name only what is installed, and loads for anybody.
 *
 * The reply to status: "idle" nothing is scheduled, running or locked; "boot_complete"
 * the blind time after boot is over; "reboot" the reboot lock is held; "volumes" array
 * of {"volume","scheduled","updating","locked","failures","attempts"}. Whatever changed
 * on disk before the request is taken into account.
 */
#ifndef COMPONENTS_KEXTD_PROTOCOL_H
#define COMPONENTS_KEXTD_PROTOCOL_H

#define KEXTD_OP_LOCK_VOLUME   "lock_volume"
#define KEXTD_OP_UNLOCK_VOLUME "unlock_volume"
#define KEXTD_OP_LOCK_REBOOT   "lock_reboot"
#define KEXTD_OP_STATUS	       "status"
#define KEXTD_OP_LOAD_KEXT     "load_kext"

/* Set, and empty, in the environment of what kextd starts. */
#define KEXTD_SPAWNED_ENV "KEXTD_SPAWNED"

#endif
