/* SPDX-License-Identifier: MIT */
/* kextlab seal from outside: a seal is made, shown, broken in every way, explained,
 * fixed. */
#include "sim/base/test.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/base/fsio.h"

static struct buf out;

/* Run `kextlab seal` with words, where %T is the test's folder; output goes into out. */
static int seal(const char *fmt, ...)
{
	char args[4096];
	struct err e = ERR_INIT;
	char path[4096];
	va_list ap;
	int status;

	va_start(ap, fmt);
	vsnprintf(args, sizeof(args), fmt, ap);
	va_end(ap);
	status = test_shell("T='%s'; cd '%s' && build/kextlab seal %s >\"$T/out\" 2>&1",
			    test_tmpdir(), test_source("."), args);
	snprintf(path, sizeof(path), "%s/out", test_tmpdir());
	buf_clear(&out);
	ASSERT_OK(fsio_read(path, 1 << 20, &out, &e), &e);
	return status;
}

static bool says(const char *text)
{
	bool said = strstr(buf_str(&out), text) != NULL;

	if (!said)
		printf("# not said: %s\n%s\n", text, buf_str(&out));
	return said;
}

static json_t *json(const char *fmt, const char *arg)
{
	json_t *j;

	CU_ASSERT_TRUE(seal(fmt, arg) < 2);
	j = json_loads(buf_str(&out), 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(j);
	return j;
}

static bool there(void)
{
	if (fsio_exists(test_source("build/kextlab")))
		return true;
	test_skip("build/kextlab is not built");
	return false;
}

static void fresh(void)
{
	CU_ASSERT_EQUAL(
		test_shell("cp '%s/made' '%s/disk'", test_tmpdir(), test_tmpdir()), 0);
}

static void makes(void)
{
	if (!there())
		return;
	CU_ASSERT_EQUAL(test_shell("mkdir -p '%s/tree/bin' && cd '%s/tree' && "
				   "seq 1 20000 >bin/numbers && echo hello >motd && "
				   "ln bin/numbers twin && ln -s motd link && "
				   "touch $(seq -f many_%%g 300)",
				   test_tmpdir(), test_tmpdir()),
			0);
	CU_ASSERT_EQUAL(seal("make $T/tree -o $T/made --time 1637520000"), 0);
	CU_ASSERT_TRUE(says("root hash   ") && says("com.apple.os.update-"));
	/* Nobody's file is replaced, and the same tree has the same root hash. */
	CU_ASSERT_EQUAL(seal("make $T/tree -o $T/made"), 2);
	CU_ASSERT_TRUE(says("is there already"));
	CU_ASSERT_EQUAL(seal("make $T/tree -o $T/again --time 1637520000 --name Other"),
			0);
	CU_ASSERT_EQUAL(seal("show --live --json $T/made | grep root_hash >$T/a; "
			     "build/kextlab seal show --live --json $T/again | "
			     "grep root_hash | cmp - $T/a"),
			0);
	CU_ASSERT_EQUAL(seal("make $T/tree -o $T/none --no-snapshot --time never"), 2);
	CU_ASSERT_TRUE(says("'never' is no time"));
	CU_ASSERT_EQUAL(seal("make $T/nothing -o $T/none"), 2);
	CU_ASSERT_EQUAL(test_shell("ls '%s' | grep -q none", test_tmpdir()), 1);
}

static void shows_and_verifies(void)
{
	json_t *j;

	if (!there())
		return;
	fresh();
	CU_ASSERT_EQUAL(seal("show $T/disk"), 0);
	CU_ASSERT_TRUE(says("'Macintosh HD' (System)") && says("seal      intact") &&
		       says("signature   none"));
	CU_ASSERT_EQUAL(seal("verify $T/disk"), 0);
	CU_ASSERT_TRUE(says("the seal holds: 'Macintosh HD', snapshot"));
	CU_ASSERT_EQUAL(seal("verify --full --live $T/disk"), 0);
	CU_ASSERT_TRUE(says("the seal holds: 'Macintosh HD', live state"));
	CU_ASSERT_EQUAL(seal("verify --root-hash %064d $T/disk", 0), 1);
	CU_ASSERT_EQUAL(seal("verify --root-hash 12 $T/disk"), 2);
	CU_ASSERT_EQUAL(seal("verify --snapshot nothing $T/disk"), 2);
	CU_ASSERT_EQUAL(seal("verify $T/tree/motd"), 2);
	CU_ASSERT_EQUAL(seal("verify /nonexistent"), 2);
	j = json("verify --full --json $T/disk", NULL);
	CU_ASSERT_TRUE(json_is_true(json_object_get(j, "holds")));
	CU_ASSERT_TRUE(json_integer_value(json_object_get(json_object_get(j, "checked"),
							  "data_bytes")) > 100000);
	json_decref(j);
}

static void explains(void)
{
	json_t *j, *chunks, *nodes;

	if (!there())
		return;
	fresh();
	CU_ASSERT_EQUAL(seal("explain $T/disk /bin/numbers"), 0);
	CU_ASSERT_TRUE(says("content     offset 0, 16384 bytes") && says("leaf ") &&
		       says("its hash is the root hash, stored in block"));
	j = json("explain --json $T/disk /twin", NULL);
	chunks = json_object_get(j, "chunks");
	nodes = json_object_get(j, "nodes");
	CU_ASSERT_EQUAL(json_array_size(chunks), 7);
	CU_ASSERT_TRUE(json_array_size(nodes) >= 1);
	for (size_t i = 0; i < json_array_size(chunks); i++) {
		json_t *c = json_array_get(chunks, i);

		CU_ASSERT_EQUAL(json_integer_value(json_object_get(c, "offset")),
				(json_int_t)i * 16384);
		CU_ASSERT_TRUE(json_equal(json_object_get(c, "expected"),
					  json_object_get(c, "found")));
	}
	json_decref(j);
	CU_ASSERT_EQUAL(seal("explain $T/disk /link"), 0);
	CU_ASSERT_EQUAL(seal("explain $T/disk /nothing"), 2);
}

static void breaks(void)
{
	static const struct {
		const char *words, *fault, *path;
	} rows[] = {
		{"data /bin/numbers 50000", "data", "/bin/numbers"},
		{"data /motd", "data", "/motd"},
		{"slack /motd", "data", "/motd"},
		{"node /motd", "node", NULL},
		{"node", "root-hash", NULL},
		{"root-hash", "root-hash", NULL},
	};

	if (!there())
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *j, *f;

		fresh();
		CU_ASSERT_EQUAL(seal("break $T/disk %s", rows[i].words), 0);
		CU_ASSERT_TRUE(says("of the disk): 0x"));
		CU_ASSERT_EQUAL(seal("verify --full $T/disk"), 1);
		CU_ASSERT_TRUE(says("the seal does not hold"));
		j = json("verify --full --json $T/disk", NULL);
		CU_ASSERT_TRUE(json_is_false(json_object_get(j, "holds")));
		f = json_array_get(json_object_get(j, "findings"), 0);
		CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(f, "fault")),
				       rows[i].fault);
		if (rows[i].path)
			CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(
						       json_object_get(f, "paths"), 0)),
					       rows[i].path);
		json_decref(j);
		CU_ASSERT_EQUAL(seal("fix $T/disk"), 1);
		CU_ASSERT_TRUE(says("installed anew") && says("nothing was changed"));
	}
	CU_ASSERT_EQUAL(seal("break $T/disk"), 2);
	CU_ASSERT_EQUAL(seal("break $T/disk daat"), 2);
	CU_ASSERT_TRUE(says("did you mean 'data'?"));
	CU_ASSERT_EQUAL(seal("break $T/disk data"), 2);
	CU_ASSERT_EQUAL(seal("break $T/disk data /motd x"), 2);
	CU_ASSERT_EQUAL(seal("break $T/disk signature"), 2);
}

static void fixes(void)
{
	if (!there())
		return;
	fresh();
	CU_ASSERT_EQUAL(seal("break $T/disk flag"), 0);
	CU_ASSERT_EQUAL(seal("show --live $T/disk"), 0);
	CU_ASSERT_TRUE(says("seal      broken in transaction"));
	CU_ASSERT_EQUAL(seal("verify --live --full $T/disk"), 1);
	CU_ASSERT_TRUE(says("marked as broken"));
	CU_ASSERT_EQUAL(seal("fix --dry-run $T/disk"), 0);
	CU_ASSERT_EQUAL(seal("verify --live $T/disk"), 1);
	CU_ASSERT_EQUAL(seal("fix $T/disk"), 0);
	CU_ASSERT_TRUE(says("the mark is taken away"));
	CU_ASSERT_EQUAL(seal("verify --live --full $T/disk"), 0);
	CU_ASSERT_EQUAL(seal("fix --snapshot x $T/disk"), 2);
}

static void words(void)
{
	if (!there())
		return;
	CU_ASSERT_EQUAL(seal(""), 2);
	CU_ASSERT_EQUAL(seal("bogus"), 2);
	CU_ASSERT_TRUE(says("unknown action 'bogus'"));
	CU_ASSERT_EQUAL(seal("show --full x"), 2);
	CU_ASSERT_TRUE(says("--full is no option of 'show'"));
	CU_ASSERT_EQUAL(seal("show --frob x"), 2);
	CU_ASSERT_EQUAL(seal("show a b"), 2);
	CU_ASSERT_EQUAL(seal("make $T/tree"), 2);
	CU_ASSERT_EQUAL(seal("--help"), 0);
	CU_ASSERT_TRUE(says("explain IMAGE PATH"));
	buf_release(&out);
}

TEST_MAIN("kextlab-seal", {"makes a seal", makes},
	  {"shows and verifies it", shows_and_verifies}, {"explains a file", explains},
	  {"breaks it in every way", breaks}, {"fixes what can be fixed", fixes},
	  {"tells what it does not understand", words})
