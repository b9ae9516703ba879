/* SPDX-License-Identifier: MIT */
/*
 * kextfind(8): the kexts for which a query is true (kext_tools-623 kextfind_main.c,
 * kextfind_query.c). A query is predicates, -and, -or, -not and parentheses; what it finds
 * is printed, a path a line. Left out are commands in the query and reports.
 */
#ifndef COMPONENTS_KEXTFIND_KEXTFIND_H
#define COMPONENTS_KEXTFIND_KEXTFIND_H

#include <stdbool.h>

#include "sim/base/buf.h"
#include "sim/base/component_log.h"

struct kextfind_world {
	const char *root;	  /* "/": whose system folders are searched by default */
	const char *loaded_kexts; /* XNU_LOADED_KEXTS */
};

/*
 * Carry out the command line. Paths go to @out, complaints to @err_out; *ret_status is the
 * exit status. Fails only when memory does.
 */
int kextfind_run(const struct kextfind_world *w, int argc, char **argv, struct buf *out,
		 struct buf *err_out, int *ret_status, struct err *e) MUST_CHECK;

#endif
