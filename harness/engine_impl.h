/* SPDX-License-Identifier: MIT */
/* The engine while it runs; shared by engine.c, step_*.c and judge_*.c. */
#ifndef HARNESS_ENGINE_IMPL_H
#define HARNESS_ENGINE_IMPL_H

#include "harness/engine.h"

struct engine {
	const struct engine_config *cfg;
	const struct plan *plan;
	struct machine *machine;
	struct evidence *ev;
	struct result *res;
	struct arena arena;	 /* of the run */
	struct step_result *cur; /* the step that runs */
	bool on;
	bool lost;		/* the Mac is down where steps need it up: skip them */
	enum machine_mode mode; /* of the last boot */
	const struct release *release; /* on the disk now */
	unsigned boots;
	int64_t started_ns;			     /* host, CLOCK_MONOTONIC */
	int64_t deadline_ns;			     /* of the run */
	struct kernel_info booted;		     /* kernel of the last boot */
	struct kernel_info before[KERNEL_WHICH_MAX]; /* before the first boot */
	char group[UUID_TEXT_MAX]; /* of the system, read before the first boot */
	struct seal_state seal_before;		     /* its root_hash: "" without a seal */
	bool have_before;
	struct macfs *disk; /* open while the machine is off, or NULL */
};

/* What is left for @s in milliseconds: its own time-out, or less when the run ends. */
unsigned engine_timeout_ms(const struct engine *en, const struct step *s);

/* The files of the Mac now: of the disk when it is off, else of the running system. */
int engine_files(struct engine *en, struct macfs **ret, struct err *e) MUST_CHECK;
/* Forget what was read; before the disk changes. */
void engine_drop_files(struct engine *en);

/* Replace references in @text; lives as long as the run. NULL stays NULL. */
int engine_text(struct engine *en, const char *text, const char **ret,
		struct err *e) MUST_CHECK;

/* The Mac's clock, in ns since 1970. It runs on while the Mac is off. */
int64_t engine_mac_clock(const struct engine *en);
/*
 * Boot @mode; *ret_up as in struct machine_ops. Checks what the boot says of its kernel.
 * @hold: see struct machine_boot.
 */
int engine_boot(struct engine *en, enum machine_mode mode, const char *hold,
		unsigned timeout_ms, bool *ret_up, char reason[static MACHINE_REASON_MAX],
		struct err *e) MUST_CHECK;
enum engine_down {
	ENGINE_HALT,	   /* shutdown -h now */
	ENGINE_RESTART,	   /* shutdown -r now */
	ENGINE_HALT_QUICK, /* halt -q: without kextd's lock, so nothing is rebuilt before */
};
/* Bring the Mac down and wait until it is. */
int engine_shutdown(struct engine *en, enum engine_down how, unsigned timeout_ms,
		    struct err *e) MUST_CHECK;

/*
 * Run a program of the Mac. When the machine goes down meanwhile, that is a failed check
 * and r->gone, and the steps that are left will be skipped.
 */
int engine_exec(struct engine *en, const struct machine_exec *x, struct machine_result *r,
		struct err *e) MUST_CHECK;

/*
 * Run a program of the Mac and check that it ends with status 0; what it says else is
 * the check's "got". @what names the check. *ret_ok may be NULL.
 */
int engine_command(struct engine *en, const char *what, const char *const *argv,
		   const void *input, size_t len, unsigned timeout_ms, bool *ret_ok,
		   struct err *e) MUST_CHECK;

/*
 * The same for the laboratory's own @program (a guest-bin), handed over for the moment;
 * @args ends with NULL and has at most four words.
 */
int engine_lab_program(struct engine *en, const char *check, const char *program,
		       const char *const *args, unsigned timeout_ms,
		       struct err *e) MUST_CHECK;

/* Add the checks of @x to the running step. */
int engine_expect(struct engine *en, const struct expect *x, struct err *e) MUST_CHECK;

/* The kernel that @which means now. Lives as long as the run. */
int engine_kernel(struct engine *en, enum kernel_which which, struct kernel_info *ret,
		  struct err *e) MUST_CHECK;

/* A check of the running step, with printf for what was got. */
int engine_check(struct engine *en, const char *name, bool ok, const char *expected,
		 struct err *e, const char *got, ...) PRINTF_LIKE(6, 7) MUST_CHECK;

/* Check @text against @m. @name names the checks. */
int engine_match(struct engine *en, const char *name, const struct text_match *m,
		 const char *text, struct err *e) MUST_CHECK;

/* Judges that look at the container with the power off, into the running step. */
int engine_judges(struct engine *en, const struct expect *x, const struct expect *x2,
		  struct err *e) MUST_CHECK;

/*
 * With the power off: copy the Mac's system.log to the evidence, and what kextcache said
 * in it last to the result. That there is none is no error.
 */
int engine_system_log(struct engine *en, struct err *e) MUST_CHECK;

/* A view on the files of the running Mac, by its own tools. */
int live_files(struct engine *en, struct macfs **ret, struct err *e) MUST_CHECK;

#endif
