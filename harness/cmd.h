/* SPDX-License-Identifier: MIT */
/*
 * The commands of kextlab. A command gets its own argv, argv[0] being its name, prints
 * what it has to say, and returns an exit status (docs/architecture.md).
 */
#ifndef HARNESS_CMD_H
#define HARNESS_CMD_H

#include <jansson.h>

#include "harness/scenario.h"

#define EXIT_PASSED  0
#define EXIT_FAILED  1
#define EXIT_USAGE   2
#define EXIT_INFRA   3
#define EXIT_NOTHING 4

/* Where things are, found out once by main. */
struct app {
	const char *source_dir; /* has scenarios/ and images/ */
	const char *build_dir;
	const char *program;  /* what to call to run this again */
	double timeout_scale; /* $KEXTLAB_TIMEOUT_SCALE */
};

struct command {
	const char *name, *summary;
	const char *usage; /* what stands behind the name, and the options, a line each */
	int (*run)(const struct app *app, int argc, char **argv);
};

/* Ends with a NULL name. */
extern const struct command commands[];

int cmd_run(const struct app *app, int argc, char **argv);
int cmd_list(const struct app *app, int argc, char **argv);
int cmd_show(const struct app *app, int argc, char **argv);
int cmd_lint(const struct app *app, int argc, char **argv);
int cmd_image(const struct app *app, int argc, char **argv);
int cmd_kext(const struct app *app, int argc, char **argv);
int cmd_seal(const struct app *app, int argc, char **argv);
int cmd_kernel(const struct app *app, int argc, char **argv);
int cmd_doctor(const struct app *app, int argc, char **argv);
int cmd_help(const struct app *app, int argc, char **argv);

/* Usage of the command @name to stderr; returns EXIT_USAGE. */
int cmd_usage_error(const char *name, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "kextlab: <error>" to stderr; returns the exit status for its code. */
int cmd_error(const struct err *e);
/* The same for an error of selection_load: nothing selected, if that is what it says. */
int cmd_selection_error(const struct err *e);
/* Print JSON to stdout and release it. Returns EXIT_PASSED, or EXIT_INFRA. */
int cmd_print_json(json_t *j);

/* ---- choosing scenarios (select.c) ---- */

struct selected {
	struct scenario *scn;
	const struct scn_variant *variant; /* NULL: it has none */
};

struct selection {
	struct scenario **all; /* owned */
	size_t n_all;
	struct selected *items;
	size_t n;
};

/*
 * Load what @words name: files (*.yaml), names or patterns, each "scenario" or
 * "scenario/variant"; without words and with @everything all of scenarios/. With @tags
 * only those that have all of them ("!tag": have not). Release in any case.
 * E_NOTFOUND when a word names nothing.
 */
int selection_load(struct selection *s, const struct app *app, char *const *words,
		   size_t n, const struct text_list *tags, bool everything,
		   struct err *e) MUST_CHECK;
void selection_release(struct selection *s);

/* ---- the language reference (language.c) ---- */

/* The tables of the scenario language as Markdown, appended to @out. */
int language_reference(struct buf *out, struct err *e) MUST_CHECK;

#endif
