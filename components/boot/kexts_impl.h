/* SPDX-License-Identifier: MIT */
/* Between the files that make up the running kernel's kexts. */
#ifndef COMPONENTS_BOOT_KEXTS_IMPL_H
#define COMPONENTS_BOOT_KEXTS_IMPL_H

#include "components/boot/kexts.h"

/* A kext that is not loaded yet, made from @f. E_NOMEM. */
int kernel_kext_new(const struct kext_facts *f, struct kernel_kext **ret,
		    struct err *e) MUST_CHECK;
void kernel_kext_free(struct kernel_kext *x);

/* Room for one more, so that what was linked can be taken for sure. */
int kernel_kexts_reserve(struct kernel_kexts *k, struct err *e) MUST_CHECK;
/* It is loaded now: gets its tag, and belongs to @k. After kernel_kexts_reserve. */
void kernel_kexts_take(struct kernel_kexts *k, struct kernel_kext *x);

/* kexts_link.c: link @exec for @x, which gets address, size, image. Its dependencies are
 * loaded. What kxld has to say goes to @log. */
int kernel_kexts_link(struct kernel_kexts *k, struct kernel_kext *x, const void *exec,
		      size_t len, const struct component_log *log,
		      struct err *e) MUST_CHECK;

#endif
