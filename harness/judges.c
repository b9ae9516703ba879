/* SPDX-License-Identifier: MIT */
/*
 * Judges that nobody here wrote: programs that look at the container after a run. GPL
 * programs are run, never linked.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/engine_impl.h"
#include "harness/subprocess.h"
#include "sim/base/fsio.h"

/* They take a second; who takes so long has lost its way in a damaged container. */
#define JUDGE_MS 120000u

const struct judge default_judges[] = {
	{"apfsck", {"apfsck", "-cuw", "@", NULL}},
	{"7zz", {"7zz", "t", "-bso0", "-bsp0", "@", NULL}},
	{NULL},
};

/* The command of @j with the file's path in its place. */
static int run_judge(const struct judge *j, const char *file, struct buf *out,
		     int *ret_status, struct err *e)
{
	const char *argv[sizeof(j->argv) / sizeof(j->argv[0])];

	for (size_t i = 0; i < sizeof(argv) / sizeof(argv[0]); i++)
		argv[i] = j->argv[i] && !strcmp(j->argv[i], "@") ? file : j->argv[i];
	return subprocess_run(argv, JUDGE_MS, out, ret_status, e);
}

static int ask_judge(struct engine *en, const struct judge *j, const char *file,
		     struct err *e)
{
	char name[64];
	struct buf out = BUF_INIT;
	int status = 0, r;

	snprintf(name, sizeof(name), "judges.%s", j->name);
	if (!subprocess_installed(j->argv[0]))
		return result_skip(en->res, en->cur, name, "not installed", e);
	r = run_judge(j, file, &out, &status, e);
	if (!r)
		r = engine_check(en, name, !status, "clean", e, "%s",
				 out.len ? buf_str(&out) : "clean");
	buf_release(&out);
	return r;
}

static bool wants(const struct expect *x, const char *name)
{
	if (!x)
		return true;
	return !strcmp(name, "7zz") ? x->judges.sevenzip == JUDGE_CLEAN
				    : x->judges.apfsck == JUDGE_CLEAN;
}

int engine_judges(struct engine *en, const struct expect *x, const struct expect *x2,
		  struct err *e)
{
	const struct judge *judges = en->cfg->judges ? en->cfg->judges : default_judges;
	char path[4096];
	int r = fsio_join(path, sizeof(path), en->cfg->scratch_dir, "container.apfs", e);

	if (r)
		return r;
	r = en->machine->ops->export_container(en->machine->m, path, e);
	for (; judges->name && !r; judges++)
		if (wants(x, judges->name) && wants(x2, judges->name))
			r = ask_judge(en, judges, path, e);
	unlink(path);
	return r;
}
