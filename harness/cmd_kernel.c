/* SPDX-License-Identifier: MIT */
/* kextlab kernel: a table of actions, and their options. */
#include "harness/cmd_kernel.h"

#include "sim/base/fsio.h"
#include "sim/base/idtext.h"

enum {
	WITH_JSON = 1,
	WITH_BUILD = 2,	 /* --kernel, --extensions, --compression, ... */
	WITH_OUTPUT = 4, /* -o */
};

static const struct action actions[] = {
	{"build", "--kernel K --extensions DIR... -o OUT", 0, KERNEL_EXTENSIONS_MAX,
	 WITH_BUILD | WITH_OUTPUT | WITH_JSON, kernel_build},
	{"show", "FILE", 1, 1, WITH_JSON, kernel_show},
	{"diff", "FILE FILE", 2, 2, WITH_JSON, kernel_diff},
	{"extract", "FILE -o FOLDER", 1, 1, WITH_OUTPUT, kernel_extract},
};

static const struct action_option options[] = {
	{'o', "output", true, WITH_OUTPUT},
	{'j', "json", false, WITH_JSON},
	{'k', "kernel", true, WITH_BUILD},
	{'r', "release", true, WITH_BUILD},
	{'s', "system", true, WITH_BUILD},
	{'e', "extensions", true, WITH_BUILD},
	{'c', "compression", true, WITH_BUILD},
	{'p', "all-personalities", false, WITH_BUILD},
	{'m', "omit", false, WITH_BUILD},
};

static void take_option(void *words, char letter, const char *value)
{
	struct kernel_words *w = words;

	switch (letter) {
	case 'o':
		w->output = value;
		break;
	case 'j':
		w->json = true;
		break;
	case 'k':
		w->kernel = value;
		break;
	case 'r':
		w->release = value;
		break;
	case 's':
		w->system = value;
		break;
	case 'e':
		if (w->n_extensions < KERNEL_EXTENSIONS_MAX)
			w->extensions[w->n_extensions] = value;
		w->n_extensions++;
		break;
	case 'c':
		w->compression = value;
		break;
	case 'p':
		w->all_personalities = true;
		break;
	case 'm':
		w->omit = true;
		break;
	}
}

int cmd_kernel(const struct app *app, int argc, char **argv)
{
	static const struct actions kernel = {
		.command = "kernel",
		.action = actions,
		.n_actions = sizeof(actions) / sizeof(actions[0]),
		.option = options,
		.n_options = sizeof(options) / sizeof(options[0]),
		.take = take_option,
	};
	struct kernel_words w = {.app = app};

	return actions_run(&kernel, &w, &w.args, &w.n_args, argc, argv);
}

/* ---- what the actions share ---- */

int kernel_load(struct kernel_loaded *k, const char *path, struct err *e)
{
	int r;

	*k = (struct kernel_loaded){.open = false};
	r = fsio_read(path, KERNEL_FILE_MAX, &k->bytes, e);
	if (r)
		return r;
	r = kernel_file_open(k->bytes.data, k->bytes.len, &k->file, e);
	k->open = !r;
	return r ? err_ctx(e, "%s", path) : 0;
}

void kernel_loaded_release(struct kernel_loaded *k)
{
	if (k->open)
		kernel_file_release(&k->file);
	buf_release(&k->bytes);
	k->open = false;
}

const char *kernel_id_text(bool has, const uint8_t id[static UUID_LEN],
			   char out[static 2 * UUID_LEN + 1])
{
	out[0] = '\0';
	if (has)
		hex_text(id, UUID_LEN, out);
	return out;
}
