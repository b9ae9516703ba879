/* SPDX-License-Identifier: MIT */
/* One run of one plan: its folder, machine, engine and evidence. */
#ifndef HARNESS_RUN_H
#define HARNESS_RUN_H

#include "harness/engine.h"

struct run_display {
	void *ctx;
	/* All may be NULL. @number 0: a step of the engine's own. */
	void (*begins)(void *ctx, const struct plan *plan, const char *run_dir);
	void (*note)(void *ctx,
		     const char *what); /* "building the disk: partition table" */
	void (*step_begins)(void *ctx, size_t number, size_t of, const char *title);
	void (*step_ended)(void *ctx, const struct step_result *s);
	void (*ended)(void *ctx, const struct result *res);
};

struct run_config {
	const char *source_dir, *build_dir;
	bool keep; /* the disk, also of a run that passed */
	double timeout_scale;
	int stop_fd; /* readable: stop; -1: none */
	struct run_display display;
	/* For tests; all NULL: the real ones. @run_dir is the run's folder. */
	int (*make_machine)(void *arg, const struct plan *plan, const char *run_dir,
			    struct machine_sink sink, struct machine *ret, struct err *e);
	void *make_arg;
	int (*read_kernel)(const void *data, size_t len, struct arena *a,
			   struct kernel_info *ret, struct err *e);
	const struct judge *judges;
};

/*
 * Run @plan in a new folder build/runs/<scenario>/<time>-<pid>..., which "latest" points
 * at afterwards. Fails only when there is no result to speak of (E_NOMEM, or the folder
 * cannot be made); everything else is in *ret, to be freed with result_free.
 */
int run_plan(const struct run_config *cfg, const struct plan *plan, struct result **ret,
	     struct err *e) MUST_CHECK;

/* Has somebody asked to stop? */
bool run_stopped(int stop_fd);

#endif
