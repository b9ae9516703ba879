/* SPDX-License-Identifier: MIT */
/* Whole runs on the machine of the tests: folders, evidence, controls, two at once. */
#include "sim/base/test.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/run.h"
#include "harness/test/fake.h"
#include "sim/base/fsio.h"

static const char text[] =
	"name: demo\nsummary: s\nrelease: \"10.15.0\"\n"
	"steps:\n"
	"  - boot: {id: boot}\n"
	"  - run: {sh: work, id: work}\n"
	"expect: {system_kernel: {kexts: {com.example.filter: \"1.0\"}}}\n"
	"controls:\n"
	"  - {name: good, set: {sip: off}, without: [work], fails: "
	"[system_kernel.kexts]}\n";

static const struct judge no_judges[] = {{NULL, {NULL}, {NULL}}};

struct setup {
	struct fake fake;
	const char *kernel;
	const struct fake_reply *replies;
};

static int make_machine(void *arg, const struct plan *plan, const char *run_dir,
			struct machine_sink sink, struct machine *ret, struct err *e)
{
	struct setup *s = arg;
	char path[4096];
	int r = fsio_join(path, sizeof(path), run_dir, "disk.qcow2", e);

	(void)plan;
	if (!r)
		r = fsio_write_atomic(path, "disk", 4, 0644, e);
	s->fake.sink = sink;
	s->fake.replies = s->replies;
	fake_system_kernel(&s->fake, s->kernel);
	*ret = fake_machine(&s->fake);
	return r;
}

/* Run the text above; @control NULL or the name's place. */
static struct result *run(struct setup *s, bool control, bool keep, int stop_fd)
{
	char build[512];
	const struct run_config cfg = {
		.source_dir = ".",
		.build_dir = build,
		.keep = keep,
		.stop_fd = stop_fd,
		.make_machine = make_machine,
		.make_arg = s,
		.read_kernel = fake_read_kernel,
		.judges = no_judges,
	};
	struct plan_options po = {.build_dir = build};
	struct scenario *scn = NULL;
	struct plan *plan = NULL;
	struct result *res = NULL;
	struct err e = ERR_INIT;

	snprintf(build, sizeof(build), "%s/build", test_tmpdir());
	fake_init(&s->fake);
	ASSERT_OK(scenario_parse("demo.yaml", text, strlen(text), &scn, &e), &e);
	po.control = control ? &scn->controls[0] : NULL;
	ASSERT_OK(plan_make(scn, &po, &plan, &e), &e);
	ASSERT_OK(run_plan(&cfg, plan, &res, &e), &e);
	plan_free(plan);
	scenario_free(scn);
	fake_release(&s->fake);
	return res;
}

static bool in_run(const struct result *r, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", r->run_dir, name);
	return fsio_exists(path);
}

static void evidence_is_left(void)
{
	struct setup s = {.kernel = "com.example.filter 1.0\n"};
	struct result *r = run(&s, false, false, -1);
	char link[4096], path[4096];
	ssize_t n;

	CU_ASSERT_EQUAL(r->verdict, VERDICT_PASSED);
	CU_ASSERT_TRUE(in_run(r, "result.json"));
	CU_ASSERT_TRUE(in_run(r, "junit.xml"));
	CU_ASSERT_TRUE(in_run(r, "result.tap"));
	CU_ASSERT_TRUE(in_run(r, "events.jsonl"));
	CU_ASSERT_FALSE(in_run(r, "disk.qcow2"));
	CU_ASSERT_FALSE(in_run(r, "container.apfs"));
	snprintf(path, sizeof(path), "%s/../latest", r->run_dir);
	n = readlink(path, link, sizeof(link) - 1);
	CU_ASSERT_FATAL(n > 0);
	link[n] = 0;
	CU_ASSERT_STRING_EQUAL(link, strrchr(r->run_dir, '/') + 1);
	result_free(r);

	r = run(&s, false, true, -1);
	CU_ASSERT_TRUE(in_run(r, "disk.qcow2"));
	result_free(r);
	s.kernel = "com.example.filter 9\n";
	r = run(&s, false, false, -1);
	CU_ASSERT_EQUAL(r->verdict, VERDICT_FAILED);
	CU_ASSERT_TRUE(in_run(r, "disk.qcow2"));
	result_free(r);
}

static void controls_turn_the_verdict(void)
{
	struct setup s = {.kernel = "com.example.filter 9\n"};
	struct result *r = run(&s, true, false, -1);

	CU_ASSERT_EQUAL(r->verdict, VERDICT_PASSED);
	CU_ASSERT_STRING_EQUAL(r->steps[r->n_steps - 1].type, "control");
	result_free(r);
	/* Still passing without the cause: the scenario proves nothing. */
	s.kernel = "com.example.filter 1.0\n";
	r = run(&s, true, false, -1);
	CU_ASSERT_EQUAL(r->verdict, VERDICT_FAILED);
	CU_ASSERT_TRUE(result_any_fails(r, "system_kernel.kexts"));
	result_free(r);
}

static int broken_machine(void *arg, const struct plan *plan, const char *run_dir,
			  struct machine_sink sink, struct machine *ret, struct err *e)
{
	(void)arg;
	(void)plan;
	(void)run_dir;
	(void)sink;
	(void)ret;
	return err_set(e, E_NOSPC, "No space left on device");
}

static void trouble_is_evidence_too(void)
{
	char build[512];
	const struct run_config cfg = {.source_dir = ".",
				       .build_dir = build,
				       .stop_fd = -1,
				       .make_machine = broken_machine};
	struct plan_options po = {.build_dir = build};
	struct scenario *scn = NULL;
	struct plan *plan = NULL;
	struct result *res = NULL;
	struct err e = ERR_INIT;

	snprintf(build, sizeof(build), "%s/build", test_tmpdir());
	ASSERT_OK(scenario_parse("demo.yaml", text, strlen(text), &scn, &e), &e);
	ASSERT_OK(plan_make(scn, &po, &plan, &e), &e);
	ASSERT_OK(run_plan(&cfg, plan, &res, &e), &e);
	CU_ASSERT_EQUAL(res->verdict, VERDICT_ERROR);
	CU_ASSERT_STRING_EQUAL(res->error, "No space left on device");
	CU_ASSERT_TRUE(in_run(res, "result.json"));
	result_free(res);
	plan_free(plan);
	scenario_free(scn);
}

/* A tool that was hit by our Ctrl-C fails in its own way; that is no error of it. */
static void stopping_is_no_failure(void)
{
	static const struct fake_reply replies[] = {
		{"*work*", 0, NULL, NULL, false, E_INFRA},
		{NULL, 0, NULL, NULL, false, 0}};
	struct setup s = {.kernel = "com.example.filter 1.0\n", .replies = replies};
	struct result *r;
	int fds[2];

	r = run(&s, false, false, -1);
	CU_ASSERT_EQUAL(r->verdict, VERDICT_ERROR);
	result_free(r);
	CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
	CU_ASSERT_FALSE(run_stopped(fds[0]));
	CU_ASSERT_EQUAL(write(fds[1], "x", 1), 1);
	r = run(&s, false, false, fds[0]);
	CU_ASSERT_EQUAL(r->verdict, VERDICT_CANCELED);
	result_free(r);
	close(fds[0]);
	close(fds[1]);
}

static void one_of_many(void)
{
	struct setup s = {.kernel = "com.example.filter 1.0\n"};
	struct result *r = run(&s, false, false, -1);

	_exit(r->verdict == VERDICT_PASSED && in_run(r, "result.json") ? 0 : 1);
}

static int count_runs(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	int n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	while ((de = readdir(d)))
		n += de->d_name[0] != '.' && strcmp(de->d_name, "latest") != 0;
	closedir(d);
	return n;
}

static void runs_at_once_do_not_disturb_each_other(void)
{
	char dir[512];
	int before, status, bad = 0;
	struct stat st;

	snprintf(dir, sizeof(dir), "%s/build/runs/demo", test_tmpdir());
	before = count_runs(dir);
	fflush(NULL);
	for (int i = 0; i < 8; i++)
		if (!fork())
			one_of_many();
	for (int i = 0; i < 8; i++)
		if (wait(&status) < 0 || status)
			bad++;
	CU_ASSERT_EQUAL(bad, 0);
	CU_ASSERT_EQUAL(count_runs(dir), before + 8);
	snprintf(dir, sizeof(dir), "%s/build/runs/demo/latest/result.json",
		 test_tmpdir());
	CU_ASSERT_EQUAL(stat(dir, &st), 0);
}

TEST_MAIN("run", {"evidence is left", evidence_is_left},
	  {"a control turns the verdict", controls_turn_the_verdict},
	  {"trouble is evidence too", trouble_is_evidence_too},
	  {"stopping is no failure", stopping_is_no_failure},
	  {"runs at once do not disturb each other",
	   runs_at_once_do_not_disturb_each_other})
