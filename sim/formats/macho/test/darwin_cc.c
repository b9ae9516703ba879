/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/macho/objlink.h"
#include "sim/formats/macho/test/darwin_cc.h"

#define CLANG                                                                            \
	"clang -target x86_64-apple-macos10.15 -mkernel -ffreestanding -fno-builtin -O1"

bool darwin_cc_works(void)
{
	return !test_shell(
		"command -v clang >/dev/null && echo 'int f(void){return 0;}' | " CLANG
		" -x c -c -o %s/probe.o - 2>/dev/null",
		test_tmpdir());
}

const char *darwin_file(const char *name, const struct buf *b)
{
	static char path[4096];
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "%s/%s", test_tmpdir(), name);
	ASSERT_OK(fsio_write_atomic(path, b->data, b->len, 0644, &e), &e);
	return path;
}

void darwin_cc(const char *lang, const char *source, const char *flags, struct buf *obj)
{
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	char path[4096], out[4096];

	if (lang) {
		ASSERT_OK(buf_append(&text, source, strlen(source), &e), &e);
		snprintf(path, sizeof(path), "in.%s", lang);
		snprintf(path, sizeof(path), "%s", darwin_file(path, &text));
	} else {
		snprintf(path, sizeof(path), "%s", test_source(source));
	}
	snprintf(out, sizeof(out), "%s/out.o", test_tmpdir());
	CU_ASSERT_EQUAL_FATAL(test_shell(CLANG " %s -c -o '%s' '%s'", flags, out, path),
			      0);
	ASSERT_OK(fsio_read(out, 1 << 24, obj, &e), &e);
	buf_release(&text);
}

void darwin_kext(const char *lang, const char *source, const char *flags,
		 struct buf *kext)
{
	struct buf obj = BUF_INIT;
	struct err e = ERR_INIT;
	struct objlink_input in = {.name = "input"};

	darwin_cc(lang, source, flags, &obj);
	in.data = obj.data;
	in.len = obj.len;
	ASSERT_OK(objlink(&in, 1, kext, &e), &e);
	buf_release(&obj);
}
