/* SPDX-License-Identifier: MIT */
#include "sim/base/test.h"

#include <string.h>

#include "sim/base/fsio.h"
#include "sim/formats/ustar/ustar.h"

/* GNU tar is the judge. */
static void tar_reads_what_we_write(void)
{
	const char *dir = test_tmpdir();
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	char path[4096], src[4096], deep[200];

	snprintf(deep, sizeof(deep), "%080d/%060d", 0, 0);
	CU_ASSERT_EQUAL(test_shell("mkdir -p %s/src/%080d && cd %s/src && echo hi > a && "
				   "chmod 640 a && ln -s a l && echo deep > %s && "
				   "head -c 1500 /dev/urandom > r",
				   dir, 0, dir, deep),
			0);
	snprintf(src, sizeof(src), "%s/src", dir);
	ASSERT_OK(ustar_add_host(&b, "out", src, &e), &e);
	ASSERT_OK(ustar_end(&b, &e), &e);
	snprintf(path, sizeof(path), "%s/x.tar", dir);
	ASSERT_OK(fsio_write_atomic(path, b.data, b.len, 0644, &e), &e);
	CU_ASSERT_EQUAL(test_shell("cd %s && tar -xf x.tar && diff -r src out && "
				   "test \"$(stat -c %%a out/a)\" = 640 && "
				   "test \"$(readlink out/l)\" = a && "
				   "tar --numeric-owner -tvf x.tar | grep -q ' 0/0 '",
				   dir),
			0);
	buf_release(&b);
}

static void what_does_not_fit_is_refused(void)
{
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	char name[300];
	struct ustar_entry m = {.path = name, .type = '0'};

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ASSERT_FAILS(ustar_add(&b, &m, NULL, 0, &e), E_INVAL);
	m.path = "/absolute";
	ASSERT_FAILS(ustar_add(&b, &m, NULL, 0, &e), E_INVAL);
	m.path = "ok";
	m.mtime = -1;
	ASSERT_FAILS(ustar_add(&b, &m, NULL, 0, &e), E_INVAL);
	CU_ASSERT_EQUAL(b.len, 0);
	buf_release(&b);
}

TEST_MAIN("ustar", {"tar reads what we write", tar_reads_what_we_write},
	  {"what does not fit is refused", what_does_not_fit_is_refused})
