/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with a kext, collected rather than reported at the first fault, as
 * OSKext's diagnostics are (IOKitUser kext.subproj/OSKext.c).
 */
#ifndef SIM_FORMATS_KEXT_DIAG_H
#define SIM_FORMATS_KEXT_DIAG_H

#include <stddef.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

/* The titles that kextutil prints. */
enum kext_diag_class {
	KEXT_DIAG_VALIDATION,     /* "Validation Failures" */
	KEXT_DIAG_AUTHENTICATION, /* "Authentication Failures" */
	KEXT_DIAG_DEPENDENCY,     /* "Dependency Resolution Failures" */
	KEXT_DIAG_WARNING,        /* "Warnings" */
	KEXT_DIAG_BOOT_LEVEL,     /* "Boot Level Restrictions" */
	KEXT_DIAG_CLASSES
};

struct kext_diag {
	enum kext_diag_class class;
	const char *text; /* Apple's words, static */
	char *subject;    /* owned: the property, file or library meant; may be NULL */
};

struct kext_diags {
	struct kext_diag *item; /* owned */
	size_t n, cap;
};

#define KEXT_DIAGS_MAX 256 /* of one kext; what comes after is not recorded */

/* Add one; the same text and subject a second time is not added. E_NOMEM. */
int kext_diag_add(struct kext_diags *d, enum kext_diag_class class, const char *text,
		  const char *subject, struct err *e) MUST_CHECK;
/* Is there one with @text (any class)? */
const struct kext_diag *kext_diag_find(const struct kext_diags *d, const char *text);
const char *kext_diag_title(enum kext_diag_class class);
/* All of them as indented text: the title, then "    text: " and its subjects. */
int kext_diag_print(const struct kext_diags *d, struct buf *out, struct err *e) MUST_CHECK;
void kext_diags_release(struct kext_diags *d);

#endif
