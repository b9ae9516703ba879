/* SPDX-License-Identifier: MIT */
/*
 * LocalPolicy as userspace of a Mac with Apple silicon sees it, through the ops policy and
 * policy_update of components/boot/service.h.
 */
#ifndef COMPONENTS_COMMON_POLICY_CLIENT_H
#define COMPONENTS_COMMON_POLICY_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "sim/base/err.h"
#include "sim/platform/secureboot/localpolicy.h"

struct policy_view {
	json_t *reply;	  /* owned; the texts are borrowed from it */
	int environment;  /* enum sep_env */
	bool paired;	  /* this recoveryOS belongs to the system */
	const char *lpnh, *rpnh, *ronh; /* digests, "" when there is none */
	json_t *fields; /* {"smb0":"true",...}: those that are set */
};

/* The policy of @group (volume group UUID). E_NOTFOUND: it has none. */
int policy_client_read(const char *socket, const char *group, struct policy_view *ret,
		       struct err *e) MUST_CHECK;
void policy_view_release(struct policy_view *v);
/* "absent" when it is not set. Borrowed. */
const char *policy_view_text(const struct policy_view *v, const char *field);
bool policy_view_true(const struct policy_view *v, const char *field);
/* By smb0 and smb1. */
enum sb_level policy_view_level(const struct policy_view *v);

struct policy_request {
	const char *group;
	const char *level; /* "Full", "Reduced", "Permissive": from scratch; NULL: as it is */
	json_t *set;	   /* borrowed; {"sip1":true,"smb2":null}; may be NULL */
	const char *user, *password; /* NULL: not given */
};

/*
 * Change it. An error has the kernel's errno in sys_errno; @ret_sep (may be NULL): what
 * the Secure Enclave said when it refused (11: not in this environment, 17: not paired),
 * else 0.
 */
int policy_client_change(const char *socket, const struct policy_request *q, int *ret_sep,
			 struct err *e) MUST_CHECK;

#endif
