/* SPDX-License-Identifier: MIT */
/*
 * Carry out a plan on a machine: steps, then the end of it all - power off, a look at
 * the disk, the judges, the expectations - and fill a result. Prints nothing.
 */
#ifndef HARNESS_ENGINE_H
#define HARNESS_ENGINE_H

#include "harness/evidence.h"
#include "harness/kernel_info.h"
#include "harness/machine.h"
#include "harness/plan.h"
#include "harness/result.h"

struct engine_config {
	const struct plan *plan;
	struct machine *machine;
	struct evidence *evidence; /* must be the sink of the machine */
	struct result *result;	   /* filled; steps, verdict, phases */
	const char *scratch_dir;   /* for the container's bytes while judges look at it */
	double timeout_scale;	   /* 0: 1 */
	/* How a prelinked kernel is read; NULL: kernel_info_read. */
	int (*read_kernel)(const void *data, size_t len, struct arena *a,
			   struct kernel_info *ret, struct err *e);
	/* Judges of the container; NULL: the real ones. */
	const struct judge *judges;
	/* For a display; any may be NULL. */
	void *ctx;
	void (*step_begins)(void *ctx, size_t number, size_t of, const char *title);
	void (*step_ended)(void *ctx, const struct step_result *s);
};

/*
 * A program that says whether the container in a file is sound. Tables end with a NULL
 * name. argv has "@" where the file's path goes.
 */
struct judge {
	const char *name;    /* also the key in "judges" */
	const char *argv[8]; /* NULL-terminated */
	/* Instead of argv when a volume names the snapshot to root from; may be empty. */
	const char *argv_tagged[8];
};

extern const struct judge default_judges[];

/*
 * 0 when the plan was carried out, whatever the checks say: see result->verdict. Else
 * the error that ended it, which is in the result as well.
 */
int engine_run(const struct engine_config *cfg, struct err *e) MUST_CHECK;

#endif
