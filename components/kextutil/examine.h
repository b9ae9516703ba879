/* SPDX-License-Identifier: MIT */
/*
 * Everything that is asked of a kext before it is used: is it valid, authentic, are its
 * dependencies there, does it link? All tests are done even after a failure, as far as they
 * make sense then, so that one run tells all (kextutil_main.c runTestsOnKext).
 */
#ifndef COMPONENTS_KEXTUTIL_EXAMINE_H
#define COMPONENTS_KEXTUTIL_EXAMINE_H

#include "sim/formats/kext/auth.h"
#include "sim/formats/kext/set.h"

struct examine_request {
	const struct kext_set *all;   /* candidates for dependencies, and the kext itself */
	const struct kext_auth *auth; /* NULL: authentication is skipped */
	bool skip_dependencies;
	const void *kernel; /* Mach-O for a trial link; NULL: none is tried */
	size_t kernel_len;
	const struct component_log *log;
};

/* The results. Zero-initialise, release with examination_release. */
struct examination {
	enum kext_arch_state arch;
	bool valid, authentic, resolved;
	bool deps_valid, deps_authentic;
	bool link_tried, linked;
	struct kext_set list; /* dependencies first, then the kext; empty unless resolved */
};
void examination_release(struct examination *x);

/* Would it be used? All that was tried succeeded. */
bool examination_good(const struct examination *x);

/* @k has to be one of @rq->all. Errors are those of the machine; what is wrong with @k is
 * in k->diags, in the log and in @ret. */
int examine_kext(struct kext *k, const struct examine_request *rq, struct examination *ret,
		 struct err *e) MUST_CHECK;

#endif
