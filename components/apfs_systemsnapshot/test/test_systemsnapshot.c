/* SPDX-License-Identifier: MIT */
/* apfs_systemsnapshot: what it asks of the kernel, and for which volume. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "components/apfs_systemsnapshot/systemsnapshot.h"
#include "components/common/packet.h"
#include "components/common/test/fake_kernel.h"
#include "components/common/test/volumes_fixture.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

static struct {
	struct fake_kernel kernel;
	struct systemsnapshot_env env;
	struct buf err_out;
	char volumes[300], dir[300], below[310];
	int kernel_errno, status;
} w;

static json_t *answer(void *ctx, const char *op, const json_t *req)
{
	(void)ctx;
	(void)op;
	(void)req;
	return packet_reply(w.kernel_errno, NULL);
}

/* One system runs from its snapshot, another is mounted on a folder of the test. */
static void world_init(void)
{
	const struct volume_row list[] = {
		{.device = "disk3s1",
		 .role = "System",
		 .sealed = "Broken",
		 .snapshots = &snapshot_of_the_root,
		 .n_snapshots = 1},
		{.device = "disk4s1",
		 .role = "System",
		 .mount_point = w.dir,
		 .sealed = "Broken"},
	};
	struct err e = ERR_INIT;

	memset(&w, 0, sizeof(w));
	snprintf(w.dir, sizeof(w.dir), "%s/mnt", test_tmpdir());
	snprintf(w.below, sizeof(w.below), "%s/System", w.dir);
	ASSERT_OK(fsio_mkdirs(w.below, 0755, &e), &e);
	volumes_write(list, 2, w.volumes, sizeof(w.volumes));
	w.kernel.answer = answer;
	fake_kernel_start(&w.kernel);
	w.env = (struct systemsnapshot_env){.volumes = w.volumes,
					    .kernel = w.kernel.socket};
}

/* @words end with NULL; the program's name is put before them. */
static void run(int want_status, const char *const *words)
{
	char *argv[16], *copy[16];
	struct err e = ERR_INIT;
	int n = 0;

	copy[n++] = strdup("apfs_systemsnapshot");
	for (; *words; words++)
		copy[n++] = strdup(*words);
	memcpy(argv, copy, sizeof(copy)); /* getopt moves words about */
	argv[n] = NULL;
	ASSERT_OK(systemsnapshot_run(&w.env, n, argv, &w.err_out, &w.status, &e), &e);
	CU_ASSERT_EQUAL(w.status, want_status);
	while (n)
		free(copy[--n]);
}

#define RUN(status, ...) run(status, (const char *const[]){__VA_ARGS__, NULL})

static void kernel_was_asked(const char *want)
{
	fake_kernel_stop(&w.kernel);
	CU_ASSERT_STRING_EQUAL(buf_str(&w.kernel.asked), want);
	fake_kernel_release(&w.kernel);
	buf_release(&w.err_out);
}

static void makes_tags_untags_deletes(void)
{
	world_init();
	RUN(0, "-s", "ChangedRoot", "-v", w.dir);
	RUN(0, "-r", "ChangedRoot", "-v", w.dir);
	RUN(0, "-v", w.dir, "-r", "");
	RUN(0, "-d", "ChangedRoot", "-v", w.dir);
	CU_ASSERT_STRING_EQUAL(buf_str(&w.err_out), "");
	kernel_was_asked(
		"{\"device\":\"disk4s1\",\"name\":\"ChangedRoot\",\"op\":"
		"\"snapshot_create\"}\n"
		"{\"device\":\"disk4s1\",\"name\":\"ChangedRoot\",\"op\":"
		"\"snapshot_root\"}\n"
		"{\"device\":\"disk4s1\",\"name\":\"\",\"op\":\"snapshot_root\"}\n"
		"{\"device\":\"disk4s1\",\"name\":\"ChangedRoot\",\"op\":"
		"\"snapshot_delete\"}\n");
}

static void the_volume_by_its_root(void)
{
	char *before = getcwd(NULL, 0);

	world_init();
	CU_ASSERT_EQUAL_FATAL(chdir(w.dir), 0);
	RUN(0, "-v", ".", "-s", "a");
	CU_ASSERT_EQUAL_FATAL(chdir(before), 0);
	free(before);
	/* The volume of the snapshot that runs. */
	RUN(0, "-v", "/", "-s", "b");
	RUN(EXIT_FAILURE, "-v", w.below, "-s", "c");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&w.err_out), ": Invalid argument\n"));
	buf_clear(&w.err_out);
	RUN(EXIT_FAILURE, "-v", "/no/such", "-s", "d");
	CU_ASSERT_STRING_EQUAL(buf_str(&w.err_out),
			       "apfs_systemsnapshot: could not create snapshot 'd' on "
			       "/no/such: No such file or directory\n");
	w.env.volumes = "/no/such";
	RUN(EXIT_FAILURE, "-v", "/", "-s", "e");
	kernel_was_asked(
		"{\"device\":\"disk4s1\",\"name\":\"a\",\"op\":\"snapshot_create\"}\n"
		"{\"device\":\"disk3s1\",\"name\":\"b\",\"op\":\"snapshot_create\"}\n");
}

static void the_kernel_may_refuse(void)
{
	world_init();
	w.kernel_errno = EPERM;
	RUN(EXIT_FAILURE, "-r", "x", "-v", "/");
	CU_ASSERT_STRING_EQUAL(
		buf_str(&w.err_out),
		"apfs_systemsnapshot: could not tag root snapshot 'x' on /: "
		"Operation not permitted\n");
	buf_clear(&w.err_out);
	w.env.kernel = "/no/such";
	RUN(EXIT_FAILURE, "-d", "x", "-v", "/");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&w.err_out), "could not delete snapshot"));
	kernel_was_asked(
		"{\"device\":\"disk3s1\",\"name\":\"x\",\"op\":\"snapshot_root\"}\n");
}

static void bad_usage(void)
{
	world_init();
	RUN(64, "-v", "/");
	RUN(64, "-s", "x");
	RUN(64, "-s", "", "-v", "/");
	RUN(64, "-d", "", "-v", "/");
	RUN(64, "-s", "x", "-r", "x", "-v", "/");
	RUN(64, "-s", "x", "-v", "/", "more");
	RUN(64, "-q");
	RUN(64, "-v");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&w.err_out), "usage: apfs_systemsnapshot"));
	kernel_was_asked("");
}

TEST_MAIN("systemsnapshot", {"makes, tags, untags, deletes", makes_tags_untags_deletes},
	  {"the volume by its root", the_volume_by_its_root},
	  {"the kernel may refuse", the_kernel_may_refuse}, {"bad usage", bad_usage})
