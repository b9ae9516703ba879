/* SPDX-License-Identifier: MIT */
/*
 * The kexts that a program of the running system knows, and how it judges them: what was
 * read, staged copies, who signed, what the user allowed. A part of kextd, kextload and
 * kextutil (on a Mac IOKit.framework and security.c of kext_tools).
 */
#ifndef COMPONENTS_OSKEXT_REPOSITORY_H
#define COMPONENTS_OSKEXT_REPOSITORY_H

#include <stdbool.h>

#include "components/staging/staging.h"
#include "sim/base/component_log.h"
#include "sim/formats/codesign/chain.h"
#include "sim/formats/kext/auth.h"
#include "sim/formats/kext/set.h"
#include "sim/platform/paths.h"

/* What surrounds such a program. All borrowed. */
struct oskext_world {
	const char *root;	      /* of the running system: "/" */
	const char *csr_config;	      /* XNU_CSR_CONFIG */
	const char *syspolicy_socket; /* XNU_SYSPOLICY_SOCKET */
	const char *kernel_socket;    /* XNU_KERNEL_SOCKET */
	const char *loaded_kexts;     /* XNU_LOADED_KEXTS */
	const char *anchors;	      /* PATH_ANCHORS; NULL: signatures are not looked at */
	bool is_root;		      /* stages, and asks for approval */
	struct component_log *log;
};

/* That of the Mac. The places are those of sim/platform/paths.h. */
#define OSKEXT_WORLD(log_, is_root_)                                                     \
	{                                                                                \
		.root = "/", .csr_config = XNU_CSR_CONFIG,                               \
		.syspolicy_socket = XNU_SYSPOLICY_SOCKET,                                \
		.kernel_socket = XNU_KERNEL_SOCKET, .loaded_kexts = XNU_LOADED_KEXTS,    \
		.anchors = PATH_ANCHORS, .is_root = (is_root_), .log = (log_),           \
	}

struct kext_repository {
	const struct oskext_world *w;
	struct kext_set all; /* owns: originals, then staged copies */
	struct kext_auth auth; /* by which they are judged; world is the repository */

	struct staging staging;
	struct cs_anchors anchors;
	struct kext_signing signing;
};

/*
 * Nothing is known yet. @r keeps its place while it is used: auth points to it. Release it
 * also after an error.
 */
int kext_repository_open(struct kext_repository *r, const struct oskext_world *w,
			 struct err *e) MUST_CHECK;
void kext_repository_release(struct kext_repository *r);

/* Read a bundle or a folder of them; what is not there adds nothing. */
int kext_repository_scan(struct kext_repository *r, const char *path,
			 struct err *e) MUST_CHECK;
/* The system's folders of extensions. */
int kext_repository_scan_system(struct kext_repository *r, struct err *e) MUST_CHECK;

/* Make copies of what has to be copied to where SIP protects it, and read those. Once, when
 * all has been scanned. */
int kext_repository_stage(struct kext_repository *r, struct err *e) MUST_CHECK;

/* The copy of @k that is used, or @k. NULL for NULL. */
struct kext *kext_repository_used(const struct kext_repository *r, struct kext *k);
/* What is used of the bundle at @path, or NULL. */
struct kext *kext_repository_at_path(const struct kext_repository *r, const char *path);
/* What is used of @id, or NULL. */
struct kext *kext_repository_by_id(const struct kext_repository *r, const char *id);

/* Does @k lie where nobody can change it? One that could not be copied does not. */
bool kext_repository_is_secure(const struct kext_repository *r, const struct kext *k);
/* Does only the user's approval stand against @k, which is valid and not authentic? */
bool kext_repository_not_approved(const struct kext_repository *r, const struct kext *k);

#endif
