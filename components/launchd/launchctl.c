/* SPDX-License-Identifier: MIT */
/* /bin/launchctl, as far as tests and users of the lab need it. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "components/common/packet.h"
#include "sim/platform/paths.h"

#define ANSWER_MS 10000

static int usage(void)
{
	fputs("Usage: launchctl list\n"
	      "       launchctl load <plist>\n"
	      "       launchctl kickstart|bootout [system/]<label>\n"
	      "       launchctl reboot [system|halt|userspace]\n",
	      stderr);
	return 64;
}

static int ask(const json_t *request, json_t **reply)
{
	struct err e = ERR_INIT;
	int fd;

	if (packet_connect(XNU_BOOTSTRAP_SOCKET, &fd, &e) ||
	    packet_call(fd, request, ANSWER_MS, reply, &e)) {
		fprintf(stderr, "launchctl: %s\n", e.msg);
		return 1;
	}
	if (packet_errno(*reply)) {
		const char *why = json_string_value(json_object_get(*reply, "error"));

		fprintf(stderr, "%s\n", why ? why : strerror(packet_errno(*reply)));
		return packet_errno(*reply);
	}
	return 0;
}

static void print_jobs(const json_t *jobs)
{
	const json_t *j;
	size_t i;

	printf("PID\tStatus\tLabel\n");
	json_array_foreach(jobs, i, j)
	{
		int pid = (int)json_integer_value(json_object_get(j, "pid"));
		int status = (int)json_integer_value(json_object_get(j, "status"));

		if (pid)
			printf("%d", pid);
		else
			putchar('-');
		printf("\t%d\t%s\n",
		       WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status),
		       json_string_value(json_object_get(j, "label")));
	}
}

/* "system/com.apple.kextd" or "com.apple.kextd": there is but one domain. */
static const char *label_of(const char *target)
{
	return strncmp(target, "system/", 7) ? target : target + 7;
}

static json_t *reboot_request(const char *what)
{
	static const struct {
		const char *word, *how;
	} ways[] = {
		{"system", "restart"}, {"halt", "halt"}, {"userspace", "userspace"}};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i].word, what))
			return json_pack("{s:s,s:s}", "op", "reboot", "how", ways[i].how);
	return NULL;
}

static json_t *make_request(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "list"))
		return json_pack("{s:s}", "op", "list");
	if (argc >= 2 && argc <= 3 && !strcmp(argv[1], "reboot"))
		return reboot_request(argc == 3 ? argv[2] : "system");
	if (argc != 3)
		return NULL;
	if (!strcmp(argv[1], "load"))
		return json_pack("{s:s,s:s}", "op", "load", "path", argv[2]);
	if (!strcmp(argv[1], "kickstart") || !strcmp(argv[1], "bootout"))
		return json_pack("{s:s,s:s}", "op", argv[1], "label", label_of(argv[2]));
	return NULL;
}

int main(int argc, char **argv)
{
	json_t *request = make_request(argc, argv), *reply = NULL;
	int status;

	if (!request)
		return usage();
	status = ask(request, &reply);
	if (!status && json_object_get(reply, "jobs"))
		print_jobs(json_object_get(reply, "jobs"));
	json_decref(request);
	json_decref(reply);
	return status;
}
