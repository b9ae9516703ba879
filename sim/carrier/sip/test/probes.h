/* SPDX-License-Identifier: MIT */
/* What a program of the Mac tries, and what the policy should answer. */
#ifndef SIM_CARRIER_SIP_TEST_PROBES_H
#define SIM_CARRIER_SIP_TEST_PROBES_H

#include <stddef.h>

/* Who tries. Each is an executable of the toy Mac. */
enum subject {
	PLAIN,     /* no entitlement */
	INSTALLER, /* com.apple.rootless.install */
	STAGER,    /* com.apple.rootless.storage.KernelExtensionManagement */
	SUBJECT_MAX
};

struct probe {
	const char *name;
	int (*attempt)(const char *a, const char *b); /* 0 or errno */
	const char *a, *b;
	int on[SUBJECT_MAX]; /* expected errno with SIP on */
	int off;             /* with CSR_ALLOW_UNRESTRICTED_FS, for PLAIN */
};

extern const struct probe probes[];
extern const size_t n_probes;

/* Single attempts for other verbs: 0 or errno. */
int attempt_write(const char *path, const char *unused);
int attempt_remount(const char *path, const char *unused); /* mount -uw */
int attempt_ptrace(const char *unused,
		   const char *unused2); /* attach to one's own child */

#endif
