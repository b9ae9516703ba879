/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with a kext, collected rather than reported at the first fault, as
 * OSKext's diagnostics are (IOKitUser kext.subproj/OSKext.c).
 */
#ifndef SIM_FORMATS_KEXT_DIAG_H
#define SIM_FORMATS_KEXT_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

/* The headings that kextutil prints. */
enum kext_diag_class {
	KEXT_DIAG_VALIDATION,     /* "Validation Failures" */
	KEXT_DIAG_AUTHENTICATION, /* "Authentication Failures" */
	KEXT_DIAG_DEPENDENCY,     /* "Dependency Resolution Failures" */
	KEXT_DIAG_WARNING,        /* "Warnings" */
	KEXT_DIAG_BOOT_LEVEL,     /* "Boot Level Restrictions" */
	KEXT_DIAG_CLASSES
};

enum kext_fault {
	/* validation */
	KEXT_F_MISSING_PROPERTY,
	KEXT_F_SYSTEM_PROPERTY,
	KEXT_F_ILLEGAL_TYPE,
	KEXT_F_ILLEGAL_VALUE,
	KEXT_F_TOO_LONG,
	KEXT_F_EXECUTABLE_MISSING,
	KEXT_F_EXECUTABLE_BAD,
	KEXT_F_COMPATIBLE_LATER,
	KEXT_F_DEXT_NO_KERNEL_ID,
	KEXT_F_DEXT_KEY_RESOURCE, /* keys that are for kexts only */
	KEXT_F_DEXT_KEY_SECURITY,
	KEXT_F_DEXT_KEY_EXTERNAL,
	KEXT_F_DEXT_KEY_SHARED,
	KEXT_F_DEXT_KEY_INTERFACE,
	/* authentication */
	KEXT_F_FILE_NOT_FOUND,
	KEXT_F_PERMISSIONS,
	/* dependencies */
	KEXT_F_DEP_UNAVAILABLE,
	KEXT_F_DEP_INCOMPATIBLE,
	KEXT_F_DEP_NO_COMPATIBLE_VERSION,
	KEXT_F_DEP_INDIRECT,
	KEXT_F_DEP_MULTIPLE,
	KEXT_F_DEP_CIRCULAR,
	KEXT_F_DEP_INVALID,
	KEXT_F_DEP_INAUTHENTIC,
	KEXT_F_NON_KPI,
	KEXT_F_PRIVATE_KPI,
	KEXT_F_RAW_KERNEL,
	KEXT_F_INTERFACE_COUNT,
	/* warnings */
	KEXT_F_WARN_TYPE,
	KEXT_F_WARN_NOT_INTERFACE,
	KEXT_F_WARN_ARCH,
	KEXT_F_WARN_SYMLINK,
	KEXT_F_WARN_DEPRECATED,
	KEXT_F_WARN_PERSONALITY_ID,
	KEXT_F_WARN_OTHER_ID,
	KEXT_F_WARN_TARGET_UNKNOWN,
	KEXT_F_WARN_TARGET_NOT_LOADABLE,
	KEXT_F_WARN_TARGET_NO_CODE,
	KEXT_F_WARN_IORESOURCES,
	KEXT_F_WARN_CODELESS_LIBRARIES,
	KEXT_F_WARN_NO_KPI,
	KEXT_F_WARN_NOT_SIGNED,
	KEXT_F_WARN_KERNEL_AND_KPI,
	KEXT_F_WARN_DEP_NOT_REQUIRED,
	/* boot level */
	KEXT_F_DRIVERKIT_VALUE,
	KEXT_F_DEXT_REQUIRED,
	KEXT_F_DEXT_THIRD_PARTY,
	KEXT_F_COUNT
};

struct kext_diag {
	enum kext_fault fault;
	char *subject; /* owned: the property, file or library meant; may be NULL */
};

/* Zero-initialise. */
struct kext_diags {
	struct kext_diag *item; /* owned */
	size_t n, cap;
	bool incomplete;        /* memory or KEXT_DIAGS_MAX ran out */
};

#define KEXT_DIAGS_MAX 256

/* Record one; the same fault and subject is recorded once. @subject may be NULL. */
void kext_diag_add(struct kext_diags *d, enum kext_fault fault, const char *subject);
bool kext_diag_has(const struct kext_diags *d, enum kext_fault fault);
void kext_diags_release(struct kext_diags *d);

/* Apple's words. */
const char *kext_fault_text(enum kext_fault fault);
enum kext_diag_class kext_fault_class(enum kext_fault fault);
const char *kext_diag_title(enum kext_diag_class class_);

/* Append all as kextutil -t prints them: heading, then "    text: " and the subjects. */
int kext_diag_print(const struct kext_diags *d, struct buf *out,
		    struct err *e) MUST_CHECK;

#endif
