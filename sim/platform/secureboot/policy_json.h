/* SPDX-License-Identifier: MIT */
/* A policy for programs to read: what bputil shows, as JSON. */
#ifndef SIM_PLATFORM_SECUREBOOT_POLICY_JSON_H
#define SIM_PLATFORM_SECUREBOOT_POLICY_JSON_H

#include <jansson.h>

#include "sim/platform/secureboot/localpolicy.h"

/*
 * {"level":"Permissive","fields":{"smb0":"true","sip0":"0x77","nsih":"...",...}}: the
 * fields that are set, in the table's order, as lp_value_text has them. *ret is owned.
 * E_NOMEM.
 */
int lp_json(const struct local_policy *p, json_t **ret, struct err *e) MUST_CHECK;

#endif
