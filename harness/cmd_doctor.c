/* SPDX-License-Identifier: MIT */
/* kextlab doctor: is everything here that a run needs? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/cmd.h"
#include "harness/engine.h"
#include "harness/subprocess.h"
#include "sim/base/fsio.h"
#include "sim/vm/doctor.h"

struct doctor {
	json_t *list; /* NULL: print lines */
	int bad;
};

static void tell(void *ctx, const struct vm_check *c)
{
	struct doctor *d = ctx;

	d->bad += !c->ok;
	if (d->list)
		json_array_append_new(d->list, json_pack("{s:s, s:b, s:s*, s:s*}", "name",
							 c->name, "ok", c->ok, "detail",
							 c->detail, "advice", c->advice));
	else
		printf("%-4s %-16s %s%s%s\n", c->ok ? "ok" : "BAD", c->name,
		       c->detail ? c->detail : "", c->advice ? "; try: " : "",
		       c->advice ? c->advice : "");
}

/* A judge that is missing is no trouble: its check is skipped. */
static void tell_judge(struct doctor *d, const struct judge *j)
{
	bool there = subprocess_installed(j->argv[0]);

	tell(d, &(struct vm_check){j->name, true,
				   there ? "judge of the disk"
					 : "not installed: will be skipped",
				   NULL});
}

static void tell_program(struct doctor *d, const char *name)
{
	bool there = subprocess_installed(name);

	tell(d, &(struct vm_check){name, there, there ? "found" : "not found",
				   there ? NULL : "make deps"});
}

static void tell_build_folder(struct doctor *d, const char *build_dir)
{
	static const char *const folders[] = {"", "/cache", "/runs"};
	char path[4096], detail[4200] = "writable";
	bool ok = true;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && ok; i++) {
		snprintf(path, sizeof(path), "%s%s", build_dir, folders[i]);
		ok = !access(path, W_OK | X_OK) || (i && errno == ENOENT);
		if (!ok)
			snprintf(detail, sizeof(detail), "%s: %s", path, strerror(errno));
	}
	tell(d, &(struct vm_check){"build folder", ok, detail,
				   ok ? NULL : "a clone of your own"});
}

int cmd_doctor(const struct app *app, int argc, char **argv)
{
	struct doctor d = {.list = NULL};
	char cache[4096], guest[4096];
	const struct vm_doctor_options o = {.cache_dir = cache, .guest_dir = guest};
	struct err e = ERR_INIT;

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "--json")))
		return cmd_usage_error("doctor", "bad option");
	if (argc == 2)
		d.list = json_array();
	if (fsio_join(cache, sizeof(cache), app->build_dir, "cache", &e) ||
	    fsio_join(guest, sizeof(guest), app->build_dir, "guest", &e))
		return cmd_error(&e);
	vm_doctor(&o, tell, &d);
	tell_build_folder(&d, app->build_dir);
	tell_program(&d, "qemu-img");
	for (const struct judge *j = default_judges; j->name; j++)
		tell_judge(&d, j);
	if (d.list && cmd_print_json(d.list))
		return EXIT_INFRA;
	return d.bad ? EXIT_INFRA : EXIT_PASSED;
}
