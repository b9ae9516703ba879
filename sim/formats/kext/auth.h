/* SPDX-License-Identifier: MIT */
/*
 * May this kext be believed? The checks of kext_tools security.c, authenticateKext, in
 * its order. What only the running system can tell - is the place safe, does the user
 * want it - is asked of the caller.
 */
#ifndef SIM_FORMATS_KEXT_AUTH_H
#define SIM_FORMATS_KEXT_AUTH_H

#include <stdbool.h>

#include "sim/base/component_log.h"
#include "sim/formats/kext/kext.h"
#include "sim/formats/kext/set.h"
#include "sim/formats/kext/signature.h"

/* AuthOptions_t, as far as steps exist. */
struct kext_auth {
	bool check_filesystem;             /* owner and permissions */
	/* Below this folder they are as an installer sets them, whatever they are here;
	   resolved. NULL: there is no such folder. */
	const char *installed;
	const struct kext_set
		*all; /* where the exclude list is looked for; may be NULL */
	const struct component_log *log;   /* "Kext rejected due to ..." */
	/* performSignatureValidation. NULL: signatures are not looked at. */
	const struct kext_signing *signing;
	/* Told what a signature says that meets the requirement; may be NULL. */
	void (*is_signed)(void *world, const struct kext *k,
			  const struct codesign_result *res);
	/* requireSecureLocation: does SIP protect where @k lies? NULL: any place will do.
	 */
	bool (*is_secure)(void *world, const struct kext *k);
	/* respectSystemPolicy: what syspolicyd says. NULL: not asked. */
	bool (*is_approved)(void *world, const struct kext *k);
	void *world;
};

/*
 * Run the steps until one rejects. False: rejected, said so in the log, diagnostic added.
 * Asked once per kext; k->authentic remembers.
 */
bool kext_authenticate(struct kext *k, const struct kext_auth *auth);

/*
 * The file system rule alone: every file and folder of the bundle, but for .DS_Store and
 * what is in PlugIns, belongs to 0:0 and is not writable by group or others. Each that
 * does not is recorded in k->diags. A link is judged by what it points to and not
 * followed further. (OSKext.c __OSKextBasicFilesystemAuthenticationRecursive)
 */
bool kext_check_filesystem(struct kext *k);

/*
 * Does the list in AppleKextExcludeList.kext (one of @all, may be NULL) name this version
 * of @k? Rows that want certain hardware (Any_Match, All_Match) never apply.
 */
bool kext_is_excluded(const struct kext *k, const struct kext_set *all);
/* "LE 1.5, 2.0 thru 3.1.4, 4.2": does it name @version? */
bool kext_exclude_matches(const char *spec, int64_t version);

/* `<OSKext ... { URL = "file:///x.kext/", ID = "y" }`, what %@ makes of an OSKext. */
int kext_describe(const struct kext *k, struct buf *out, struct err *e) MUST_CHECK;

#endif
