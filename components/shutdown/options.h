/* SPDX-License-Identifier: MIT */
/* The command lines of shutdown(8), reboot(8) and halt(8). */
#ifndef COMPONENTS_SHUTDOWN_OPTIONS_H
#define COMPONENTS_SHUTDOWN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "sim/base/err.h"

#define SHUTDOWN_USAGE                                                                   \
	"usage: shutdown [-] [-h [-u] [-n] | -r [-n] | -s | -k] time"                    \
	" [warning-message ...]"
#define REBOOT_USAGE "usage: %s [-lnq]" /* the program's name */

#define SHUTDOWN_MESSAGE_MAX 1024 /* BUFSIZ of macOS */

enum shutdown_action {
	SHUTDOWN_HALT,
	SHUTDOWN_RESTART,
	SHUTDOWN_SLEEP,
	SHUTDOWN_PRETEND, /* -k: warn everybody and leave it at that */
};

struct shutdown_options {
	enum shutdown_action action;
	bool read_message; /* "-": the message is on standard input */
	bool ups;	   /* -u: let the power supply switch off later */
	time_t at;
	int64_t offset;			    /* seconds until then */
	char message[SHUTDOWN_MESSAGE_MAX]; /* with a newline at its end, or empty */
};

struct reboot_options {
	bool halt;   /* called as "halt" */
	bool no_log; /* -l: who calls has logged it, and has the reboot lock */
	bool quick;  /* -q: do not ask anybody */
};

/*
 * Arguments after the program's name. E_INVAL: show e->msg, unless it is empty, and the
 * usage; E_CORRUPT: show e->msg alone, the time is wrong. @now is the time of day.
 */
int shutdown_options_read(struct shutdown_options *o, int argc, char **argv, time_t now,
			  struct err *e) MUST_CHECK;
int reboot_options_read(struct reboot_options *o, int argc, char **argv,
			struct err *e) MUST_CHECK;

#endif
