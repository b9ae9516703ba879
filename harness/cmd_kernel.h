/* SPDX-License-Identifier: MIT */
/* Parts of `kextlab kernel`, one per action. */
#ifndef HARNESS_CMD_KERNEL_H
#define HARNESS_CMD_KERNEL_H

#include "harness/actions.h"
#include "harness/cmd.h"
#include "images/kernel_file.h"

#define KERNEL_EXTENSIONS_MAX 64

/* What stands on the command line. Borrowed. */
struct kernel_words {
	const struct app *app;
	char **args; /* without options and action */
	int n_args;
	/* One of them: a file; the stand-in kernel of @release; a real Mac's folder. */
	const char *kernel, *release, *system;
	const char *output;
	const char *compression; /* NULL: lzvn */
	const char *extensions[KERNEL_EXTENSIONS_MAX];
	int n_extensions; /* may be more than there is room for */
	bool json, omit, all_personalities;
};

/* Each gets a struct kernel_words, and returns an exit status. */
int kernel_build(const void *words);
int kernel_show(const void *words);
int kernel_diff(const void *words);
int kernel_extract(const void *words);

/* A file and what is in it. Release with kernel_loaded_release, also after an error. */
struct kernel_loaded {
	struct buf bytes;
	struct kernel_file file;
	bool open;
};
int kernel_load(struct kernel_loaded *k, const char *path, struct err *e) MUST_CHECK;
void kernel_loaded_release(struct kernel_loaded *k);

/* 32 digits of a UUID or KCID; "" when @has is false. */
const char *kernel_id_text(bool has, const uint8_t id[static UUID_LEN],
			   char out[static 2 * UUID_LEN + 1]);

#endif
