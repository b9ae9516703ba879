/* SPDX-License-Identifier: MIT */
#ifndef IMAGES_IN_CHILD_H
#define IMAGES_IN_CHILD_H

#include "images/disk.h"

/*
 * Run @work in a process of its own and wait: for libraries that cannot be stopped, and
 * that change the environment. It and what it started end when @env->stopped says so
 * (E_CANCELED) and when this process is killed. Its error becomes ours; E_INFRA when it
 * dies.
 */
int in_child(const struct image_env *env, int (*work)(void *arg, struct err *e),
	     void *arg, struct err *e) MUST_CHECK;

#endif
