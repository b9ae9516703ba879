/* SPDX-License-Identifier: MIT */
/*
 * One kernel extension: a folder X.kext with an Info.plist and, mostly, an executable.
 *
 * kext_open reads the property list, kext_validate judges it and the executable,
 * kext_authenticate (auth.h) judges who may have written it, kext_resolve (resolve.h)
 * finds what it depends on. Each remembers its verdict in the struct.
 */
#ifndef SIM_FORMATS_KEXT_KEXT_H
#define SIM_FORMATS_KEXT_KEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <plist/plist.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"
#include "sim/formats/kext/diag.h"

#define KEXT_NAME_MAX      64        /* KMOD_MAX_NAME: of id and version, NUL included */
#define KEXT_INFO_MAX      (4u << 20)
#define KEXT_EXE_MAX       (256u << 20)
#define KEXT_ARCH          "x86_64"  /* the only one a Mac of 10.15 runs */

/* Values of OSBundleRequired as bits, so that a set of them is a filter. */
enum kext_required {
	KEXT_REQ_ROOT = 1 << 0,
	KEXT_REQ_LOCAL_ROOT = 1 << 1,
	KEXT_REQ_NETWORK_ROOT = 1 << 2,
	KEXT_REQ_CONSOLE = 1 << 3,
	KEXT_REQ_SAFE_BOOT = 1 << 4,
	KEXT_REQ_DRIVERKIT = 1 << 5,
};

enum kext_verdict {
	KEXT_UNKNOWN = 0, /* not asked yet */
	KEXT_YES,
	KEXT_NO,
};

struct kext {
	char *path;         /* the folder on this machine, no slash at its end */
	plist_t info;       /* owned Info.plist; NULL when it could not be read */
	bool flat;          /* no Contents: Info.plist and executable lie in the folder */

	/* From Info.plist, borrowed; set by kext_open as far as they are of the right
	 * type. */
	const char *id;             /* "" when missing */
	const char *version_string; /* "" when missing */
	const char *executable;     /* CFBundleExecutable, NULL for a codeless kext */
	plist_t libraries;          /* OSBundleLibraries, NULL when there is none */

	int64_t version;            /* KEXT_VERSION_INVALID when it does not parse */
	int64_t compatible;         /* OSBundleCompatibleVersion; 0 when there is none */
	unsigned required;          /* one bit of enum kext_required, or 0 */
	bool dext;                  /* CFBundlePackageType is DEXT */
	bool interface; /* OSBundleIsInterface: symbols, no code (KPI bundles) */
	bool kernel_component;      /* OSKernelResource: built into the kernel */
	bool logging;               /* OSBundleEnableKextLogging */
	bool promotes;              /* OSBundleRequiredPromotion */

	struct buf exe; /* the executable's bytes once kext_load_executable ran */
	struct kext_diags diags;
	enum kext_verdict valid, authentic, resolved;

	/* Set by kext_resolve: direct dependencies in the order they were found.
	 * Borrowed. */
	struct kext **deps;
	size_t n_deps;
	bool resolving;             /* on the stack of the resolver */
	uint64_t tag;               /* scratch of the one who walks */
};

/*
 * Read the bundle @path. Only what makes it no bundle at all fails: E_NOTFOUND without
 * Info.plist ("File not found"), E_CORRUPT when it is no property list. *ret is owned:
 * kext_free.
 */
int kext_open(const char *path, struct kext **ret, struct err *e) MUST_CHECK;
/* The same from memory, for a bundle that has no folder (@path is then only a name). */
int kext_from_info(const char *path, const void *info, size_t len, struct kext **ret,
		   struct err *e) MUST_CHECK;
void kext_free(struct kext *k);

/*
 * Info.plist's value for @key, where "key_x86_64" goes before "key"; NULL for none.
 * (OSKextGetValueForInfoDictionaryKey)
 */
plist_t kext_info(const struct kext *k, const char *key);
plist_t kext_info_value(plist_t info, const char *key); /* of a bare list */

/*
 * Judge the property list and the executable (OSKext.c __OSKextValidate). All rules are
 * tried even after a failure, but for a missing package type. Returns false when invalid;
 * k->diags says why and k->valid remembers.
 */
bool kext_validate(struct kext *k);

/* For a builder that needs every kext: E_CORRUPT, "PATH @what:" and its diagnostics. */
int kext_not_usable(const struct kext *k, const char *what, struct err *e) MUST_CHECK;

/* Path of the executable below the bundle: "Contents/MacOS/X" or "X"; E_NOTFOUND if none.
 */
int kext_executable_path(const struct kext *k, char *out, size_t size, struct err *e)
	MUST_CHECK;
/* Fill k->exe. Idempotent. E_NOTFOUND if none is declared or the file is missing. */
int kext_load_executable(struct kext *k, struct err *e) MUST_CHECK;

enum kext_arch_state {
	KEXT_ARCH_NO_CODE, /* declares no executable: fits every architecture */
	KEXT_ARCH_YES,
	KEXT_ARCH_NO,      /* nothing in it is for x86_64 */
	KEXT_ARCH_BAD,     /* no file, or no Mach-O that can be read */
};
/* Does k->exe hold code for x86_64? Reads the executable if that was not done yet. */
enum kext_arch_state kext_arch(struct kext *k);

/* Does @set demand its OSBundleRequired? An empty set demands all
 * (OSKextMatchesRequiredFlags). */
bool kext_is_required(const struct kext *k, unsigned set);
/* The spelling of one bit: "Local-Root"; NULL for 0. */
const char *kext_required_name(unsigned bit);

#endif
