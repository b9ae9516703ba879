/* SPDX-License-Identifier: MIT */
/* Command line of kextload (kextload_main.c readArgs, checkArgs). */
#ifndef COMPONENTS_KEXTLOAD_OPTIONS_H
#define COMPONENTS_KEXTLOAD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "components/kextload/kextload.h"

#define KEXTLOAD_ARGS_MAX 256

struct kextload_options {
	const char *id[KEXTLOAD_ARGS_MAX]; /* -b */
	size_t n_ids;
	const char *kext[KEXTLOAD_ARGS_MAX];
	size_t n_kexts;
	/* Where to look, besides the kexts: -r, then -d. */
	const char *repository[KEXTLOAD_ARGS_MAX];
	size_t n_repositories;
	const char *dependency[KEXTLOAD_ARGS_MAX];
	size_t n_dependencies;
};

/* 0 or an exit status; *ret_done: help was printed, and that was all. */
int kextload_options(struct kextload_options *o, struct kextload_world *w, int argc,
		     char **argv, bool *ret_done);

#endif
