/* SPDX-License-Identifier: MIT */
#include "components/common/ask.h"

#include <stdio.h>
#include <string.h>

#include "sim/base/buf.h"

bool ask_on_terminal(void *out, const char *question, char *answer, size_t size)
{
	struct buf *said = out;

	fputs(buf_str(said), stdout);
	buf_clear(said);
	fputs(question, stdout);
	fflush(stdout);
	if (!fgets(answer, (int)size, stdin))
		return false;
	answer[strcspn(answer, "\n")] = '\0';
	return true;
}
