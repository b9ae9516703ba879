/* SPDX-License-Identifier: MIT */
/* What came of a run: steps, checks and a verdict; reports are made of it. */
#ifndef HARNESS_RESULT_H
#define HARNESS_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/arena.h"

/*
 * An infrastructure failure is never a failed scenario: VERDICT_FAILED means that the
 * Mac did something else than expected, everything below that we could not tell.
 */
enum verdict {
	VERDICT_PASSED,
	VERDICT_FAILED,
	VERDICT_SKIPPED,
	VERDICT_TIMEOUT,
	VERDICT_ERROR,	  /* infrastructure */
	VERDICT_BAD,	  /* the scenario or the options make no sense here */
	VERDICT_CANCELED, /* Ctrl-C */
};

/* "passed", "failed", ... */
const char *verdict_name(enum verdict v);
/* Exit status of docs/architecture.md. */
int verdict_exit(enum verdict v);
/* The graver of two, for a run of several scenarios. */
enum verdict verdict_worse(enum verdict a, enum verdict b);
/* What an error that ended a run makes of it. */
enum verdict verdict_of_error(const struct err *e);

struct check {
	const char *name; /* "system_kernel.kexts.com.example.filter" */
	bool ok;
	bool skipped; /* could not be asked, e.g. a judge that is not installed */
	const char *expected, *got; /* got: also the reason when skipped */
};

struct step_result {
	const char *type, *title, *id; /* id may be NULL */
	unsigned line; /* in the scenario file; 0 for what the engine adds */
	enum verdict verdict;
	uint64_t start_ms, end_ms; /* since the start of the run */
	struct check *checks;
	size_t n, cap;
	const char *error; /* NULL unless the step could not be done */
};

enum phase {
	PHASE_DISK,
	PHASE_BOOT,
	PHASE_STEPS,
	PHASE_SHUTDOWN,
	PHASE_INSPECT,
	PHASE_JUDGES,
	PHASE_MAX
};
const char *phase_name(enum phase p);

struct result {
	struct arena arena;
	const char *name, *scenario, *variant, *control; /* the last two may be NULL */
	const char *summary, *file;
	const char *release, *machine;
	const char *system; /* folder that kernel and kexts are from; NULL: stand-ins */
	const char *kernel; /* what they are, for people; NULL: not known yet */
	uint32_t csr;
	const char *accel;	    /* "tcg", "kvm"; NULL: no machine was started */
	const char *run_dir, *disk; /* disk: NULL when not kept */
	const char *reproduce;
	int64_t started; /* seconds since 1970 */
	uint64_t duration_ms;
	uint64_t phase_ms[PHASE_MAX];
	long peak_kib; /* of QEMU */
	enum verdict verdict;
	const char *error; /* NULL unless VERDICT_TIMEOUT or graver */
	struct step_result *steps;
	size_t n_steps, cap_steps;
	const char **tail; /* the last console lines, when it did not pass */
	size_t n_tail;
	const char *
		*kextcache; /* what it said last in system.log, when it did not pass */
	size_t n_kextcache;
	const char **end_state; /* for people: what is on the disk in the end */
	size_t n_end_state;
	const char **story; /* the last boot, when the scenario shows it (boot_story.h) */
	size_t n_story;
};

/* Free with result_free. */
struct result *result_new(void);
void result_free(struct result *r);

/* A new step; borrowed until the next one. NULL when memory runs out (then @e). */
struct step_result *result_step(struct result *r, const char *type, const char *title,
				struct err *e);

/* Add a check to @s; texts are copied. Returns whether it held. */
int result_check(struct result *r, struct step_result *s, const char *name, bool ok,
		 const char *expected, const char *got, struct err *e) MUST_CHECK;
int result_skip(struct result *r, struct step_result *s, const char *name,
		const char *why, struct err *e) MUST_CHECK;

/* Does any check whose name begins with @prefix (NULL: any) fail? */
bool result_any_fails(const struct result *r, const char *prefix);

/* Line for people about the state of the disk in the end. */
int result_state(struct result *r, struct err *e, const char *fmt, ...)
	PRINTF_LIKE(3, 4) MUST_CHECK;

#endif
