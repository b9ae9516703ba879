/* SPDX-License-Identifier: MIT */
/* /sbin/shutdown; also /sbin/reboot and /sbin/halt, which are links to it. */
#define _GNU_SOURCE
#include <err.h>
#include <libgen.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "components/common/log.h"
#include "components/shutdown/shutdown.h"
#include "sim/platform/paths.h"

#define NOLOGIN	   "/private/etc/nologin"

static void call_off(int sig)
{
	(void)sig;
	unlink(NOLOGIN);
	_exit(EXIT_SUCCESS);
}

static void call_off_on_signals(void)
{
	static const int signals[] = {SIGINT, SIGHUP, SIGQUIT, SIGTERM};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], call_off);
}

static const char *user_name(void)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw ? pw->pw_name : getuid() ? "???" : "root";
}

static int usage(const char *program, const struct err *e, const char *text)
{
	if (e->msg[0])
		fprintf(stderr, "%s: %s\n", program, e->msg);
	if (e->code == E_INVAL)
		fprintf(stderr, "%s\n", text);
	return EXIT_FAILURE;
}

/* The last line is cut if there is too much. */
static void read_message(struct shutdown_options *o)
{
	size_t n = fread(o->message, 1, sizeof(o->message) - 2, stdin);

	o->message[n] = '\0';
	if (n && o->message[n - 1] != '\n')
		memcpy(o->message + n, "\n", 2);
}

/* A countdown goes on without the terminal. */
static void detach(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(EXIT_FAILURE, "fork");
	if (pid)
		errx(EXIT_SUCCESS, "[pid %d]", (int)pid);
	setsid();
}

static int shutdown_main(const struct shutdown_world *w, int argc, char **argv)
{
	struct shutdown_options o;
	struct err e = ERR_INIT;
	time_t now = time(NULL);
	char at[64];

	if (geteuid() != 0) {
		fprintf(stderr, "shutdown: NOT super-user\n");
		return EXIT_FAILURE;
	}
	unsetenv("TZ"); /* the Mac's time zone, not the user's */
	if (shutdown_options_read(&o, argc - 1, argv + 1, now, &e))
		return usage(w->program, &e, SHUTDOWN_USAGE);
	if (o.read_message)
		read_message(&o);
	if (o.offset)
		printf("Shutdown at %.24s.\n", ctime_r(&o.at, at));
	else
		printf("Shutdown NOW!\n");
	fflush(stdout);
	call_off_on_signals();
	if (o.offset)
		detach();
	return shutdown_run(w, &o);
}

static int reboot_main(const struct shutdown_world *w, int argc, char **argv)
{
	struct reboot_options o = {.halt = !strcmp(w->program, "halt")};
	struct err e = ERR_INIT;
	char text[64];

	snprintf(text, sizeof(text), REBOOT_USAGE, w->program);
	if (reboot_options_read(&o, argc - 1, argv + 1, &e))
		return usage(w->program, &e, text);
	/* The file is shutdown's as well, and so is its set-user-id bit. */
	if (getuid() != 0) {
		fprintf(stderr, "%s: Operation not permitted\n", w->program);
		return EXIT_FAILURE;
	}
	return reboot_run(w, &o);
}

int main(int argc, char **argv)
{
	const char *name = argc > 0 ? basename(argv[0]) : "";
	bool is_shutdown = strcmp(name, "reboot") && strcmp(name, "halt");
	struct log_file file = {.fd = -1};
	struct component_log system_log;
	struct err e = ERR_INIT;
	struct utsname u = {.nodename = ""};
	struct shutdown_world w = {
	    .program = is_shutdown ? "shutdown" : name,
	    .kextd = XNU_KEXTD_SOCKET,
	    .launchd = XNU_BOOTSTRAP_SOCKET,
	    .nologin = NOLOGIN,
	    .user = user_name(),
	    .waits = WAITS_REAL,
	    .log = &log_stdio,
	};
	int status;

	uname(&u);
	w.host = u.nodename;
	if (waits_read(&w.waits, XNU_TIME_FACTOR, &e))
		fprintf(stderr, "%s: %s\n", w.program, e.msg);
	/* Not everybody may, and not every volume lets root: then it is not logged. */
	if (!log_file_open(&file, PATH_SYSTEM_LOG, w.program, &e)) {
		system_log = log_file_sink(&file, CLOG_DEBUG);
		w.system_log = &system_log;
	}
	status =
	    is_shutdown ? shutdown_main(&w, argc, argv) : reboot_main(&w, argc, argv);
	log_file_close(&file);
	return status;
}
