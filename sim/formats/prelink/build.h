/* SPDX-License-Identifier: MIT */
/*
 * Building a prelinked kernel: links kexts in load order behind the kernel and puts
 * them, with their property lists, into its __PRELINK_TEXT and __PRELINK_INFO segments
 * (IOKitUser OSKext.c, OSKextCreatePrelinkedKernel).
 */
#ifndef SIM_FORMATS_PRELINK_BUILD_H
#define SIM_FORMATS_PRELINK_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buf.h"
#include "sim/base/component_log.h"
#include "sim/formats/kext/input.h"

#define PRELINK_KCID_LEN 16

enum prelink_outcome {
	PRELINK_LINKED,	 /* in, with code */
	PRELINK_NO_CODE, /* in: an interface, with its symbols, or codeless */
	PRELINK_OMITTED, /* did not link, left out */
};

struct prelink_request {
	const void *kernel; /* Mach-O, thin or fat; borrowed */
	size_t kernel_len;
	const struct kext_input *kext; /* dependencies first */
	size_t n_kexts;
	bool all_personalities;		 /* -all-personalities */
	bool need_all;			 /* -no-link-failures: the first failure aborts */
	const struct component_log *log; /* may be NULL */
};

/* Zero-initialise; release with prelink_result_release. */
struct prelink_result {
	struct buf macho;
	uint8_t kcid[PRELINK_KCID_LEN];
	bool kaslr; /* the kernel has LC_DYSYMTAB, relocations were kept */
	enum prelink_outcome *outcome; /* one for each kext of the request */
	bool aborted; /* after an error: a kext did not link, which the log says */
};
void prelink_result_release(struct prelink_result *r);

/*
 * A kext that does not link is left out with a message, and so are those that depend on
 * it; the fourth such failure of a kext that is required for booting aborts the build.
 * Errors: E_CORRUPT (kernel without the two segments), E_INVAL (order of kexts), what
 * kxld_link gives when the build aborts.
 */
int prelink_build(const struct prelink_request *rq, struct prelink_result *res,
		  struct err *e) MUST_CHECK;

#endif
