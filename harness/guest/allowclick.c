/* SPDX-License-Identifier: MIT */
/*
 * allowclick [-n] BUNDLE: the user opens Security & Privacy and clicks on Allow for the
 * developer of the kext BUNDLE. Plays that user, whom the laboratory does not have, for
 * the step `allow_kext`; syspolicyd is asked what the preference pane would ask.
 *
 * Exit status: 0 clicked, or with -n: there is no button; 1 the opposite, or the click was
 * refused; 3 anything else.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "components/common/packet.h"
#include "components/syspolicyd/client.h"
#include "components/syspolicyd/protocol.h"
#include "sim/platform/paths.h"

/* The developer whose button @bundle is behind, NULL when there is none. */
static const char *find_button(const json_t *reply, const char *bundle)
{
	const json_t *rows = json_object_get(reply, "extensions"), *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *id = json_string_value(json_object_get(row, "bundle"));

		if (id && !strcmp(id, bundle))
			return json_string_value(json_object_get(row, "developer"));
	}
	return NULL;
}

static int click(const char *developer)
{
	json_t *reply = NULL;
	struct err e = ERR_INIT;
	int r = syspolicy_call(XNU_SYSPOLICY_SOCKET,
			       json_pack("{s:s,s:s}", "op", SYSPOLICY_OP_ALLOW, "developer",
					 developer),
			       &reply, &e);
	int status = r ? 3 : packet_errno(reply) ? 1 : 0;

	if (status)
		fprintf(stderr, "%s\n",
			r ? e.msg : json_string_value(json_object_get(reply, "error")));
	json_decref(reply);
	return status;
}

static int visit(const json_t *reply, const char *bundle, bool none)
{
	const char *developer = find_button(reply, bundle);

	if (none)
		return developer ? 1 : 0;
	if (developer)
		return click(developer);
	fprintf(stderr, "Security & Privacy has no Allow button for %s\n", bundle);
	return 1;
}

int main(int argc, char **argv)
{
	bool none = argc > 1 && !strcmp(argv[1], "-n");
	struct err e = ERR_INIT;
	json_t *reply = NULL;
	int status = 3;

	if (argc != 2 + none)
		return 3;
	if (syspolicy_call(XNU_SYSPOLICY_SOCKET,
			   json_pack("{s:s}", "op", SYSPOLICY_OP_PENDING), &reply, &e))
		fprintf(stderr, "%s\n", e.msg);
	else
		status = visit(reply, argv[1 + none], none);
	json_decref(reply);
	return status;
}
