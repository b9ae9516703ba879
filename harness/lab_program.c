/* SPDX-License-Identifier: MIT */
/*
 * Programs of the laboratory that run on the Mac for a moment. They are not the Mac's, so
 * they are handed over with their request, and gone after it.
 */
#include "harness/engine_impl.h"

#define ARGS_MAX 4

int engine_lab_program(struct engine *en, const char *check, const char *program,
		       const char *const *args, unsigned timeout_ms, struct err *e)
{
	static const char script[] =
		"t=/private/var/run/.lab.$$\n"
		"/bin/cat >\"$t\" && /bin/chmod 0700 \"$t\" || exit 3\n"
		"\"$t\" \"$@\"; r=$?\n"
		"/bin/rm -f \"$t\"\n"
		"exit $r\n";
	const char *argv[4 + ARGS_MAX + 1] = {"/bin/sh", "-c", script, program};
	struct buf tool = BUF_INIT;
	int r = en->machine->ops->guest_tool(en->machine->m, program, &tool, e);

	for (size_t i = 0; i < ARGS_MAX && args[i]; i++)
		argv[4 + i] = args[i];
	if (!r)
		r = engine_command(en, check, argv, tool.data, tool.len, timeout_ms, NULL, e);
	buf_release(&tool);
	return r;
}
