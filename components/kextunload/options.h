/* SPDX-License-Identifier: MIT */
/* Command line of kextunload (readArgs, checkArgs). */
#ifndef COMPONENTS_KEXTUNLOAD_OPTIONS_H
#define COMPONENTS_KEXTUNLOAD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "components/kextunload/kextunload.h"

#define KEXTUNLOAD_ARGS_MAX 256

struct kextunload_options {
	const char *id[KEXTUNLOAD_ARGS_MAX]; /* -b, -m */
	size_t n_ids;
	const char *class_[KEXTUNLOAD_ARGS_MAX]; /* -c */
	size_t n_classes;
	const char *kext[KEXTUNLOAD_ARGS_MAX];
	size_t n_kexts;
	bool personalities_only; /* -p */
};

/* 0 or an exit status; *ret_done: help was printed, and that was all. */
int kextunload_options(struct kextunload_options *o, struct kextunload_world *w, int argc,
		       char **argv, bool *ret_done);

#endif
