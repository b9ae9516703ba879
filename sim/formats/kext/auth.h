/* SPDX-License-Identifier: MIT */
/*
 * May this kext be believed? The checks of kext_tools security.c, authenticateKext, in
 * its order. Signature, secure location and approval are not modelled: their rows are
 * not in the table (docs/fidelity.md).
 */
#ifndef SIM_FORMATS_KEXT_AUTH_H
#define SIM_FORMATS_KEXT_AUTH_H

#include <stdbool.h>

#include "sim/base/component_log.h"
#include "sim/formats/kext/kext.h"
#include "sim/formats/kext/set.h"

/* AuthOptions_t, as far as steps exist. */
struct kext_auth {
	bool check_filesystem;             /* owner and permissions */
	const struct kext_set *all;        /* where the exclude list is looked for; may be NULL */
	const struct component_log *log;   /* "Kext rejected due to ..." */
};

/*
 * Run the steps until one rejects. False: rejected, said so in the log, diagnostic added.
 * Asked once per kext; k->authentic remembers.
 */
bool kext_authenticate(struct kext *k, const struct kext_auth *auth);

/*
 * The file system rule alone: every file and folder of the bundle but .DS_Store and
 * PlugIns belongs to 0:0 and is not writable by group or others. *ret gets the first
 * offending path, owned (free), or NULL when all is well. Symbolic links are not followed.
 */
int kext_check_filesystem(const struct kext *k, char **ret, struct err *e) MUST_CHECK;

/* Does the list in AppleKextExcludeList.kext (one of @all) name this version of @k? */
bool kext_is_excluded(const struct kext *k, const struct kext_set *all);

/* `<OSKext ... { URL = "file:///x.kext/", ID = "y" }`, what %@ makes of an OSKext. */
int kext_describe(const struct kext *k, struct buf *out, struct err *e) MUST_CHECK;

#endif
