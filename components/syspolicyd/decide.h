/* SPDX-License-Identifier: MIT */
/* What syspolicyd answers, and what it notes. */
#ifndef COMPONENTS_SYSPOLICYD_DECIDE_H
#define COMPONENTS_SYSPOLICYD_DECIDE_H

#include "components/common/trusted_path.h"
#include "components/syspolicyd/database.h"
#include "sim/base/component_log.h"
#include "sim/formats/codesign/chain.h"
#include "sim/platform/waits.h"

/* What surrounds a decision. All borrowed. */
struct policy_world {
	const char *root;	 /* of the running system: "/" */
	const char *csr_config;	 /* XNU_CSR_CONFIG */
	const char *nvram_dir;	 /* XNU_NVRAM_DIR */
	const char *mdm_payload; /* MDM_PAYLOAD_PATH */
	const char *boot_uuid;	 /* of this session of the kernel */
	const struct trusted_paths *trusted;
	const struct cs_anchors *anchors; /* who is Apple; may be NULL */
	const struct policy_db *db;
	struct waits waits;
	int64_t now; /* seconds since 1970 */
	const struct component_log *log;
};

/*
 * May the kext at @path be loaded, or (@cache) go into a prelinked kernel? What may not
 * waits for approval from now on. An error means no, too.
 */
int policy_decide(const struct policy_world *w, const char *path, bool cache, bool *ret,
		  struct err *e) MUST_CHECK;

/*
 * From when on what was refused still has an Allow button: 30 minutes. (TN2459: the button
 * is there for 30 minutes after the alert; another attempt to load brings it back)
 */
int64_t policy_since(const struct policy_world *w);

/* Does the device's manager let the user decide? */
int policy_user_may_allow(const struct policy_world *w, bool *ret, struct err *e) MUST_CHECK;

/*
 * The click on Allow: everything of @developer that still waits. E_NOTFOUND: nothing does.
 * What was left out of a prelinked kernel is added then: the folder of extensions is
 * touched, so that kextd has one made.
 */
int policy_allow(const struct policy_world *w, const char *developer,
		 struct err *e) MUST_CHECK;

#endif
