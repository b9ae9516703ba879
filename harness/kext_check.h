/* SPDX-License-Identifier: MIT */
/*
 * What would become of a kext on a Mac of some release: `kextlab kext check`. The tests are
 * those of kextutil and kextcache, against the system kexts and the kernel of the release.
 */
#ifndef HARNESS_KEXT_CHECK_H
#define HARNESS_KEXT_CHECK_H

#include "components/kextutil/examine.h"
#include "images/own_system.h"
#include "sim/base/component_log.h"
#include "sim/formats/kext/signer.h"
#include "sim/platform/release.h"

#define KEXT_CHECK_FOLDERS 16

struct kext_check_request {
	const char *source_dir, *build_dir;
	const char *bundle;
	const char *folder[KEXT_CHECK_FOLDERS]; /* with more kexts; resolved by name */
	size_t n_folders;
	const struct release *release;
	const struct own_system *own; /* fits @release; NULL: stand-ins */
	bool sip;
	const struct cs_anchors *anchors; /* whom to believe that he is Apple */
	bool permissions; /* judge owner and permissions, too, as they are here */
};

/* Zero-initialise, release with kext_check_release. */
struct kext_check {
	const struct kext_check_request *rq;
	struct kext_set all; /* owns */
	struct kext *kext;   /* the one that is checked; of @all */
	struct examination result;
	struct kext_signer signer; /* of one that authenticates */
	struct buf messages; /* of the tests, a line each */
	struct buf why;	     /* why not; empty: it goes in */
	struct buf when;     /* what has to be the case first; may be empty */
};

/*
 * Errors: E_NOTFOUND and others, there is no such bundle; E_UNSUPPORTED, the release has no
 * prelinked kernel; those of the machine. A kext that is no good is none.
 */
int kext_check(const struct kext_check_request *rq, struct kext_check *ret,
	       struct err *e) MUST_CHECK;
void kext_check_release(struct kext_check *c);

/* Append where @k would be used from on the Mac. */
int kext_check_place(const struct kext_check *c, const struct kext *k, struct buf *out,
		     struct err *e) MUST_CHECK;

#endif
