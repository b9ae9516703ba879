/* SPDX-License-Identifier: MIT */
/* SPAllowKextLoad, SPAllowKextLoadCache (kext_tools syspolicy.m). */
#ifndef COMPONENTS_SYSPOLICYD_CLIENT_H
#define COMPONENTS_SYSPOLICYD_CLIENT_H

#include <stdbool.h>

#include <jansson.h>

#include "sim/base/err.h"

/*
 * May the kext at @path be loaded, or (@cache) go into a prelinked kernel? Without a
 * service at @socket it may; one that does not answer has said no.
 */
bool syspolicy_allows(const char *socket, const char *path, bool cache);

/* Any request, which is released. The caller owns *@reply. E_NOTFOUND: no service. */
int syspolicy_call(const char *socket, json_t *request, json_t **reply,
		   struct err *e) MUST_CHECK;

#endif
