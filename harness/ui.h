/* SPDX-License-Identifier: MIT */
/*
 * The display of a run: one line that is alive on a terminal, plain lines elsewhere.
 * Goes to stderr, so that stdout is for verdicts and --json.
 */
#ifndef HARNESS_UI_H
#define HARNESS_UI_H

#include <stdbool.h>

#include "harness/run.h"

struct ui;

/* @quiet: nothing at all. Free with ui_free, which also clears the live line. */
struct ui *ui_new(bool quiet);
void ui_free(struct ui *ui);

struct run_display ui_display(struct ui *ui);

/*
 * For several runs at a time, each with a display of its own: @ended of @of are through,
 * @running go on. Only on a terminal.
 */
void ui_progress(struct ui *ui, size_t ended, size_t of, size_t running);
/* Clear the live line until the next progress: something else is to be printed. */
void ui_pause(struct ui *ui);

/* Colours on @fd: a terminal, and NO_COLOR is not set. */
bool ui_colours(int fd);

#endif
