/* SPDX-License-Identifier: MIT */
/*
 * The second step of an update in Catalina: what was built on the Data volume has to
 * get to the System volume (rosp_staging.m, kextcache_main.c createPrelinkedKernel).
 */
#ifndef COMPONENTS_KEXTCACHE_DEFERRED_H
#define COMPONENTS_KEXTCACHE_DEFERRED_H

#include "components/kextcache/kextcache.h"

/* Size of the script: three lines, the last without an end, and a NUL (sizeof of it). */
#define KC_SCRIPT_SIZE 35

/* Was @plk_dir the staging folder (of whichever volume)? Links in it are followed. */
bool kc_requires_deferred_update(const char *plk_dir);

/*
 * Write /private/var/install/shove_kernels below @w->root, mode 0700. The folder is not
 * made. 0 or EX_OSERR with a message; createPrelinkedKernel does not look at it.
 */
int kc_write_script(const struct kc_world *w);

/*
 * @plk_fd is the file that was there when the build began: its mount point decides
 * between the script (Data volume of the running system) and a copy at once in
 * @volume_root. Failures are said and otherwise ignored.
 */
void kc_finish_deferred(const struct kc_world *w, int plk_fd, const char *volume_root);

#endif
