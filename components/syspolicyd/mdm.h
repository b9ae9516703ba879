/* SPDX-License-Identifier: MIT */
/*
 * What a device manager says of kernel extensions: the payload
 * com.apple.syspolicy.kernel-extension-policy of a configuration profile. Here it is a
 * property list that lies where managed preferences do.
 */
#ifndef COMPONENTS_SYSPOLICYD_MDM_H
#define COMPONENTS_SYSPOLICYD_MDM_H

#include "components/syspolicyd/database.h"

#define MDM_PAYLOAD_PATH                                                                   \
	"/Library/Managed Preferences/com.apple.syspolicy.kernel-extension-policy.plist"
#define MDM_PAYLOAD_MAX (1u << 20)
/* Row of table settings: "0" when users may not approve what the manager does not allow. */
#define MDM_OVERRIDES	"AllowUserOverrides"

/*
 * Make kext_policy_mdm say what the payload at @path does; no payload, no rows. All of it
 * or nothing: E_CORRUPT leaves the rows as they were.
 */
int mdm_apply(const struct policy_db *db, const char *path, struct err *e) MUST_CHECK;

#endif
