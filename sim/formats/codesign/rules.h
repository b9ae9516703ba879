/* SPDX-License-Identifier: MIT */
/*
 * Which files of a bundle its signature covers, and how: rules are extended regular
 * expressions over the path below Contents, of which the heaviest that matches counts.
 * (resources.cpp ResourceBuilder; bundlediskrep.cpp defaultResourceRules)
 */
#ifndef SIM_FORMATS_CODESIGN_RULES_H
#define SIM_FORMATS_CODESIGN_RULES_H

#include <stdbool.h>

#include <plist/plist.h>

#include "sim/base/err.h"

#define CS_RULES_MAX	128
#define CS_PATTERN_MAX	256
#define CS_RULE_OMITTED 0x1u   /* not covered */
#define CS_RULE_OPTIONAL 0x2u  /* may be missing */
#define CS_RULE_NESTED	0x4u   /* code with a signature of its own */
#define CS_RULE_EXCLUDED 0x10u /* part of the signature itself, with all below it */

struct cs_rule;

/* Zero-initialise, release with cs_rules_release. */
struct cs_rules {
	struct cs_rule *rule; /* owned */
	size_t n;
};

void cs_rules_release(struct cs_rules *r);

/*
 * Compile a dictionary of pattern to true, false or {omit, optional, nested, weight}.
 * E_CORRUPT: a rule is of another form or no regular expression; E_UNSUPPORTED: one with
 * repetition counts or back references, whose matching can take for ever; E_OVERFLOW.
 */
int cs_rules_compile(plist_t dict, struct cs_rules *ret, struct err *e) MUST_CHECK;
/* Exclude the path @rel, to the letter. */
int cs_rules_exclude(struct cs_rules *r, const char *rel, struct err *e) MUST_CHECK;

/* What holds for @rel. False: no rule does, it is not covered. */
bool cs_rules_find(const struct cs_rules *r, const char *rel, unsigned *ret_flags);

/*
 * codesign's own rules as {rules, rules2}; @resources: the bundle has (or may have) a
 * folder Resources below the base. NULL without memory. Owned by the caller.
 */
plist_t cs_rules_default(bool resources);
/* The patterns that rules may omit without being weak; ends with NULL. */
const char *const *cs_rules_allowed_omissions(bool resources);

/*
 * Is a file left out that must not be (errSecCSWeakResourceRules)? @catch_all is the rule
 * that has to be there.
 */
bool cs_rules_are_weak(plist_t dict, const char *catch_all, bool resources);

#endif
