/* SPDX-License-Identifier: MIT */
/*
 * syspolicyd, as far as kernel extensions go: has the user, or who manages the Mac,
 * consented to this one? What is known of it is its database, Apple's technical note 2459
 * and what it was seen to do.
 */
#ifndef COMPONENTS_SYSPOLICYD_SYSPOLICYD_H
#define COMPONENTS_SYSPOLICYD_SYSPOLICYD_H

#include <jansson.h>

#include "sim/base/component_log.h"
#include "sim/base/err.h"
#include "sim/platform/waits.h"

struct syspolicyd_options {
	const char *root;	 /* "/" */
	const char *csr_config;	 /* XNU_CSR_CONFIG */
	const char *nvram_dir;	 /* XNU_NVRAM_DIR */
	const char *boot_args;	 /* XNU_BOOT_ARGS */
	const char *database;	 /* PATH_KEXT_POLICY */
	const char *mdm_payload; /* MDM_PAYLOAD_PATH */
	int listener;		 /* the service's port, which launchd gives */
	struct waits waits;
	const struct component_log *log;
};

/* Answer requests, one after the other, without end. E_IO: the port is gone. */
int syspolicyd_run(const struct syspolicyd_options *o, struct err *e) MUST_CHECK;

/* The reply to @request at the time @now; the caller owns it. NULL: no memory. */
json_t *syspolicyd_answer(const struct syspolicyd_options *o, const json_t *request,
			  int64_t now);

#endif
