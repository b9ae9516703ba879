/* SPDX-License-Identifier: MIT */
#include "components/boot/test/guest.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sim/carrier/boot_protocol.h"

static void send_message(json_t *msg)
{
	char *text = json_dumps(msg, JSON_COMPACT);

	if (!text || send(BOOT_FD, text, strlen(text), 0) < 0)
		exit(1);
	free(text);
	json_decref(msg);
}

static void await_start(void)
{
	static char packet[BOOT_PACKET_MAX];

	/* What comes first is the request to start. */
	if (recv(BOOT_FD, packet, sizeof(packet), 0) <= 0)
		exit(1);
}

static void say(const char *kind, const char *name, const char *fmt, va_list ap)
{
	char detail[1024], line[1400];

	vsnprintf(detail, sizeof(detail), fmt, ap);
	for (char *p = detail; *p; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	snprintf(line, sizeof(line), "%s\t%s\t%s\n", kind, name, detail);
	send_message(json_pack("{s:s,s:s}", "type", BOOT_CONSOLE, "text", line));
}

void say_result(bool ok, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(ok ? "pass" : "fail", name, fmt, ap);
	va_end(ap);
}

void say_note(const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("note", name, fmt, ap);
	va_end(ap);
}

static const struct {
	const char *name;
	void (*run)(const char *arg);
} modes[] = {
	{"cpus", try_cpus},	  {"sealed-root", try_sealed_root},
	{"overlay", try_overlay}, {"policy", try_policy},
	{"speed", try_speed},
};

/* "/test/mode" holds "NAME ARGUMENT". */
static void read_mode(char name[static 32], char arg[static 80])
{
	FILE *f = fopen("/test/mode", "re");

	name[0] = arg[0] = '\0';
	if (f && fscanf(f, "%31s %79s", name, arg) < 1)
		name[0] = '\0';
	if (f)
		fclose(f);
}

int main(void)
{
	char name[32], arg[80];

	read_mode(name, arg);
	send_message(json_pack("{s:s}", "type", BOOT_READY));
	await_start();
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(modes[i].name, name))
			modes[i].run(arg);
	send_message(json_pack("{s:s,s:s}", "type", BOOT_REFUSED, "reason", "done"));
	return 0;
}
