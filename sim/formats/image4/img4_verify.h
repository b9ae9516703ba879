/* SPDX-License-Identifier: MIT */
/*
 * Judging an Image4: is the manifest authentic, is it for this chip, does the object
 * belong to it. Results are the errno values by which XNU knows them
 * (xnu EXTERNAL_HEADERS/img4/firmware.h), with Darwin's numbers. Who cannot decide,
 * because memory or a hash function is missing, refuses.
 */
#ifndef SIM_FORMATS_IMAGE4_IMG4_VERIFY_H
#define SIM_FORMATS_IMAGE4_IMG4_VERIFY_H

#include "sim/formats/image4/img4.h"

enum img4_result {
	IMG4_OK = 0,
	IMG4_ENOENT = 2,  /* the manifest has no object of this name; no file */
	IMG4_ENOEXEC = 8, /* digest differs, or a property of the object is not allowed */
	IMG4_ENOMEM = 12, /* could not be decided */
	IMG4_EACCES = 13, /* the chip is not the one the manifest is for */
	IMG4_ESTALE = 70, /* nonce or manifest is no longer valid */
	IMG4_EFTYPE = 79, /* there is no manifest, or it is of the wrong kind */
	IMG4_EAUTH = 80,  /* signature, certificate or chain */
	IMG4_EILSEQ = 92, /* not Image4 */
};

/* "EAUTH"; "OK" for IMG4_OK. */
const char *img4_result_name(enum img4_result r);

/* What a chip is by its fuses. */
struct img4_chip {
	uint32_t chip, bord, cepo, sdom;
	uint64_t ecid;
	bool cpro, csec;
};

/*
 * As what the chip is to be taken: rows of a table. Full security wants a manifest made
 * for this one chip, reduced takes a global one, too.
 */
enum img4_selector {
	IMG4_CHIP_AP_SHA2_384, /* Full */
	IMG4_CHIP_AP_REDUCED,
	IMG4_CHIP_AP_PERMISSIVE,
	IMG4_CHIP_AP_HYBRID, /* x86 behind a T2 */
	IMG4_CHIP_AP_HYBRID_MEDIUM,
	IMG4_CHIP_AP_HYBRID_RELAXED,
	IMG4_CHIP_SOFTWARE_FF00, /* no fuses: x86 without a T2 */
	IMG4_CHIP_N
};
const char *img4_selector_name(enum img4_selector s);

/* CHIP of IMG4_CHIP_SOFTWARE_FF00. */
#define IMG4_SOFTWARE_CHIP 0xff00u

/*
 * Is the manifest signed by who may? Its first certificate has to be signed by @anchor,
 * a certificate (DER); the last one's constraints (extension IMG4_CONSTRAINTS_OID) have
 * to allow every property in it. Time is not looked at: the Boot ROM has no clock.
 * EAUTH.
 */
enum img4_result img4_authentic(const struct im4m *m, struct span anchor, struct err *e);

/* EACCES, for a property that is not the chip's or one that has to be there and is not.
 */
enum img4_result img4_for_chip(const struct im4m *m, const struct img4_chip *chip,
			       enum img4_selector s, struct err *e);

/* BNCH of the manifest is SHA-384 of this generator. ESTALE; OK when there is no BNCH. */
enum img4_result img4_nonce(const struct im4m *m,
			    const uint8_t generator[static IMG4_GENERATOR_LEN],
			    struct err *e);

/* ENOENT, or ENOEXEC when DGST of the object @name is not @digest. */
enum img4_result img4_digest_is(const struct im4m *m, uint32_t name,
				const uint8_t digest[static IMG4_DIGEST_LEN],
				struct err *e);

/* Certificates: what their key may sign (SET { MANP, OBJP } with img4 properties). */
#define IMG4_CONSTRAINTS_OID "1.2.840.113635.100.6.1.15"

struct img4_constraints {
	struct img4_props manp, objp; /* objp holds for each object */
};
int img4_constraints_parse(const void *bytes, size_t len, struct img4_constraints *ret,
			   struct err *e) MUST_CHECK;
int img4_constraints_write(const struct img4_prop *manp, size_t n_manp,
			   const struct img4_prop *objp, size_t n_objp, struct buf *out,
			   struct err *e) MUST_CHECK;

#endif
