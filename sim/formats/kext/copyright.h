/* SPDX-License-Identifier: MIT */
/* Does a text claim Apple's copyright? (libkern/kxld/kxld_copyright.c) */
#ifndef SIM_FORMATS_KEXT_COPYRIGHT_H
#define SIM_FORMATS_KEXT_COPYRIGHT_H

#include <stdbool.h>

/*
 * "Copyright (c) 1998,2000-2002 Apple Inc. All rights reserved." somewhere in @text, with
 * the sign itself: between notice and owner only years of four digits and ranges of them,
 * separated by commas and white space. That there is a year at all is not asked. NULL: no.
 */
bool kext_apple_copyright(const char *text);

#endif
