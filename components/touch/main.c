/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "components/touch/touch.h"

int main(int argc, char **argv)
{
	struct touch_options o;
	struct err e = ERR_INIT;
	int status = EXIT_SUCCESS;

	if (touch_options_read(&o, argc, argv, time(NULL), &e)) {
		if (e.msg[0])
			fprintf(stderr, "touch: %s\n", e.msg);
		if (e.code == E_INVAL)
			fprintf(stderr, TOUCH_USAGE, "touch");
		return EXIT_FAILURE;
	}
	for (int i = o.first_file; i < argc; i++) {
		if (touch_file(&o, argv[i], &e)) {
			fprintf(stderr, "touch: %s\n", e.msg);
			status = EXIT_FAILURE;
		}
	}
	return status;
}
