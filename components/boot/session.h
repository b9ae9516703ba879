/* SPDX-License-Identifier: MIT */
/* What the kernel keeps up to date for userspace, whatever asks for it. */
#ifndef COMPONENTS_BOOT_SESSION_H
#define COMPONENTS_BOOT_SESSION_H

#include "components/boot/boot.h"

/* Write volumes.plist anew. */
int session_write_volumes(const struct boot *b, struct err *e) MUST_CHECK;

/* Tell the SIP policy of the tree as it is now. */
int session_protect(struct boot *b, struct err *e) MUST_CHECK;
/* The same protections for a System volume that is mounted at @mount_point. */
int session_protect_below(struct boot *b, const char *mount_point,
			  struct err *e) MUST_CHECK;

/* Data can be mounted now: launchd is asked, and not waited for. */
int session_ask_for_userspace_reboot(struct err *e) MUST_CHECK;

/* The snapshot from which the next start roots; NULL: the live state, or none. */
const struct live_snapshot *session_next_root(const struct boot *b,
					      const struct live_volume *lv);
/* Is @s, of @lv, what the running system is rooted from? */
bool session_is_root(const struct boot *b, const struct live_volume *lv,
		     const struct live_snapshot *s);

#endif
