/* SPDX-License-Identifier: MIT */
/*
 * A boot as it told of itself, for people: what each stage took, what was verified against
 * what, and the Mac's log in the order in which it happened. All of it is from the events
 * of the run; nothing is added.
 */
#ifndef HARNESS_BOOT_STORY_H
#define HARNESS_BOOT_STORY_H

#include "harness/evidence.h"
#include "harness/result.h"

/* Fill @res->story from the events since the last boot. */
int boot_story(const struct evidence *ev, struct result *res, struct err *e) MUST_CHECK;

#endif
