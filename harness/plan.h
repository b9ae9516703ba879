/* SPDX-License-Identifier: MIT */
/*
 * A plan: one scenario in one variant with everything decided - settings, steps,
 * bundles - as it will run. `kextlab show` prints it.
 */
#ifndef HARNESS_PLAN_H
#define HARNESS_PLAN_H

#include <jansson.h>

#include "harness/scenario.h"

/* What the command line adds. Borrowed; all may be NULL or empty. */
struct plan_options {
	const char *build_dir; /* NULL: "build"; paths fixtures/X are build/fixtures/X */
	const char *source_dir; /* NULL: "."; scenarios/ of it have names of their own */
	const char *program;	/* NULL: "build/kextlab"; for plan.reproduce */
	const char *release, *sip, *machine;
	const char *kext;	  /* bundle to take in place of the one named "update" */
	const char *system;	  /* folder of a real Mac's kernel and extensions */
	struct text_list sets;	  /* "key=value" or "map.key=value" */
	struct text_list without; /* ids of steps, or their numbers from 1 */
	const struct scn_variant *variant;
	const struct scn_control *control;
	bool no_bundles; /* do not open bundles: for lint, before they are built */
};

struct plan_bundle {
	const char *name;     /* NULL: a path in a step */
	const char *ref;      /* that path, as it stands there */
	const char *path;     /* on the host */
	const char *mac_name; /* on the Mac: X.kext, also for .kext on the host */
	const char *id, *version; /* from its Info.plist; NULL with no_bundles */
};

struct plan {
	struct arena arena;
	struct ydoc *set_docs; /* of --set, while the plan lives */
	size_t n_set_docs;
	const struct scenario *scn;
	const struct scn_variant *variant; /* NULL: none */
	const struct scn_control *control; /* NULL: none */
	const char *name;		   /* "scenario" or "scenario/variant" */
	const char *reproduce;		   /* the command that runs this again */
	struct scn_settings s;
	struct step *steps;
	size_t n_steps;
	bool ends_on; /* the machine is still on after the last step */
	struct plan_bundle *bundles;
	size_t n_bundles;
	const char *system; /* on the host; NULL: stand-ins */
	const char *kernel; /* what the Mac's kernel is, for people (own_system_text) */
	const char *darwin, *xnu; /* its versions */
};

/*
 * @scn is borrowed and outlives the plan. E_SCHEMA: the scenario makes no sense (a step
 * in the wrong power state, an unknown reference); E_INVAL: options do; E_NOTFOUND,
 * E_CORRUPT, E_UNSUPPORTED: a bundle. Free with plan_free.
 */
int plan_make(const struct scenario *scn, const struct plan_options *opts,
	      struct plan **ret, struct err *e) MUST_CHECK;
void plan_free(struct plan *p);

/*
 * Replace each @{name} in @text: release, release.product_version, release.build,
 * release.darwin, release.xnu (of the kernel that the disk starts with),
 * release.kext_tools, machine, system (name of the System
 * volume), data (of the Data volume), and id, version, file of a bundle as
 * @{update.version}. The result lives in @a. E_SCHEMA for an unknown name.
 */
int plan_expand(const struct plan *p, const char *text, struct arena *a, const char **ret,
		struct err *e) MUST_CHECK;

/* The bundle that "@name" or a path in the scenario means. E_SCHEMA. Borrowed. */
int plan_bundle(const struct plan *p, const char *ref, const struct plan_bundle **ret,
		struct err *e) MUST_CHECK;

/* The plan as JSON; the caller owns the reference. NULL when memory runs out. */
json_t *plan_json(const struct plan *p);

#endif
