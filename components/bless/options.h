/* SPDX-License-Identifier: MIT */
#ifndef COMPONENTS_BLESS_OPTIONS_H
#define COMPONENTS_BLESS_OPTIONS_H

#include <stdbool.h>

struct bless_options {
	const char *folder, *mount; /* NULL: not given */
	bool bootefi, create_snapshot, last_sealed, verbose, set_boot;
	const char *bootefi_file;  /* --bootefi=FILE */
	const char *snapshot;	   /* UUID; "": the live file system */
	const char *snapshot_name; /* the same by name */
};

/* Options with one or two hyphens, as getopt_long_only(3) takes them. False: NULL, or the
 * word that is wrong, in *@ret_bad. */
bool bless_options_parse(int argc, char **argv, struct bless_options *ret,
			 const char **ret_bad);

#endif
