/* SPDX-License-Identifier: MIT */
/*
 * What a linker is told of kexts, whichever file it puts them into: a prelinked kernel
 * (prelink/build.h) or a kernel collection (fileset/build.h).
 */
#ifndef SIM_FORMATS_KEXT_INPUT_H
#define SIM_FORMATS_KEXT_INPUT_H

#include "sim/formats/kext/set.h"

struct kext_input {
	plist_t info;	  /* Info.plist; borrowed, not changed */
	const void *exec; /* executable, thin or fat; NULL: codeless. Borrowed */
	size_t exec_len;
	const char *bundle_path;   /* absolute, volume root stripped */
	const char *exec_rel_path; /* "Contents/MacOS/X"; NULL when codeless */
	const size_t *deps;	   /* direct dependencies: indexes of earlier inputs */
	size_t n_deps;
};

/* Append the path that is recorded for @k, that of its bundle in the Mac. */
typedef int kext_path_fn(const void *arg, const struct kext *k, struct buf *out,
			 struct err *e);

/* One for each kext of a list, in its order. Release with kext_inputs_release. */
struct kext_inputs {
	struct kext_input *v;
	size_t n;
	struct kext_input_texts *texts; /* what v[] points to */
};

/*
 * From a load list (kext_load_list), whose kexts have to outlive @ret; executables are
 * read as needed. That of a driver extension is a program, not for the kernel: to the
 * linker it has no code. On error nothing is left to release.
 */
int kext_inputs_init(struct kext_inputs *ret, const struct kext_set *list,
		     kext_path_fn *path, const void *arg, struct err *e) MUST_CHECK;
void kext_inputs_release(struct kext_inputs *p);

/* E_INVAL unless each comes after what it depends on. */
int kext_inputs_in_order(const struct kext_input *v, size_t n, struct err *e) MUST_CHECK;

enum kext_reach { KEXT_UNRELATED, KEXT_INDIRECT, KEXT_DIRECT };

/*
 * Say in @reach, of @i elements, what the inputs before v[i] are to it. Direct, what it
 * may bind to, are its dependencies, and through those without an executable also
 * theirs; indirect is what those need, down to the last. The inputs have to be in order.
 */
void kext_input_reach(const struct kext_input *v, size_t i, enum kext_reach *reach);

#endif
