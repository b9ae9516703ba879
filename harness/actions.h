/* SPDX-License-Identifier: MIT */
/* A command that has actions, "kextlab seal show ...": their table, and their options. */
#ifndef HARNESS_ACTIONS_H
#define HARNESS_ACTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct action {
	const char *name, *usage;
	int min, max;		       /* arguments */
	unsigned with;		       /* kinds of options that it takes, a bit each */
	int (*run)(const void *words); /* returns an exit status */
};

struct action_option {
	char letter;	  /* what take() gets; 'o' may also be written "-o" */
	const char *name; /* "--name" */
	bool has_value;
	unsigned kind; /* for actions with one of these bits */
};

struct actions {
	const char *command;
	const struct action *action;
	size_t n_actions;
	const struct action_option *option;
	size_t n_options;
	/* Note an option in the command's words; @value is NULL for one without. */
	void (*take)(void *words, char letter, const char *value);
};

/*
 * Carry out what @argv, whose [0] is the command, asks for; returns an exit status. The
 * arguments besides options are put into *@args and *@n_args, which are of @words.
 */
int actions_run(const struct actions *a, void *words, char ***args, int *n_args, int argc,
		char **argv);

#endif
