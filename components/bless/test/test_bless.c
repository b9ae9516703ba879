/* SPDX-License-Identifier: MIT */
/* bless(8): which volume, which refusals, and what it asks of the kernel. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/bless/bless.h"
#include "components/common/packet.h"
#include "components/common/test/fake_kernel.h"
#include "components/common/test/volumes_fixture.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

struct world {
	struct fake_kernel kernel;
	struct bless_env env;
	struct buf out, err_out;
	char volumes[300], data[300];
	int errno_of_create, errno_of_root, status;
};

static json_t *answer(void *ctx, const char *op, const json_t *req)
{
	const struct world *w = ctx;

	(void)req;
	return packet_reply(!strcmp(op, "snapshot_create") ? w->errno_of_create
							   : w->errno_of_root,
			    NULL);
}

/* The system is on "/", a Data volume on a folder of the test, as the kernel tells it. */
static void world_init(struct world *w, const char *sealed)
{
	const struct volume_row list[] = {
		{.device = "disk3s1",
		 .role = "System",
		 .sealed = sealed,
		 .read_only = true,
		 .snapshots = &snapshot_of_the_root,
		 .n_snapshots = 1},
		{.device = "disk3s5",
		 .role = "Data",
		 .mount_point = w->data,
		 .sealed = "No"},
	};
	struct err e = ERR_INIT;

	memset(w, 0, sizeof(*w));
	snprintf(w->data, sizeof(w->data), "%s/Data", test_tmpdir());
	ASSERT_OK(fsio_mkdirs(w->data, 0755, &e), &e);
	volumes_write(list, 2, w->volumes, sizeof(w->volumes));
	w->kernel.answer = answer;
	w->kernel.ctx = w;
	fake_kernel_start(&w->kernel);
	w->env = (struct bless_env){.volumes = w->volumes,
				    .kernel = w->kernel.socket,
				    .apple_silicon = true,
				    .root = true};
}

static void run(struct world *w, const char *line)
{
	char *words[16], *copy = strdup(line), *save = NULL;
	struct err e = ERR_INIT;
	int n = 0;

	for (char *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save))
		words[n++] = p;
	ASSERT_OK(bless_run(&w->env, n, words, &w->out, &w->err_out, &w->status, &e), &e);
	free(copy);
	fake_kernel_stop(&w->kernel);
}

static void world_release(struct world *w)
{
	fake_kernel_release(&w->kernel);
	buf_release(&w->out);
	buf_release(&w->err_out);
}

static void a_snapshot_is_made_and_rooted(void)
{
	static const char name[] = "\"name\":\"com.apple.bless.";
	const char *first, *second;
	struct world w;

	world_init(&w, "Broken");
	run(&w, "--mount / --create-snapshot --verbose");
	CU_ASSERT_EQUAL(w.status, 0);
	first = strstr(buf_str(&w.kernel.asked), name);
	CU_ASSERT_PTR_NOT_NULL_FATAL(first);
	second = strstr(first + 1, name);
	CU_ASSERT_PTR_NOT_NULL_FATAL(second);
	/* The same name, made of a UUID in upper case. */
	CU_ASSERT_EQUAL(strncmp(first, second, strlen(name) + 36), 0);
	CU_ASSERT_EQUAL(strspn(first + strlen(name), "0123456789ABCDEF-"), 36);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&w.kernel.asked),
				      "\"op\":\"snapshot_create\"}\n{\"device\":"
				      "\"disk3s1\""));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_str(&w.out), "Volume / will boot from snapshot com.apple."));
	world_release(&w);
}

static void the_kernel_may_refuse(void)
{
	struct world w;

	world_init(&w, "Yes");
	w.errno_of_create = EPERM;
	run(&w, "--mount / --create-snapshot");
	CU_ASSERT_EQUAL(w.status, 1);
	CU_ASSERT_STRING_EQUAL(buf_str(&w.err_out),
			       "Couldn't create snapshot on volume /: Operation not "
			       "permitted\nSnapshot manipulation failed \n");
	CU_ASSERT_PTR_NULL(strstr(buf_str(&w.kernel.asked), "snapshot_root"));
	world_release(&w);
}

static void back_to_the_sealed_one(void)
{
	struct world w;

	world_init(&w, "Broken");
	run(&w, "-mount / -last-sealed-snapshot");
	CU_ASSERT_EQUAL(w.status, 0);
	CU_ASSERT_STRING_EQUAL(
		buf_str(&w.kernel.asked),
		"{\"device\":\"disk3s1\",\"name\":\"\",\"op\":\"snapshot_root\"}\n");
	world_release(&w);
}

static void a_snapshot_by_its_uuid(void)
{
	struct world w;

	world_init(&w, "Yes");
	run(&w, "--mount / --snapshot 11111111-2222-3333-4444-555555555555");
	CU_ASSERT_EQUAL(w.status, 0);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_str(&w.kernel.asked), "\"name\":\"com.apple.os.update-AA\""));
	world_release(&w);
	world_init(&w, "Yes");
	run(&w, "--mount / --snapshot 99999999-2222-3333-4444-555555555555");
	CU_ASSERT_EQUAL(w.status, 4);
	CU_ASSERT_STRING_EQUAL(buf_str(&w.kernel.asked), "");
	world_release(&w);
}

static void what_is_refused_before_the_kernel_is_asked(void)
{
	static const struct {
		const char *sealed, *line, *says;
		int status;
		bool intel, user;
	} rows[] = {
		{"Yes", "--create-snapshot", "Usage", 1, false, false},
		{"Yes", "--mount / --no-such", "unrecognized option --no-such", 1, false,
		 false},
		{"Yes", "--mount / --create-snapshot --last-sealed-snapshot",
		 "Only one of the snapshot options", 1, false, false},
		{"No", "--mount / --create-snapshot", "on non ARV volume", 2, false,
		 false},
		{"", "--mount / --last-sealed-snapshot", "on non ARV volume", 2, false,
		 false},
		{"Yes", "--folder / --create-snapshot", "without --bootefi.", 1, true,
		 false},
		{"Yes", "--folder / --bootefi=/x --create-snapshot",
		 "along with an argument to --bootefi.", 1, true, false},
		{"Yes", "--mount / --create-snapshot", "Not run as root", 1, false, true},
		{"Yes", "--mount /no/such --create-snapshot", "Can't statfs /no/such", 1,
		 false, false},
	};
	struct world w;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_init(&w, rows[i].sealed);
		w.env.apple_silicon = !rows[i].intel;
		w.env.root = !rows[i].user;
		run(&w, rows[i].line);
		CU_ASSERT_EQUAL(w.status, rows[i].status);
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&w.err_out), rows[i].says));
		CU_ASSERT_STRING_EQUAL(buf_str(&w.kernel.asked), "");
		world_release(&w);
	}
	world_init(&w, "Yes");
	{
		char line[400];

		snprintf(line, sizeof(line), "--mount %s --create-snapshot", w.data);
		run(&w, line);
	}
	CU_ASSERT_EQUAL(w.status, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&w.err_out), "on non system volume"));
	world_release(&w);
}

TEST_MAIN("bless", {"a snapshot is made and rooted", a_snapshot_is_made_and_rooted},
	  {"the kernel may refuse", the_kernel_may_refuse},
	  {"back to the sealed one", back_to_the_sealed_one},
	  {"a snapshot by its UUID", a_snapshot_by_its_uuid},
	  {"refused before the kernel is asked",
	   what_is_refused_before_the_kernel_is_asked})
