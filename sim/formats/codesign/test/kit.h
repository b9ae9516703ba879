/* SPDX-License-Identifier: MIT */
/* Bundles to sign, and the laboratory's authority to sign them with. */
#ifndef SIM_FORMATS_CODESIGN_TEST_KIT_H
#define SIM_FORMATS_CODESIGN_TEST_KIT_H

#include "sim/formats/codesign/codesign.h"
#include "sim/platform/signing/authority.h"

#define KIT_KEXT_REQUIREMENT                                                             \
	"anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] "       \
	"and certificate leaf[field.1.2.840.113635.100.6.1.13] "                         \
	"and certificate leaf[field.1.2.840.113635.100.6.1.18]"

/* Of this test program; made at the first call. */
struct signing_authority *kit_authority(void);
struct span kit_root(void); /* its certificate, DER */

enum kit_slices { KIT_NONE, KIT_THIN, KIT_FAT /* with i386 */ };

/*
 * A new bundle NAME.kext in a folder of its own: Info.plist, Resources/a.txt, a link beside
 * it, en.lproj/b.txt, and an executable of @slices. Its path, valid for the test's life.
 */
const char *kit_bundle(const char *name, enum kit_slices slices);
/* A Mach-O file of three pages, without signature. @min: its LC_VERSION_MIN; 0: none. */
void kit_macho(struct buf *out, bool is64, uint32_t min);
void kit_fat(struct buf *out);

void kit_write(const char *bundle, const char *rel, const char *text);
/* Its path, valid until the next call. */
const char *kit_path(const char *bundle, const char *rel);
/* Change one byte. */
void kit_flip(const char *bundle, const char *rel, size_t off);
size_t kit_size(const char *bundle, const char *rel);

void kit_sign(const char *bundle, const char *identity);
/* Verify with @requirement (NULL: none); the status, the rest in @ret if not NULL. */
int kit_verify(const char *bundle, const char *requirement, struct codesign_result *ret);

#endif
