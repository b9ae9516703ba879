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
	/* -u: "Root from snapshot: not supported" */
	{"apfsck", {"apfsck", "-cuw", "@", NULL}, {"apfsck", "-cw", "@", NULL}},
	{"7zz", {"7zz", "t", "-bso0", "-bsp0", "@", NULL}, {NULL}},
	{NULL, {NULL}, {NULL}},
};

/* The command of @j with the file's path in its place. */
static int run_judge(const struct judge *j, bool tagged, const char *file,
		     struct buf *out, int *ret_status, struct err *e)
{
	const char *const *from = tagged && j->argv_tagged[0] ? j->argv_tagged : j->argv;
	const char *argv[sizeof(j->argv) / sizeof(j->argv[0])];

	for (size_t i = 0; i < sizeof(argv) / sizeof(argv[0]); i++)
		argv[i] = from[i] && !strcmp(from[i], "@") ? file : from[i];
	return subprocess_run(argv, JUDGE_MS, out, ret_status, e);
}

/* Of the system's container "judges.apfsck", of others "judges.apfsck.disk1". */
static int ask_judge(struct engine *en, const struct judge *j,
		     const struct machine_container *c, const char *file, struct err *e)
{
	char name[64];
	struct buf out = BUF_INIT;
	int status = 0, r;

	snprintf(name, sizeof(name), "judges.%s%s%s", j->name, c->main ? "" : ".",
		 c->main ? "" : c->device);
	if (!subprocess_installed(j->argv[0]))
		return result_skip(en->res, en->cur, name, "not installed", e);
	r = run_judge(j, c->tagged, file, &out, &status, e);
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

static int judge_container(struct engine *en, size_t i, const char *file,
			   const struct expect *x, const struct expect *x2,
			   struct err *e)
{
	const struct judge *j = en->cfg->judges ? en->cfg->judges : default_judges;
	struct machine_container c;
	int r = en->machine->ops->export_container(en->machine->m, i, file, &c, e);

	for (; !r && j->name; j++)
		if (wants(x, j->name) && wants(x2, j->name))
			r = ask_judge(en, j, &c, file, e);
	unlink(file);
	return r;
}

int engine_judges(struct engine *en, const struct expect *x, const struct expect *x2,
		  struct err *e)
{
	char path[4096];
	int r = fsio_join(path, sizeof(path), en->cfg->scratch_dir, "container.apfs", e);
	size_t n = 0;

	while (!r) {
		r = judge_container(en, n, path, x, x2, e);
		n += !r;
	}
	if (r != -E_NOTFOUND || !n)
		return r;
	err_clear(e);
	return 0;
}
