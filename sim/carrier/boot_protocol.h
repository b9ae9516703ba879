/* SPDX-License-Identifier: MIT */
/*
 * What init (PID 1 of the carrier) and boot (firmware, booter and kernel of the
 * simulated Mac) say to each other.
 *
 * init starts /sbin/boot when it starts itself, in the carrier's own
 * namespaces, with one end of a SOCK_SEQPACKET pair as descriptor BOOT_FD and
 * standard output and error on the carrier's log. One JSON object per packet, of at
 * most BOOT_PACKET_MAX bytes, with its kind in "type". boot lives as long as the Mac
 * runs: it serves /dev/xnu/kernel, and unmounts and writes NVRAM at the end.
 *
 *   init -> boot                                        boot -> init
 *   (init tells the host `ready`)                   <-  BOOT_READY
 *   BOOT_START  on the host's `boot` request            BOOT_EVENT    any time from now
 *                                                       BOOT_CONSOLE  any time from now
 *                                                       BOOT_REFUSED  or
 *   (init forks the Mac's process 1, held back)    <-   BOOT_LAUNCH   (+ descriptor)
 *   BOOT_CHILD  who and what it is                 ->
 *   (init lets it execute launchd)                 <-   BOOT_GO
 *   (init tells the host `up`)                     <-   BOOT_UP
 *   ...                                                 BOOT_PANIC    any time from now
 *   BOOT_SHUTDOWN  the Mac has no process any more ->
 *   (init powers off)                              <-   BOOT_DONE, then boot exits
 *
 * boot's end without BOOT_DONE or BOOT_REFUSED counts as a panic.
 */
#ifndef SIM_CARRIER_BOOT_PROTOCOL_H
#define SIM_CARRIER_BOOT_PROTOCOL_H

#define BOOT_PATH       "/sbin/boot" /* in the initramfs */
#define BOOT_FD         3
#define BOOT_PACKET_MAX 65536

/*
 * boot -> init. {"type":"ready"}: everything is done that no disk and no request has a
 * part in; loading the policy above all, which takes most of a second under TCG. The
 * machine may be saved as a template now.
 */
#define BOOT_READY "ready"

/*
 * init -> boot. {"type":"start","time_factor":1.0}: the clock is set and the disks
 * /dev/vda, /dev/vdb and, if the machine has a chip store, /dev/vdc are there. May also
 * have "machine" (a name of sim/platform/machine.h; absent: intel), "button" ("press",
 * "hold", "double": how the power button was used; absent: press) and "hold": the point
 * at which boot stops for good, so that the host can cut the power exactly there. Boot
 * then sends the event "hold" with the name in "at".
 */
#define BOOT_START "start"

/*
 * boot -> init. {"type":"event","event":{"event":"boot.stage",...}}: passed on to the
 * host, with t_ms added.
 */
#define BOOT_EVENT "event"

/* boot -> init. {"type":"console","text":"..."}: printed on the Mac's console as is. */
#define BOOT_CONSOLE "console"

/*
 * boot -> init. {"type":"refused","reason":"..."}: the Mac does not start. boot has
 * undone its mounts and exits; init tells the host and powers off.
 */
#define BOOT_REFUSED "refused"

/*
 * boot -> init. {"type":"launch","root":"/mac/root","argv":["/sbin/launchd"],
 * "env":["PATH=..."],"hostname":"Mac"}: the tree of the Mac is complete below root, a
 * mount point. A descriptor sent with this packet (SCM_RIGHTS) is the policy's ring
 * buffer map of struct sip_event (sim/carrier/sip/events.h); without one the console
 * shows packets in order of arrival.
 *
 * init mounts a procfs of the Mac's processes on XNU_PROC_DIR of the tree, which exists,
 * makes the carrier's mounts below root shared and the Mac's mount namespace their
 * slave: what boot mounts below root later appears in the Mac.
 */
#define BOOT_LAUNCH "launch"

/*
 * init -> boot. {"type":"child","pid":N,"pid_ns":I,"console_ino":J,"console_dev":D}:
 * process 1 of the Mac exists (N in the carrier's numbering, inode I of its PID
 * namespace) and its standard output is pipe J on device D (st_ino, st_dev), but it has
 * executed nothing yet. boot arms the policy for namespace I.
 */
#define BOOT_CHILD "child"

/* boot -> init. {"type":"go"}: launchd may run. */
#define BOOT_GO "go"

/*
 * boot -> init. {"type":"up"}: launchd has its socket, which is where a Mac's programs find
 * its port; on a Mac it is there before any of them. Until then the host has no answer.
 */
#define BOOT_UP "up"

/*
 * boot -> init. {"type":"panic","reason":"..."}: the Mac's kernel panicked; init kills
 * everything and powers off without clean-up. boot prints its own panic text first.
 */
#define BOOT_PANIC "panic"

/*
 * init -> boot. {"type":"shutdown","how":"restart"|"halt"}: no process of the Mac is
 * left. boot unmounts everything, writes NVRAM back, and answers
 * {"type":"done"}, or {"type":"done","error":"..."}, which is reported as
 * infrastructure. BOOT_SHUTDOWN_MS is all the time it has.
 */
#define BOOT_SHUTDOWN    "shutdown"
#define BOOT_DONE        "done"
#define BOOT_SHUTDOWN_MS 60000

#endif
