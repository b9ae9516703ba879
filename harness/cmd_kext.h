/* SPDX-License-Identifier: MIT */
/* Parts of `kextlab kext`, one per action or two. */
#ifndef HARNESS_CMD_KEXT_H
#define HARNESS_CMD_KEXT_H

#include <getopt.h>

#include "harness/cmd.h"
#include "sim/formats/codesign/codesign.h"
#include "sim/platform/signing/authority.h"

/* Each gets its own argv, argv[0] being the action, and returns an exit status. */
int kext_cmd_check(const struct app *app, int argc, char **argv);
int kext_cmd_sign(const struct app *app, int argc, char **argv);
int kext_cmd_signature(const struct app *app, int argc, char **argv);
int kext_cmd_identities(const struct app *app, int argc, char **argv);

/* The laboratory's, with the keys of the tree that this program was built in. */
int kext_authority(const struct app *app, struct signing_authority *ret,
		   struct err *e) MUST_CHECK;
/* Whom to believe that he is Apple: the laboratory, or the certificates in @folder. */
int kext_anchors(const struct app *app, const char *folder, struct cs_anchors *ret,
		 struct err *e) MUST_CHECK;

/* A signature as codesign -dvvv shows it, with the verdict, to stdout. */
void kext_print_signature(const char *path, const struct codesign_result *r);
json_t *kext_signature_json(const char *path, const struct codesign_result *r);

#endif
