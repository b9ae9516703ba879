/* SPDX-License-Identifier: MIT */
/*
 * A personality may say with CFBundleIdentifier that its class lies in another kext. Is
 * that one there, has it code, could it be loaded? (OSKext.c OSKextValidate)
 */
#ifndef SIM_FORMATS_KEXT_TARGETS_H
#define SIM_FORMATS_KEXT_TARGETS_H

#include "sim/formats/kext/resolve.h"

/* Warn in k->diags of targets that are not among @r->all, or no good. Not part of
 * kext_validate, since two kexts may name each other. */
void kext_check_targets(struct kext *k, const struct kext_resolver *r);

#endif
