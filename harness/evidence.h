/* SPDX-License-Identifier: MIT */
/*
 * What a run saw: console lines and events, in memory for the expectations and in the
 * run's folder for people. It is the sink of a machine.
 */
#ifndef HARNESS_EVIDENCE_H
#define HARNESS_EVIDENCE_H

#include <stdbool.h>
#include <stdio.h>

#include "harness/expect.h"
#include "harness/machine.h"

/* More than any run prints; what comes after is in the files only. */
#define EVIDENCE_LINES_MAX  200000u
#define EVIDENCE_EVENTS_MAX 100000u

struct evidence {
	struct arena arena;
	const char **lines;
	size_t n_lines, cap_lines;
	json_t **events;
	size_t n_events, cap_events;
	/* Where a part begins: index of the first line and event behind the mark. */
	struct {
		size_t line, event;
	} marks[SINCE_START + 1];
	FILE *events_file; /* NULL: not kept */
	bool overflow;	   /* a limit or memory ran out */
};

/* @events_path (may be NULL) is made. Release in any case. */
int evidence_init(struct evidence *ev, const char *events_path, struct err *e) MUST_CHECK;
void evidence_release(struct evidence *ev);

struct machine_sink evidence_sink(struct evidence *ev);

/* The part that begins at @since starts here. A boot begins no new shutdown. */
void evidence_mark(struct evidence *ev, enum console_since since);

/* Lines and events behind a mark. Borrowed. */
const char *const *evidence_lines(const struct evidence *ev, enum console_since since,
				  size_t *ret_n);
json_t *const *evidence_events(const struct evidence *ev, enum console_since since,
			       size_t *ret_n);

/* The newest event called @name behind a mark, or NULL. Borrowed. */
json_t *evidence_last(const struct evidence *ev, const char *name,
		      enum console_since since);

/*
 * A line that no healthy run prints, and the trouble it tells of ("kernel panic"); NULL
 * when there is none. @ret_line is borrowed. Panics that the Mac is made to have are
 * not lines of this kind: the table holds the carrier's own troubles.
 */
const char *evidence_badness(const struct evidence *ev, const char **ret_line);

#endif
