/* SPDX-License-Identifier: MIT */
/* arm64 and segments that are placed apart: objlink, split information, kxld. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/base/test.h"
#include "sim/formats/macho/arm64.h"
#include "sim/formats/macho/kxld.h"
#include "sim/formats/macho/objlink.h"
#include "sim/formats/macho/splitinfo.h"
#include "sim/formats/macho/test/darwin_cc.h"
#include "sim/formats/macho/write.h"

#define ARM64 "-target arm64e-apple-macos12 -O2"

/* What an assembler makes of them (llvm-mc -triple arm64-apple-macos). */
static void fields_are_those_of_an_assembler(void)
{
	uint8_t b[4];

	put_le32(b, 0x94000000); /* bl #0 */
	CU_ASSERT_TRUE(arm64_set_branch26(b, 0x1000));
	CU_ASSERT_EQUAL(get_le32(b), 0x94000400);
	CU_ASSERT_TRUE(arm64_set_branch26(b, 0x7fffffc));
	CU_ASSERT_EQUAL(get_le32(b), 0x95ffffff);
	CU_ASSERT_EQUAL(arm64_branch26(b), 0x7fffffc);
	CU_ASSERT_FALSE(arm64_set_branch26(b, 0x8000000));
	CU_ASSERT_FALSE(arm64_set_branch26(b, 2));
	put_le32(b, 0x14000000); /* b #0 */
	CU_ASSERT_TRUE(arm64_set_branch26(b, -4));
	CU_ASSERT_EQUAL(get_le32(b), 0x17ffffff);
	CU_ASSERT_EQUAL(arm64_branch26(b), -4);
	put_le32(b, 0x90000003); /* adrp x3, #0 */
	CU_ASSERT_TRUE(arm64_set_page21(b, 0x12345000));
	CU_ASSERT_EQUAL(get_le32(b), 0xb0091a23);
	CU_ASSERT_EQUAL(arm64_page21(b), 0x12345000);
	CU_ASSERT_FALSE(arm64_set_page21(b, 1ll << 32));
	put_le32(b, 0x90000000);
	CU_ASSERT_TRUE(arm64_set_page21(b, -4096));
	CU_ASSERT_EQUAL(get_le32(b), 0xf0ffffe0);
	CU_ASSERT_EQUAL(arm64_page21(b), -4096);
}

static void offsets_are_scaled(void)
{
	static const struct {
		uint32_t zero,
			abc; /* with offset 0; with 0xabc, as far as it is aligned */
		uint16_t off;
	} insn[] = {
		{0x91000108, 0x912af108, 0xabc}, /* add x8, x8, #2748 */
		{0xb9400109, 0xb94abd09, 0xabc}, /* ldr w9, [x8, #2748] */
		{0xf9400109, 0xf9455d09, 0xab8}, /* ldr x9, [x8, #2744] */
		{0x39000041, 0x392af041, 0xabc}, /* strb w1, [x2, #2748] */
		{0x79400041, 0x79557841, 0xabc}, /* ldrh w1, [x2, #2748] */
		{0x3dc00020, 0x3dc2ac20, 0xab0}, /* ldr q0, [x1, #2736] */
		{0xfd000020, 0xfd055c20, 0xab8}, /* str d0, [x1, #2744] */
	};
	uint8_t b[4];

	for (size_t i = 0; i < sizeof(insn) / sizeof(insn[0]); i++) {
		put_le32(b, insn[i].zero);
		CU_ASSERT_TRUE(arm64_set_pageoff12(b, 0xfffffe0007004000 + insn[i].off));
		CU_ASSERT_EQUAL(get_le32(b), insn[i].abc);
	}
	put_le32(b, 0xf9400109);
	CU_ASSERT_FALSE(arm64_set_pageoff12(b, 0xabc)); /* not a multiple of 8 */
	put_le32(b, 0xd65f03c0);			/* ret */
	CU_ASSERT_FALSE(arm64_set_pageoff12(b, 0xab8));
	put_le32(b, 0xf9400128);
	CU_ASSERT_TRUE(arm64_relax_got_load(b));
	CU_ASSERT_EQUAL(get_le32(b), 0x91000128);
}

/* ---- the table ---- */

static int compare_refs(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct split_ref));
}

static void table_comes_back(void)
{
	struct split_refs in = {.n = 0}, out = {.n = 0};
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	for (unsigned i = 0; i < 1000; i++) {
		struct split_ref r;

		memset(&r, 0, sizeof(r)); /* compared with memcmp */
		r.from = i * 7 % 5;
		r.to = i % 4;
		r.from_offset = i * 2654435761u % 100000;
		r.to_offset = (uint64_t)(i % 90) << (i % 40);
		r.kind = 2 + i % 6;
		ASSERT_OK(split_refs_add(&in, &r, &e), &e);
	}
	ASSERT_OK(split_info_write(&in, &b, &e), &e);
	CU_ASSERT_EQUAL(b.data[0], 0x7f);
	CU_ASSERT_EQUAL(b.len % 8, 0);
	ASSERT_OK(split_info_read(b.data, b.len, &out, &e), &e);
	CU_ASSERT_EQUAL_FATAL(out.n, in.n);
	for (size_t i = 0; i < out.n; i++) { /* whatever padding the reader had */
		struct split_ref r = out.r[i];

		memset(&out.r[i], 0, sizeof(r));
		out.r[i].from = r.from;
		out.r[i].to = r.to;
		out.r[i].from_offset = r.from_offset;
		out.r[i].to_offset = r.to_offset;
		out.r[i].kind = r.kind;
	}
	qsort(in.r, in.n, sizeof(*in.r), compare_refs);
	qsort(out.r, out.n, sizeof(*out.r), compare_refs);
	CU_ASSERT_EQUAL(memcmp(in.r, out.r, in.n * sizeof(*in.r)), 0);
	split_refs_release(&in);
	split_refs_release(&out);
	buf_release(&b);
}

static void bad_tables_are_refused(void)
{
	static const struct {
		uint8_t bytes[16];
		size_t len;
		enum err_code code;
	} bad[] = {
		{{0}, 0, E_UNSUPPORTED},
		{{1, 1, 0}, 3, E_UNSUPPORTED},	 /* version 1 */
		{{0x7f}, 1, E_CORRUPT},		 /* no count */
		{{0x7f, 1, 1, 2}, 4, E_CORRUPT}, /* pair without targets */
		{{0x7f, 1, 1, 2, 1, 0, 1, 3, 2, 0x10}, 10, E_CORRUPT}, /* 1 of 2 places */
		{{0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
		 11,
		 E_CORRUPT},
		{{0x7f, 1, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 0},
		 9,
		 E_CORRUPT}, /* section */
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct split_refs s = {.n = 0};
		struct err e = ERR_INIT;

		ASSERT_FAILS(split_info_read(bad[i].bytes, bad[i].len, &s, &e),
			     bad[i].code);
		CU_ASSERT_PTR_NULL(s.r);
	}
}

/* ---- linking ---- */

/* Every way in which code and data refer to each other and to the kernel. */
static const char source[] =
	"char kmod_info[196];\n"
	"extern int outside_value; int outside(int);\n"
	"static int counter = 5; static int zero; const int table[4] = {1, 20, 300, "
	"4000};\n"
	"static int *const place = &counter; int (*hook)(int) = outside;\n"
	"static const int *const second = &table[1];\n"
	"__attribute__((noinline)) static int add(int x) { return x + counter; }\n"
	"__attribute__((noinline)) int *whole(void) { return &outside_value; }\n"
	"int entry(int n) { counter += n; zero += 2; *place += 10;\n"
	"  return add(table[n & 3]) + *second + hook(n) + outside(zero) + *whole(); }\n";

struct linked {
	struct buf obj, kext;
	struct kxld_layout layout;
	struct kxld_exports kernel;
	const struct kxld_exports *deps[1];
	uint64_t addr[MACHO_SEGS_MAX];
	struct kxld_image img;
	struct macho m;
};

static void measure(struct linked *l, const char *flags, const struct macho_arch *arch,
		    bool split)
{
	struct objlink_input in = {.name = "source"};
	struct kxld_request rq = {.arch = arch};
	struct err e = ERR_INIT;

	memset(l, 0, sizeof(*l));
	darwin_cc("c", source, flags, &l->obj);
	in.data = l->obj.data;
	in.len = l->obj.len;
	ASSERT_OK(objlink_split(&in, 1, split, &l->kext, &e), &e);
	rq.file = l->kext.data;
	rq.len = l->kext.len;
	ASSERT_OK(kxld_measure(&rq, &l->layout, &e), &e);
	CU_ASSERT_EQUAL(l->layout.split, split);
	CU_ASSERT_EQUAL_FATAL(l->layout.nsegs, 2);
	l->deps[0] = &l->kernel;
}

static int place(struct linked *l, const struct macho_arch *arch, struct err *e)
{
	const struct kxld_request rq = {
		.name = "test",
		.file = l->kext.data,
		.len = l->kext.len,
		.arch = arch,
		.seg_addr = l->addr,
		.keep_relocs = true,
		.deps = l->deps,
		.n_deps = 1,
	};

	return kxld_link(&rq, &l->img, e);
}

static void export(struct linked *l, const char *name, uint64_t value)
{
	struct err e = ERR_INIT;

	ASSERT_OK(symdict_set(&l->kernel.syms, name, value, 0, &e), &e);
}

static uint64_t addr_of(const struct macho *m, const char *name)
{
	struct macho_symbol s;
	struct err e = ERR_INIT;

	ASSERT_OK(macho_find_defined(m, name, &s, &e), &e);
	return s.value;
}

static void linked_release(struct linked *l)
{
	macho_release(&l->m);
	kxld_image_release(&l->img);
	kxld_exports_release(&l->kernel);
	buf_release(&l->obj);
	buf_release(&l->kext);
}

static const uint8_t *bytes_at(const struct linked *l, uint64_t addr)
{
	for (unsigned i = 0; i < l->m.nsegs; i++) {
		const struct macho_segment *s = &l->m.segs[i];

		if (addr >= s->vmaddr && addr < s->vmaddr + s->filesize)
			return l->img.bytes.data + s->fileoff + (addr - s->vmaddr);
	}
	CU_FAIL_FATAL("address outside the image");
	return NULL;
}

#if defined(__x86_64__)
/* At addresses that a host's process has free, below 2 GiB like all that they reach. */
#define TEXT_AT	 0x20000000ull
#define DATA_AT	 0x28000000ull
#define OTHER_AT 0x30000000ull

static void *map(uint64_t addr, uint64_t size)
{
	void *p = mmap((void *)(uintptr_t)addr, size, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* outside: returns 7 times its argument; outside_value is 100000. */
static bool map_kernel(void)
{
	static const uint8_t code[] = {0x6b, 0xc7, 0x07,
				       0xc3}; /* imul $7,%edi,%eax; ret */
	uint8_t *p = map(OTHER_AT, 4096);

	if (!p)
		return false;
	memcpy(p, code, sizeof(code));
	put_le32(p + 64, 100000);
	return true;
}

static bool map_image(struct linked *l)
{
	for (unsigned i = 0; i + 1 < l->m.nsegs; i++) {
		const struct macho_segment *s = &l->m.segs[i];
		void *p = map(s->vmaddr, s->vmsize);

		if (!p)
			return false;
		memcpy(p, l->img.bytes.data + s->fileoff, s->filesize);
	}
	return true;
}

/* The judge is the processor: the code finds its data, itself and the kernel. */
static void code_runs_with_its_segments_apart(void)
{
	const struct macho_arch *arch = macho_arch(MACHO_X86_64);
	struct linked l;
	struct err e = ERR_INIT;
	int (*entry)(int);
	uintptr_t at;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	measure(&l, "-O2", arch, true);
	export(&l, "_outside", OTHER_AT);
	export(&l, "_outside_value", OTHER_AT + 64);
	l.addr[0] = TEXT_AT;
	l.addr[1] = DATA_AT;
	ASSERT_OK(place(&l, arch, &e), &e);
	ASSERT_OK(macho_open(l.img.bytes.data, l.img.bytes.len, &l.m, &e), &e);
	CU_ASSERT_EQUAL(l.m.segs[0].vmaddr, TEXT_AT);
	CU_ASSERT_EQUAL(l.m.segs[1].vmaddr, DATA_AT);
	CU_ASSERT_EQUAL(l.m.segs[1].vmsize, l.layout.seg[1].size);
	CU_ASSERT_FATAL(map_kernel() && map_image(&l));
	at = (uintptr_t)addr_of(&l.m, "_entry");
	memcpy(&entry, &at, sizeof(entry));
	/* counter 18; add(4000) 4018, second 20, hook 21, outside(2) 14, 100000 */
	CU_ASSERT_EQUAL(entry(3), 4018 + 20 + 21 + 14 + 100000);
	linked_release(&l);
}
#else
static void code_runs_with_its_segments_apart(void)
{
	TEST_SKIP("not an x86_64 host");
}
#endif

/* Where adrp at @p and "add x" or "ldr x" behind it point to; 0 when they are not there.
 */
static uint64_t address_made_at(const uint8_t *p, uint64_t addr)
{
	uint32_t next = get_le32(p + 4), off = next >> 10 & 0xfff;

	if ((get_le32(p) & 0x9f000000) != 0x90000000)
		return 0;
	if ((next & 0xffc00000) == 0xf9400000)
		off *= 8;
	else if ((next & 0xffc00000) != 0x91000000)
		return 0;
	return (addr & ~0xfffull) + (uint64_t)arm64_page21(p) + off;
}

#define ARM_TEXT  0xfffffe0007100000ull
#define ARM_DATA  0xfffffe0009200000ull
#define ARM_OTHER 0xfffffe0007010000ull

static bool makes_address_of(const struct linked *l, const char *name)
{
	const struct macho_section *text = macho_section(&l->m, "__TEXT", "__text");

	for (uint64_t a = text->addr; a + 8 <= text->addr + text->size; a += 4)
		if (address_made_at(bytes_at(l, a), a) == addr_of(&l->m, name))
			return true;
	return false;
}

/* Does llvm-objdump see a call or jump to @addr? */
static bool branches_to(const struct linked *l, uint64_t addr)
{
	return !test_shell("llvm-objdump -d --triple=arm64e-apple-macos "
			   "--no-show-raw-insn '%s' | grep -qE 'bl?[[:space:]]+0x%llx'",
			   darwin_file("linked", &l->img.bytes),
			   (unsigned long long)addr);
}

static void arm64_segments_apart(void)
{
	const struct macho_arch *arch = macho_arch(MACHO_ARM64E);
	struct linked l;
	struct err e = ERR_INIT;
	uint64_t hook;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	measure(&l, ARM64, arch, true);
	CU_ASSERT_EQUAL(l.layout.seg[0].size % MACHO_PAGE_ARM64, 0);
	export(&l, "_outside", ARM_OTHER);
	export(&l, "_outside_value", ARM_OTHER + 0x40);
	l.addr[0] = ARM_TEXT;
	l.addr[1] = ARM_DATA;
	ASSERT_OK(place(&l, arch, &e), &e);
	ASSERT_OK(macho_open_for(l.img.bytes.data, l.img.bytes.len, arch, &l.m, &e), &e);
	CU_ASSERT_EQUAL(l.m.cpusubtype, CPU_SUBTYPE_ARM64E_KERNEL);
	CU_ASSERT_EQUAL(addr_of(&l.m, "_entry") & ~0x3fffull, ARM_TEXT);
	hook = addr_of(&l.m, "_hook");
	CU_ASSERT_EQUAL(hook & ~0x3fffull, ARM_DATA);
	CU_ASSERT_EQUAL(get_le64(bytes_at(&l, hook)), ARM_OTHER);
	CU_ASSERT_TRUE(makes_address_of(&l, "_table")); /* in the same segment */
	CU_ASSERT_TRUE(makes_address_of(&l, "_hook"));	/* in the other one */
	if (!test_shell("command -v llvm-objdump >/dev/null"))
		CU_ASSERT_TRUE(branches_to(&l, ARM_OTHER));
	linked_release(&l);
}

/* A stray distance between the segments breaks the code: the table matters. */
static void far_segments_overflow(void)
{
	const struct macho_arch *arch = macho_arch(MACHO_X86_64);
	struct linked l;
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	measure(&l, "-O2", arch, true);
	export(&l, "_outside", 0xffffff8000400000);
	export(&l, "_outside_value", 0xffffff8000400040);
	l.addr[0] = 0xffffff8000300000;
	l.addr[1] = 0xffffff8100300000; /* 4 GiB */
	ASSERT_FAILS(place(&l, arch, &e), E_OVERFLOW);
	l.addr[1] = 0xffffff8000500008;
	ASSERT_FAILS(place(&l, arch, &e), E_INVAL);
	linked_release(&l);
}

static void without_the_table_segments_stay_together(void)
{
	const struct macho_arch *arch = macho_arch(MACHO_X86_64);
	struct linked l;
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	measure(&l, "-O2", arch, false);
	l.addr[0] = 0xffffff8000300000;
	l.addr[1] = 0xffffff8000500000;
	ASSERT_FAILS(place(&l, arch, &e), E_UNSUPPORTED);
	linked_release(&l);
}

static void mixed_objects_make_a_fat_file(void)
{
	struct buf x86 = BUF_INIT, arm = BUF_INIT, fat = BUF_INIT;
	struct err e = ERR_INIT;
	struct buf slices[2];
	struct macho m;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	darwin_kext("c", source, "", &x86);
	darwin_kext("c", source, ARM64, &arm);
	slices[0] = x86;
	slices[1] = arm;
	ASSERT_OK(macho_put_fat(&fat, slices, 2, &e), &e);
	for (enum macho_cpu cpu = MACHO_X86_64; cpu <= MACHO_ARM64E; cpu++) {
		ASSERT_OK(macho_open_for(fat.data, fat.len, macho_arch(cpu), &m, &e), &e);
		CU_ASSERT_EQUAL(m.len, slices[cpu].len);
		CU_ASSERT_EQUAL(m.cputype, macho_arch(cpu)->cputype);
		macho_release(&m);
	}
	if (!test_shell("command -v llvm-objdump >/dev/null"))
		CU_ASSERT_EQUAL(
			test_shell("llvm-objdump --macho --universal-headers '%s' "
				   "| grep -q 'nfat_arch 2'",
				   darwin_file("fat", &fat)),
			0);
	buf_release(&x86);
	buf_release(&arm);
	buf_release(&fat);
}

static void one_architecture_at_a_time(void)
{
	struct buf x86 = BUF_INIT, arm = BUF_INIT, out = BUF_INIT;
	struct objlink_input in[2] = {{.name = "x86.o"}, {.name = "arm.o"}};
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	darwin_cc("c", "int a(void) { return 1; }", "", &x86);
	darwin_cc("c", "int b(void) { return 2; }", ARM64, &arm);
	in[0].data = x86.data;
	in[0].len = x86.len;
	in[1].data = arm.data;
	in[1].len = arm.len;
	ASSERT_FAILS(objlink(in, 2, &out, &e), E_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "arm.o"));
	buf_release(&x86);
	buf_release(&arm);
}

TEST_MAIN("split",
	  {"arm64 fields are those of an assembler", fields_are_those_of_an_assembler},
	  {"arm64 offsets are scaled", offsets_are_scaled},
	  {"the table of references comes back", table_comes_back},
	  {"bad tables are refused", bad_tables_are_refused},
	  {"code runs with its segments apart", code_runs_with_its_segments_apart},
	  {"arm64 segments apart", arm64_segments_apart},
	  {"segments too far apart", far_segments_overflow},
	  {"without the table segments stay together",
	   without_the_table_segments_stay_together},
	  {"objects of two architectures make a fat file", mixed_objects_make_a_fat_file},
	  {"one architecture at a time", one_architecture_at_a_time})
