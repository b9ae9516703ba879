/* SPDX-License-Identifier: MIT */
/*
 * The three scripts of /private/var/install that launchd runs when everything else has
 * ended: shutdown_installer_tasks, deferred_install, shove_kernels.
 */
#ifndef COMPONENTS_LAUNCHD_HOOKS_H
#define COMPONENTS_LAUNCHD_HOOKS_H

#include "components/launchd/teardown.h"

/* Run those that are there, one after the other, and log the rest. Before the last one
 * the system volume is made writable; when that fails the script runs all the same. */
void hooks_run(struct teardown *t);

#endif
