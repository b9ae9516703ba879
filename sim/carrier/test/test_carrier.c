/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sim/base/test.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/carrier/console_order.h"
#include "sim/carrier/control.h"
#include "sim/carrier/guest_runtime.h"
#include "sim/carrier/initramfs.h"
#include "sim/carrier/layout.h"
#include "sim/carrier/ld_cache.h"
#include "sim/carrier/modules.h"

/* ---- control channel --------------------------------------------------------------- */

static void base64_both_ways(void)
{
	static const struct {
		const char *plain, *text;
	} rows[] = {
		{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"},
	};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf b = BUF_INIT, t = BUF_INIT;

		ASSERT_OK(control_b64_encode(rows[i].plain, strlen(rows[i].plain), &t, &e),
			  &e);
		CU_ASSERT_STRING_EQUAL(buf_str(&t), rows[i].text);
		ASSERT_OK(control_b64_decode(rows[i].text, strlen(rows[i].text), &b, &e),
			  &e);
		CU_ASSERT_STRING_EQUAL(buf_str(&b), rows[i].plain);
		buf_release(&b);
		buf_release(&t);
	}
}

static void base64_refuses_nonsense(void)
{
	static const char *const bad[] = {
		"Z", "Zg=", "Zg", "=Zg=", "Z===", "====", "Zm9v\n", "Zm 9v", "Zm9v    ",
		"Zg==Zg==", "Zm9\xc3\xa4",
		"Zh==", "Zm9=", /* bits that no byte is made of; by the fuzzer */
	};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct buf b = BUF_INIT;

		ASSERT_FAILS(control_b64_decode(bad[i], strlen(bad[i]), &b, &e), E_CORRUPT);
		CU_ASSERT_EQUAL(b.len, 0);
		buf_release(&b);
	}
}

static void cuts_lines(void)
{
	static const char *const parts[] = {"one\ntw", "o\n", "\n", "three", "\nrest"};
	struct buf in = BUF_INIT, got = BUF_INIT;
	struct err e = ERR_INIT;
	struct control_cut cut = {.pos = 0};
	size_t len;
	char *line;

	CU_ASSERT_PTR_NULL(control_next_line(&in, &cut, &len));
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		ASSERT_OK(buf_append(&in, parts[i], strlen(parts[i]), &e), &e);
		while ((line = control_next_line(&in, &cut, &len)))
			ASSERT_OK(buf_printf(&got, &e, "%zu:%s,", len, line), &e);
	}
	CU_ASSERT_STRING_EQUAL(buf_str(&got), "3:one,3:two,0:,5:three,");
	CU_ASSERT_STRING_EQUAL(buf_str(&in), "rest");
	buf_release(&in);
	buf_release(&got);
}

/* ---- console ------------------------------------------------------------------------ */

struct screen {
	const char *packets[8];
	size_t next;
	struct buf shown;
};

static size_t next_packet(void *arg, void *buf, size_t size)
{
	struct screen *s = arg;
	const char *p = s->packets[s->next];

	if (!p || strlen(p) > size)
		return 0;
	s->next++;
	memcpy(buf, p, strlen(p));
	return strlen(p);
}

static void show(void *arg, const void *data, size_t len)
{
	struct screen *s = arg;

	if (buf_append(&s->shown, data, len, NULL))
		CU_FAIL("out of memory");
}

static void console_follows_the_events(void)
{
	struct screen s = {.packets = {"a\n", "b\n", "c1", "c2\n", NULL}, .shown = BUF_INIT};
	struct console_order o = {.next = next_packet, .print = show, .arg = &s};

	console_order_line(&o, "kernel 1");
	console_order_write(&o, 2);
	console_order_line(&o, "kernel 2");
	console_order_write(&o, 2);
	/* One write that came as two packets. */
	console_order_write(&o, 5);
	console_order_line(&o, "kernel 3");
	CU_ASSERT_STRING_EQUAL(buf_str(&s.shown),
			       "kernel 1\na\nkernel 2\nb\nc1c2\nkernel 3\n");
	buf_release(&s.shown);
}

static void console_keeps_account(void)
{
	struct screen s = {.packets = {"early\n", "x\n", "yy\n", NULL}, .shown = BUF_INIT};
	struct console_order o = {.next = next_packet, .print = show, .arg = &s};

	/* Printed before its event came: the event then prints nothing. */
	CU_ASSERT_EQUAL(console_order_unannounced(&o), 6);
	console_order_write(&o, 6);
	console_order_line(&o, "kernel");
	console_order_write(&o, 2);
	console_order_write(&o, 3);
	/* An event whose bytes never come is no reason to wait. */
	console_order_write(&o, 100);
	CU_ASSERT_EQUAL(console_order_unannounced(&o), 0);
	CU_ASSERT_STRING_EQUAL(buf_str(&s.shown), "early\nkernel\nx\nyy\n");
	buf_release(&s.shown);
}

/* ---- initramfs ---------------------------------------------------------------------- */

static void write_text(const char *name, const char *text, char *path, size_t size)
{
	struct err e = ERR_INIT;

	snprintf(path, size, "%s/%s", test_tmpdir(), name);
	ASSERT_OK(fsio_write_atomic(path, text, strlen(text), 0644, &e), &e);
}

static void archive_is_read_by_cpio(void)
{
	char a[4096], b[4096], cpio[4096];
	const struct initramfs_file files[] = {
		{.path = "/z/deep/file", .mode = 0755, .host_path = a},
		{.path = "/init", .mode = 0755, .host_path = b},
		{.path = "/z/link", .mode = S_IFLNK | 0777, .host_path = "deep/file"},
		{.path = "/dev/console", .mode = S_IFCHR | 0600, .rdev = makedev(5, 1)},
		{.path = "/empty", .mode = 0644},
	};
	struct buf out = BUF_INIT, again = BUF_INIT;
	struct err e = ERR_INIT;

	write_text("a", "some content", a, sizeof(a));
	write_text("b", "odd", b, sizeof(b));
	ASSERT_OK(initramfs_build(files, 5, &out, &e), &e);
	ASSERT_OK(initramfs_build(files, 5, &again, &e), &e);
	CU_ASSERT_TRUE(out.len == again.len && !memcmp(out.data, again.data, out.len));
	snprintf(cpio, sizeof(cpio), "%s/x.cpio", test_tmpdir());
	ASSERT_OK(fsio_write_atomic(cpio, out.data, out.len, 0644, &e), &e);
	buf_release(&out);
	buf_release(&again);
	if (test_shell("command -v cpio >/dev/null"))
		TEST_SKIP("no cpio");
	CU_ASSERT_EQUAL(test_shell("[ \"$(cpio -t --quiet < %s | tr '\\n' ' ')\" = "
				   "'dev dev/console empty init z z/deep z/deep/file z/link ' ]",
				   cpio), 0);
	CU_ASSERT_EQUAL(test_shell("mkdir %s/x && cd %s/x && cpio -id --quiet "
				   "--no-preserve-owner -f dev/console < %s && "
				   "cmp z/link %s && cmp init %s && [ -x init ] && "
				   "[ -L z/link ] && [ ! -s empty ]",
				   test_tmpdir(), test_tmpdir(), cpio, a, b), 0);
}

static void archive_refuses_bad_lists(void)
{
	const struct initramfs_file twice[] = {{.path = "/a", .mode = 0644},
					       {.path = "/a", .mode = 0755}};
	const struct initramfs_file relative = {.path = "a", .mode = 0644};
	const struct initramfs_file missing = {
		.path = "/a", .mode = 0644, .host_path = "/nonexistent"};
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	ASSERT_FAILS(initramfs_build(twice, 2, &out, &e), E_EXISTS);
	ASSERT_FAILS(initramfs_build(&relative, 1, &out, &e), E_INVAL);
	ASSERT_FAILS(initramfs_build(&missing, 1, &out, &e), E_NOTFOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "/nonexistent"));
	buf_release(&out);
}

/* ---- libraries ---------------------------------------------------------------------- */

static int list_names(void *arg, const char *guest, const char *host, struct err *e)
{
	(void)host;
	return buf_printf(arg, e, "%s\n", guest);
}

static void runtime_is_what_ldd_says(void)
{
	char self[4096];
	const char *programs[] = {self};
	struct buf got = BUF_INIT;
	struct err e = ERR_INIT;
	char path[4096];

	if (!realpath("/proc/self/exe", self))
		TEST_SKIP("no /proc");
	ASSERT_OK(guest_runtime_list(programs, 1, list_names, &got, &e), &e);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&got), GUEST_LOADER "\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&got), GUEST_LIB_DIR "/libc.so.6\n"));
	write_text("list", buf_str(&got), path, sizeof(path));
	buf_release(&got);
	/* ldd names the loader and, on top of files, linux-vdso. */
	CU_ASSERT_EQUAL(test_shell("{ echo " GUEST_LOADER "; ldd %s | "
				   "sed -n 's,^\\t\\([^/ ]*\\) => .*," GUEST_LIB_DIR
				   "/\\1,p'; } | LC_ALL=C sort | cmp - %s", self, path), 0);
}

static void runtime_of_a_static_program(void)
{
	static const char *const programs[] = {"/bin/bash-static"};
	struct buf got = BUF_INIT;
	struct err e = ERR_INIT;

	if (!fsio_exists(programs[0]))
		TEST_SKIP("no bash-static");
	ASSERT_OK(guest_runtime_list(programs, 1, list_names, &got, &e), &e);
	CU_ASSERT_EQUAL(got.len, 0);
	buf_release(&got);
}

/* A program with one of its bytes changed is an error or not, but never a crash. */
static void runtime_of_broken_programs(void)
{
	static const char *const libc[] = {"/lib/x86_64-linux-gnu/libc.so.6",
					   "/usr/lib/x86_64-linux-gnu/libjansson.so.4"};
	struct buf bytes = BUF_INIT, got = BUF_INIT;
	struct err e = ERR_INIT;
	char path[4096];
	const char *programs[] = {path};

	if (!fsio_exists(libc[1]))
		TEST_SKIP("no libjansson");
	ASSERT_OK(fsio_read(libc[1], 1 << 24, &bytes, &e), &e);
	snprintf(path, sizeof(path), "%s/elf", test_tmpdir());
	for (size_t at = 0; at < 0x400; at += 3) {
		uint8_t was = bytes.data[at];
		int r;

		bytes.data[at] ^= 0xff;
		ASSERT_OK(fsio_write_atomic(path, bytes.data, bytes.len, 0644, &e), &e);
		r = guest_runtime_list(programs, 1, list_names, &got, &e);
		CU_ASSERT_TRUE(r == 0 || e.msg[0]);
		bytes.data[at] = was;
		buf_clear(&got);
	}
	write_text("elf", "#!/bin/sh\n", path, sizeof(path));
	ASSERT_FAILS(guest_runtime_list(programs, 1, list_names, &got, &e), E_CORRUPT);
	buf_release(&bytes);
	buf_release(&got);
}

static void library_cache(void)
{
	struct ld_cache c = {.bytes = BUF_INIT};
	struct err e = ERR_INIT;
	char path[4096];

	ASSERT_OK(ld_cache_load(&c, "/nonexistent", &e), &e);
	CU_ASSERT_PTR_NULL(ld_cache_find(&c, "libc.so.6"));
	write_text("cache", "glibc-ld.so.cache1.1\xff\xff\xff\xff, cut off here .........",
		   path, sizeof(path));
	ASSERT_OK(ld_cache_load(&c, path, &e), &e);
	CU_ASSERT_PTR_NULL(ld_cache_find(&c, "libc.so.6"));
	ld_cache_release(&c);
	if (!fsio_exists("/etc/ld.so.cache"))
		TEST_SKIP("no /etc/ld.so.cache");
	ASSERT_OK(ld_cache_load(&c, "/etc/ld.so.cache", &e), &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ld_cache_find(&c, "libc.so.6"));
	CU_ASSERT_TRUE(fsio_exists(ld_cache_find(&c, "libc.so.6")));
	CU_ASSERT_PTR_NULL(ld_cache_find(&c, "libnothing.so.1"));
	ld_cache_release(&c);
}

/* ---- kernel modules ------------------------------------------------------------------ */

static void modules_come_in_order(void)
{
	static const char dep[] = "kernel/a/top.ko: kernel/a/mid.ko kernel/a/base.ko\n"
				  "kernel/a/mid.ko: kernel/a/base.ko\n"
				  "kernel/a/base.ko:\n"
				  "kernel/b/stop.ko: kernel/a/base.ko\n";
	struct module_list l = {.n = 0};
	struct buf got = BUF_INIT;
	struct err e = ERR_INIT;
	char path[4096];

	write_text("modules.dep", dep, path, sizeof(path));
	ASSERT_OK(modules_add(&l, test_tmpdir(), "top", &e), &e);
	ASSERT_OK(modules_add(&l, test_tmpdir(), "stop", &e), &e);
	ASSERT_FAILS(modules_add(&l, test_tmpdir(), "op", &e), E_NOTFOUND);
	for (size_t i = 0; i < l.n; i++)
		ASSERT_OK(buf_printf(&got, &e, "%s ", strrchr(l.paths[i], '/') + 1), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&got), "base.ko mid.ko top.ko stop.ko ");
	buf_release(&got);
	modules_release(&l);
}

/* A carrier below @dir with the stamp @stamp; its big parts are links to the real one. */
static bool borrow_carrier(const char *dir, const char *stamp)
{
	char path[1024], real[PATH_MAX];
	struct err e = ERR_INIT;

	if (!realpath(test_source("build/cache/carrier/current"), real) ||
	    !fsio_exists(test_source("build/guest/init")) ||
	    !fsio_exists(test_source("build/guest/apfs")))
		return false;
	snprintf(path, sizeof(path), "%s/carrier/current", dir);
	ASSERT_OK(fsio_mkdirs(path, 0755, &e), &e);
	CU_ASSERT_EQUAL(
		test_shell("cp %s/version %s/ && ln -sf %s/modules %s/apfs.ko %s/ && "
			   "printf 'not a kernel' >%s/vmlinux",
			   real, path, real, real, path, path),
		0);
	snprintf(path, sizeof(path), "%s/carrier/current/stamp", dir);
	ASSERT_OK(fsio_write_atomic(path, stamp, strlen(stamp), 0644, &e), &e);
	return true;
}

/* What an older version, a full disk or a crash left is not taken for a carrier. */
static void a_damaged_carrier_is_noticed(void)
{
	static const struct {
		const char *stamp, *says; /* NULL: it is a good one */
	} rows[] = {
		{"format 0\nfile a 12 vmlinux\n", "another version"},
		{"", "another version"},
		{CARRIER_STAMP_FORMAT, "knows of no vmlinux"},
		{CARRIER_STAMP_FORMAT "file a 13 vmlinux\n", "vmlinux is damaged"},
		{CARRIER_STAMP_FORMAT "file a 1 vmlinuz\nfile a 12 vmlinux\n", NULL},
	};
	struct carrier_options o = {.cache_dir = test_tmpdir()};
	struct carrier c;
	struct stat st;
	struct err e = ERR_INIT;
	char guest[1024];
	off_t size;

	snprintf(guest, sizeof(guest), "%s", test_source("build/guest"));
	o.guest_dir = guest;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!borrow_carrier(test_tmpdir(), rows[i].stamp))
			TEST_SKIP("no carrier (make deps) or no guest programs");
		err_clear(&e);
		CU_ASSERT_EQUAL(carrier_prepare(&o, &c, &e) != 0, rows[i].says != NULL);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, rows[i].says ? rows[i].says : ""));
		if (e.code && !rows[i].says)
			printf("# %s\n", e.msg);
	}
	/* An initramfs that was cut short is written again. */
	CU_ASSERT_EQUAL_FATAL(stat(c.initramfs, &st), 0);
	size = st.st_size;
	CU_ASSERT_EQUAL(truncate(c.initramfs, 100), 0);
	ASSERT_OK(carrier_prepare(&o, &c, &e), &e);
	CU_ASSERT_EQUAL(stat(c.initramfs, &st), 0);
	CU_ASSERT_EQUAL(st.st_size, size);
}

/* The stamp's format is written down twice, since a shell script writes it. */
static void the_stamp_has_one_format(void)
{
	char line[64];

	snprintf(line, sizeof(line), "format=%.*s",
		 (int)strcspn(CARRIER_STAMP_FORMAT + 7, "\n"), CARRIER_STAMP_FORMAT + 7);
	CU_ASSERT_EQUAL(test_shell("grep -qx '%s' %s", line, test_source("ci/deps.sh")),
			0);
}

TEST_MAIN("carrier", {"base64 both ways", base64_both_ways},
	  {"base64 refuses nonsense", base64_refuses_nonsense},
	  {"cuts lines", cuts_lines},
	  {"console follows the policy's events", console_follows_the_events},
	  {"console keeps account of unannounced bytes", console_keeps_account},
	  {"initramfs is read by cpio", archive_is_read_by_cpio},
	  {"initramfs refuses bad lists", archive_refuses_bad_lists},
	  {"libraries of a program as ldd lists them", runtime_is_what_ldd_says},
	  {"libraries of a static program", runtime_of_a_static_program},
	  {"libraries of broken programs", runtime_of_broken_programs},
	  {"the host's library cache", library_cache},
	  {"kernel modules in order of loading", modules_come_in_order},
	  {"a damaged carrier is noticed", a_damaged_carrier_is_noticed},
	  {"the stamp has one format", the_stamp_has_one_format})
