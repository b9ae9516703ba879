/* SPDX-License-Identifier: MIT */
#include "sim/base/test.h"

#include <stdio.h>
#include <string.h>

#include "sim/base/bytes.h"
#include "sim/formats/macho/objlink.h"
#include "sim/formats/macho/test/darwin_cc.h"

static int link_two(const char *a, const char *b, struct buf *out, struct err *e)
{
	struct buf oa = BUF_INIT, ob = BUF_INIT;
	struct objlink_input in[2] = {{.name = "a.o"}, {.name = "b.o"}};
	int r;

	darwin_cc("c", a, "", &oa);
	darwin_cc("c", b, "", &ob);
	in[0].data = oa.data;
	in[0].len = oa.len;
	in[1].data = ob.data;
	in[1].len = ob.len;
	r = objlink(in, 2, out, e);
	buf_release(&oa);
	buf_release(&ob);
	return r;
}

static void two_objects(void)
{
	struct buf kext = BUF_INIT, again = BUF_INIT;
	struct err e = ERR_INIT;
	struct macho m;
	struct macho_symbol s;
	static const char a[] =
		"int g(int); int shared = 5; static int hidden[3] = {1,2,3};\n"
		"int *p = &hidden[1]; int f(void) { return g(shared) + hidden[2]; }\n";
	static const char b[] =
		"extern int shared; int printf(const char *, ...);\n"
		"__attribute__((visibility(\"hidden\"))) int h(void) { return 1; }\n"
		"int g(int x) { printf(\"%d\\n\", x); return shared + h(); }\n";

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	ASSERT_OK(link_two(a, b, &kext, &e), &e);
	ASSERT_OK(link_two(a, b, &again, &e), &e);
	CU_ASSERT_EQUAL(kext.len, again.len);
	CU_ASSERT_EQUAL(memcmp(kext.data, again.data, kext.len), 0);
	ASSERT_OK(macho_open(kext.data, kext.len, &m, &e), &e);
	CU_ASSERT_EQUAL(m.filetype, MH_KEXT_BUNDLE);
	CU_ASSERT_TRUE(m.has_uuid);
	CU_ASSERT_EQUAL(m.dysym.nundef, 1);
	ASSERT_OK(macho_symbol(&m, m.dysym.iundef, &s, &e), &e);
	CU_ASSERT_STRING_EQUAL(s.name, "_printf");
	ASSERT_OK(macho_find_defined(&m, "_h", &s, &e), &e);
	CU_ASSERT_EQUAL(s.type & N_EXT, 0); /* private extern ends here */
	CU_ASSERT_EQUAL(m.dysym.nextrel, 1);
	CU_ASSERT_EQUAL(m.dysym.nlocrel, 1); /* p */
	macho_release(&m);
	buf_release(&again);
	if (!test_shell("command -v llvm-readobj >/dev/null")) {
		const char *path = darwin_file("kext", &kext);

		CU_ASSERT_EQUAL(
			test_shell("llvm-readobj --file-headers --sections --symbols "
				   "--relocations '%s' >/dev/null",
				   path),
			0);
		CU_ASSERT_EQUAL(test_shell("llvm-nm '%s' | grep -q ' U _printf$'", path),
				0);
		CU_ASSERT_EQUAL(
			test_shell("llvm-objdump --macho -d '%s' | grep -q 'callq.*_g$'",
				   path),
			0);
	}
	buf_release(&kext);
}

static void refuses(void)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	ASSERT_FAILS(link_two("int x = 1;", "int x = 2;", &out, &e), E_EXISTS);
	CU_ASSERT_STRING_EQUAL(e.msg, "duplicate symbol _x in a.o and b.o");
	ASSERT_FAILS(link_two("_Thread_local int t = 1; int *f(void) { return &t; }", "",
			      &out, &e),
		     E_UNSUPPORTED);
	CU_ASSERT_EQUAL(out.len, 0);
	buf_release(&out);
}

/* An object that is nothing but a header makes a bundle without code. */
static void no_sections(void)
{
	uint8_t header[32] = {0};
	struct objlink_input in = {.name = "empty.o", .data = header, .len = sizeof(header)};
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	struct macho m;

	put_le32(header, MACHO_MAGIC_64);
	put_le32(header + 4, CPU_TYPE_X86_64);
	put_le32(header + 8, CPU_SUBTYPE_X86_64_ALL);
	put_le32(header + 12, MH_OBJECT);
	ASSERT_OK(objlink(&in, 1, &out, &e), &e);
	ASSERT_OK(macho_open(out.data, out.len, &m, &e), &e);
	CU_ASSERT_EQUAL(m.filetype, MH_KEXT_BUNDLE);
	macho_release(&m);
	buf_release(&out);
}

static void common_symbols(void)
{
	struct buf obj = BUF_INIT, out = BUF_INIT;
	struct err e = ERR_INIT;
	struct objlink_input in = {.name = "c.o"};

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	darwin_cc("c", "int tentative;", "-fcommon", &obj);
	in.data = obj.data;
	in.len = obj.len;
	ASSERT_FAILS(objlink(&in, 1, &out, &e), E_UNSUPPORTED);
	CU_ASSERT_STRING_EQUAL(e.msg,
			       "c.o: common symbol _tentative; compile with -fno-common");
	buf_release(&obj);
	buf_release(&out);
}

static void thirty_two_bits(void)
{
	struct buf obj = BUF_INIT, out = BUF_INIT;
	struct err e = ERR_INIT;
	struct objlink_input in = {.name = "old.o"};

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	darwin_cc("c", "int f(void) { return 0; }", "-target i386-apple-macos10.6", &obj);
	in.data = obj.data;
	in.len = obj.len;
	ASSERT_FAILS(objlink(&in, 1, &out, &e), E_UNSUPPORTED);
	CU_ASSERT_STRING_EQUAL(
		e.msg,
		"old.o: The target architecture (cputype 0x7) is not supported by kxld.");
	buf_release(&obj);
	buf_release(&out);
}

/* A fat file of two slices: the second is for x86_64. */
static void fat_slices(void)
{
	uint8_t fat[200] = {0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2};
	struct err e = ERR_INIT;
	size_t off, len;

	put_be32(fat + 8, CPU_TYPE_I386);
	put_be32(fat + 16, 100);
	put_be32(fat + 20, 10);
	put_be32(fat + 28, CPU_TYPE_X86_64);
	put_be32(fat + 36, 110);
	put_be32(fat + 40, 90);
	ASSERT_OK(macho_slice(fat, sizeof(fat), &off, &len, &e), &e);
	CU_ASSERT_EQUAL(off, 110);
	CU_ASSERT_EQUAL(len, 90);
	put_be32(fat + 40, 91);
	ASSERT_FAILS(macho_slice(fat, sizeof(fat), &off, &len, &e), E_CORRUPT);
	put_be32(fat + 28, CPU_TYPE_I386);
	ASSERT_FAILS(macho_slice(fat, sizeof(fat), &off, &len, &e), E_UNSUPPORTED);
	CU_ASSERT_STRING_EQUAL(
		e.msg,
		"The kext does not contain a fat slice for the target architecture.");
	put_be32(fat + 4, 10); /* more than fit into the file */
	ASSERT_FAILS(macho_slice(fat, sizeof(fat), &off, &len, &e), E_CORRUPT);
}

TEST_MAIN("objlink", {"two objects become a kext", two_objects}, {"refusals", refuses},
	  {"an object without sections", no_sections},
	  {"common symbols are refused", common_symbols},
	  {"32-bit objects are refused", thirty_two_bits}, {"fat slices", fat_slices})
