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
#include "sim/base/buf.h"

/* Fill @res->story from the events since the last boot. */
int boot_story(const struct evidence *ev, struct result *res, struct err *e) MUST_CHECK;

/*
 * Append all records of the Mac's unified log since the start of the run to @out, a line
 * each: "<seq> <stamp> <process>: (<sender>) <message>". Further lines of a message stand
 * below the first.
 */
int unified_log_text(const struct evidence *ev, struct buf *out, struct err *e) MUST_CHECK;

#endif
