/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "harness/ui.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "sim/base/clock.h"

#define TICK_MS 200

struct ui {
	bool quiet, live; /* live: stderr is a terminal */
	pthread_t ticker;
	pthread_mutex_t lock; /* guards what follows, and the terminal's line */
	pthread_cond_t stop;
	bool ending, shown, running;
	char name[128], what[192], note[192];
	int64_t since_ms;
};

bool ui_colours(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no && *no) && term && strcmp(term, "dumb");
}

static int columns(void)
{
	struct winsize ws;

	return !ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) && ws.ws_col > 20 ? ws.ws_col : 80;
}

static void draw(struct ui *ui)
{
	char line[640];
	int n = snprintf(line, sizeof(line), "%s  %s%s%s  %.1f s", ui->name, ui->what,
			 ui->note[0] ? ": " : "", ui->note,
			 (double)(clock_ms() - ui->since_ms) / 1000);
	int max = columns() - 1;

	fprintf(stderr, "\r\033[K%.*s", n > max ? max : n, line);
	ui->shown = true;
}

static void erase(struct ui *ui)
{
	if (ui->shown)
		fprintf(stderr, "\r\033[K");
	ui->shown = false;
}

static void *tick(void *arg)
{
	struct ui *ui = arg;

	pthread_mutex_lock(&ui->lock);
	while (!ui->ending) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += TICK_MS * 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&ui->stop, &ui->lock, &until);
		if (ui->running && !ui->ending)
			draw(ui);
	}
	pthread_mutex_unlock(&ui->lock);
	return NULL;
}

struct ui *ui_new(bool quiet)
{
	struct ui *ui = calloc(1, sizeof(*ui));
	sigset_t all, old;

	if (!ui)
		return NULL;
	ui->quiet = quiet;
	ui->live = !quiet && isatty(STDERR_FILENO);
	pthread_mutex_init(&ui->lock, NULL);
	pthread_cond_init(&ui->stop, NULL);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	if (ui->live && pthread_create(&ui->ticker, NULL, tick, ui))
		ui->live = false;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ui;
}

void ui_free(struct ui *ui)
{
	if (!ui)
		return;
	if (ui->live) {
		pthread_mutex_lock(&ui->lock);
		ui->ending = true;
		pthread_cond_signal(&ui->stop);
		pthread_mutex_unlock(&ui->lock);
		pthread_join(ui->ticker, NULL);
	}
	erase(ui);
	pthread_cond_destroy(&ui->stop);
	pthread_mutex_destroy(&ui->lock);
	free(ui);
}

static void begins(void *ctx, const struct plan *plan, const char *run_dir)
{
	struct ui *ui = ctx;

	pthread_mutex_lock(&ui->lock);
	snprintf(ui->name, sizeof(ui->name), "%s%s%s", plan->name,
		 plan->control ? " without " : "",
		 plan->control ? plan->control->name : "");
	snprintf(ui->what, sizeof(ui->what), "disk");
	ui->note[0] = 0;
	ui->since_ms = clock_ms();
	ui->running = true;
	if (!ui->live && !ui->quiet)
		fprintf(stderr, "%s: %s\n", ui->name, run_dir);
	pthread_mutex_unlock(&ui->lock);
}

static void note(void *ctx, const char *what)
{
	struct ui *ui = ctx;

	pthread_mutex_lock(&ui->lock);
	snprintf(ui->note, sizeof(ui->note), "%s", what);
	if (ui->live && ui->running)
		draw(ui);
	else if (!ui->quiet)
		fprintf(stderr, "  %s\n", what);
	pthread_mutex_unlock(&ui->lock);
}

static void step_begins(void *ctx, size_t number, size_t of, const char *title)
{
	struct ui *ui = ctx;

	pthread_mutex_lock(&ui->lock);
	if (number)
		snprintf(ui->what, sizeof(ui->what), "[%zu/%zu] %s", number, of, title);
	else
		snprintf(ui->what, sizeof(ui->what), "%s", title);
	ui->note[0] = 0;
	ui->since_ms = clock_ms();
	if (ui->live)
		draw(ui);
	pthread_mutex_unlock(&ui->lock);
}

static void step_ended(void *ctx, const struct step_result *s)
{
	struct ui *ui = ctx;

	pthread_mutex_lock(&ui->lock);
	if (ui->live)
		erase(ui);
	if (!ui->quiet)
		fprintf(stderr, "  %-40s %-8s %6.1f s\n", ui->what,
			verdict_name(s->verdict),
			(double)(s->end_ms - s->start_ms) / 1000);
	pthread_mutex_unlock(&ui->lock);
}

void ui_progress(struct ui *ui, size_t ended, size_t of, size_t running)
{
	if (!ui->live)
		return;
	pthread_mutex_lock(&ui->lock);
	if (!ui->since_ms)
		ui->since_ms = clock_ms();
	snprintf(ui->name, sizeof(ui->name), "%zu of %zu runs have ended", ended, of);
	snprintf(ui->what, sizeof(ui->what), "%zu go on", running);
	ui->running = true;
	draw(ui);
	pthread_mutex_unlock(&ui->lock);
}

void ui_pause(struct ui *ui)
{
	pthread_mutex_lock(&ui->lock);
	ui->running = false;
	erase(ui);
	pthread_mutex_unlock(&ui->lock);
}

static void ended(void *ctx, const struct result *res)
{
	(void)res;
	ui_pause(ctx);
}

struct run_display ui_display(struct ui *ui)
{
	return (struct run_display){ui, begins, note, step_begins, step_ended, ended};
}
