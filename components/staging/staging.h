/* SPDX-License-Identifier: MIT */
/*
 * Kexts of others than Apple are not loaded from where they were installed: with SIP on
 * they are copied below /Library/StagedExtensions, which SIP protects, and what is judged,
 * linked and recorded is that copy (kext_tools-623 staging.m). The copy's path is the
 * staging folder and the whole path of the original.
 *
 * A part of kextcache, kextutil, kextload and kextd, who hold
 * com.apple.rootless.storage.KernelExtensionManagement.
 */
#ifndef COMPONENTS_STAGING_STAGING_H
#define COMPONENTS_STAGING_STAGING_H

#include <limits.h>
#include <stdbool.h>

#include "components/common/trusted_path.h"
#include "sim/base/component_log.h"
#include "sim/base/err.h"
#include "sim/formats/kext/signature.h"

/* The storage class of rootless.conf that the folder of the copies has. */
#define STAGING_CLASS "KernelExtensionManagement"

struct staging {
	const char *root;	      /* of the running system, "/"; borrowed */
	bool enabled;		      /* SIP lets no untrusted kexts load */
	struct trusted_paths trusted; /* owned */
	const struct component_log *log;
	/* Set by who has it after staging_init: copies are made only of what is signed as
	   it has to be. NULL: signatures are not looked at. Borrowed. */
	const struct kext_signing *signing;
};

/*
 * @csr_config is XNU_CSR_CONFIG; a setting that cannot be read counts as SIP on. @root and
 * @log are borrowed. Release with staging_release, also after an error. E_NOTFOUND and
 * others: rootless.conf cannot be used.
 */
int staging_init(struct staging *s, const char *root, const char *csr_config,
		 const struct component_log *log, struct err *e) MUST_CHECK;
void staging_release(struct staging *s);

/* pathIsSecure: with SIP off everything is, else what rootless.conf protects. */
bool staging_is_secure(const struct staging *s, const char *path);

/*
 * Where the bundle @source (a resolved path) has to be read from: @ret is @source if that
 * is secure, else its copy, which is made or renewed when it is not of the same identity.
 * The old copy goes first; the new one gets its name when it is whole and a kext. The log
 * says what went wrong. (createStagedKext)
 */
int staging_place(const struct staging *s, const char *source, char ret[static PATH_MAX],
		  struct err *e) MUST_CHECK;

/* The name that the copy of @source has, whether it is there or not. E_INVAL: @source lies
 * outside of the running system. (createStagingURL) */
int staging_path(const struct staging *s, const char *source, char ret[static PATH_MAX],
		 struct err *e) MUST_CHECK;

/* Remove copies whose original is gone, and folders that are empty then. False: not all
 * could be, said so. (pruneStagingDirectory) */
bool staging_prune(const struct staging *s);
/* Remove all copies. (clearStagingDirectory) */
void staging_clear(const struct staging *s);

#endif
