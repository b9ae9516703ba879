/* SPDX-License-Identifier: MIT */
#ifndef COMPONENTS_CSRUTIL_INTERNAL_H
#define COMPONENTS_CSRUTIL_INTERNAL_H

#include "components/csrutil/csrutil.h"

struct session {
	const struct csrutil_paths *paths;
	struct buf *out, *err_out;
	int status;
};

/* "This tool needs to be executed from the Recovery OS." */
int not_recovery(struct session *s, struct err *e) MUST_CHECK;

/* What is to be changed. */
struct csr_change {
	uint32_t mask;	 /* these flags */
	uint32_t value;	 /* become this */
	bool clear;	 /* or the setting is deleted */
	const char *was; /* "disabled": "Successfully <was> <what>." */
	const char *what;
};

/* Where the setting is kept. change() says what came of it. */
struct csr_store {
	/* The flags of the next start; CSR_ALLOW_UNAUTHENTICATED_ROOT among them. */
	int (*read)(struct session *s, uint32_t *ret, struct err *e);
	int (*change)(struct session *s, const struct csr_change *c, struct err *e);
};

extern const struct csr_store csr_in_nvram, csr_in_policy;

#endif
