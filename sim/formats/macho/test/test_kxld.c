/* SPDX-License-Identifier: MIT */
#include "sim/base/test.h"

#include <stdio.h>
#include <string.h>

#include "sim/formats/macho/kxld.h"
#include "sim/formats/macho/test/darwin_cc.h"

#define LOAD 0xffffff7f80a00000ull
#define EXT  0xffffff8000201230ull
#define DATA 0xffffff8000345678ull

#define KMOD ".globl _kmod_info\n.p2align 3\n_kmod_info: .space 196\n"

/* Room for dependencies of a test. */
struct deps {
	struct kxld_exports x[2];
	const struct kxld_exports *list[2];
	char log[4096];
};

static void keep_line(void *arg, enum clog_level level, const char *text)
{
	struct deps *d = arg;
	size_t n = strlen(d->log);

	snprintf(d->log + n, sizeof(d->log) - n, "%d %s\n", (int)level, text);
}

static void export_to(struct deps *d, int which, const char *name, uint64_t value,
		      uint32_t flags)
{
	struct err e = ERR_INIT;

	ASSERT_OK(symdict_set(&d->x[which].syms, name, value, flags, &e), &e);
}

static int try_link(struct deps *d, const struct buf *kext, uint64_t load,
		    struct kxld_image *img, struct err *e)
{
	struct component_log log = {.line = keep_line, .arg = d, .max = CLOG_DEBUG};
	struct kxld_request rq = {
		.name = "test",
		.file = kext->data,
		.len = kext->len,
		.load_addr = load,
		.keep_relocs = true,
		.deps = d->list,
		.n_deps = 2,
		.log = &log,
	};

	d->list[0] = &d->x[0];
	d->list[1] = &d->x[1];
	return kxld_link(&rq, img, e);
}

static void deps_release(struct deps *d)
{
	kxld_exports_release(&d->x[0]);
	kxld_exports_release(&d->x[1]);
}

/* Link @text as assembler source; *m reads the result. */
static void link_asm(struct deps *d, const char *text, struct kxld_image *img,
		     struct macho *m)
{
	struct buf kext = BUF_INIT;
	struct err e = ERR_INIT;

	darwin_kext("s", text, "", &kext);
	ASSERT_OK(try_link(d, &kext, LOAD, img, &e), &e);
	ASSERT_OK(macho_open(img->bytes.data, img->bytes.len, m, &e), &e);
	buf_release(&kext);
}

static uint64_t addr_of(const struct macho *m, const char *name)
{
	struct macho_symbol s;
	struct err e = ERR_INIT;

	ASSERT_OK(macho_find_defined(m, name, &s, &e), &e);
	return s.value;
}

static uint32_t u32_at(const struct kxld_image *img, uint64_t addr)
{
	return get_le32(img->bytes.data + (addr - LOAD));
}

static uint64_t u64_at(const struct kxld_image *img, uint64_t addr)
{
	return get_le64(img->bytes.data + (addr - LOAD));
}

/* Is a local relocation left for the pointer at @addr? */
static bool slides(const struct macho *m, uint64_t addr)
{
	for (uint32_t i = 0; i < m->dysym.nlocrel; i++) {
		struct macho_reloc r = macho_reloc(m, m->dysym.locreloff, i);

		if (r.address == addr - LOAD && !r.is_extern && !r.pcrel &&
		    r.length == 3 && r.type == X86_64_RELOC_UNSIGNED)
			return true;
	}
	return false;
}

/* A displacement counts from the end of the instruction. */
static uint32_t disp(uint64_t target, uint64_t next_insn)
{
	return (uint32_t)(target - next_insn);
}

static void pc_relative(void)
{
	struct deps d = {.log = ""};
	struct kxld_image img;
	struct macho m;
	uint64_t at;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	export_to(&d, 0, "_ext", EXT, 0);
	export_to(&d, 1, "_data", DATA, 0);
	link_asm(&d,
		 ".text\n.globl _branch,_s0,_s1,_s2,_s4,_add\n"
		 "_branch: callq _ext\n"	     /* e8 disp32 */
		 "_s0: movl _data(%rip), %eax\n"     /* 8b 05 disp32 */
		 "_s1: movb $1, _data(%rip)\n"	     /* c6 05 disp32 imm8 */
		 "_s2: movw $1, _data(%rip)\n"	     /* 66 c7 05 disp32 imm16 */
		 "_s4: movl $1, _data(%rip)\n"	     /* c7 05 disp32 imm32 */
		 "_add: movl _data+12(%rip), %eax\n" /* an addend */
		 ".data\n" KMOD,
		 &img, &m);
	at = addr_of(&m, "_branch");
	CU_ASSERT_EQUAL(u32_at(&img, at + 1), disp(EXT, at + 5));
	at = addr_of(&m, "_s0");
	CU_ASSERT_EQUAL(u32_at(&img, at + 2), disp(DATA, at + 6));
	at = addr_of(&m, "_s1");
	CU_ASSERT_EQUAL(u32_at(&img, at + 2), disp(DATA, at + 7));
	at = addr_of(&m, "_s2");
	CU_ASSERT_EQUAL(u32_at(&img, at + 3), disp(DATA, at + 9));
	at = addr_of(&m, "_s4");
	CU_ASSERT_EQUAL(u32_at(&img, at + 2), disp(DATA, at + 10));
	at = addr_of(&m, "_add");
	CU_ASSERT_EQUAL(u32_at(&img, at + 2), disp(DATA + 12, at + 6));
	CU_ASSERT_EQUAL(m.dysym.nlocrel, 0); /* kernel and kext slide together */
	macho_release(&m);
	kxld_image_release(&img);
	deps_release(&d);
}

static void got(void)
{
	struct deps d = {.log = ""};
	struct kxld_image img;
	struct macho m;
	uint64_t at, slot, next;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	export_to(&d, 0, "_data", DATA, 0);
	link_asm(&d,
		 ".text\n.globl _load,_cmp,_own,_mine\n"
		 "_load: movq _data@GOTPCREL(%rip), %rax\n" /* 48 8b 05 disp32 */
		 "_cmp: cmpq _data@GOTPCREL(%rip), %rax\n"  /* 48 3b 05 disp32 */
		 "_own: movq _mine@GOTPCREL(%rip), %rax\n"  /* becomes lea */
		 ".data\n_mine: .quad 1\n" KMOD,
		 &img, &m);
	at = addr_of(&m, "_load");
	slot = at + 7 + (uint64_t)(int64_t)(int32_t)u32_at(&img, at + 3);
	CU_ASSERT_EQUAL(u64_at(&img, slot), DATA);
	CU_ASSERT_TRUE(slides(&m, slot));
	next = addr_of(&m, "_cmp");
	CU_ASSERT_EQUAL(u32_at(&img, next + 3), disp(slot, next + 7));
	at = addr_of(&m, "_own");
	CU_ASSERT_EQUAL(img.bytes.data[at + 1 - LOAD], 0x8d);
	CU_ASSERT_EQUAL(u32_at(&img, at + 3), disp(addr_of(&m, "_mine"), at + 7));
	macho_release(&m);
	kxld_image_release(&img);
	deps_release(&d);
}

static void pointers(void)
{
	struct deps d = {.log = ""};
	struct kxld_image img;
	struct macho m;
	uint64_t at;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	export_to(&d, 0, "_ext", EXT, 0);
	link_asm(&d,
		 ".text\n.globl _f,_ptr,_local,_diff,_diff32,_temp\n_f: retq\nL1: retq\n"
		 ".data\n" KMOD ".p2align 3\n"
		 "_ptr: .quad _ext+8\n"
		 "_local: .quad _f+1\n"
		 "_diff: .quad _local-_f\n"
		 "_diff32: .long _f-_local\n.p2align 3\n"
		 "_temp: .quad L1\n",
		 &img, &m);
	CU_ASSERT_EQUAL(u64_at(&img, addr_of(&m, "_ptr")), EXT + 8);
	CU_ASSERT_TRUE(slides(&m, addr_of(&m, "_ptr")));
	at = addr_of(&m, "_local");
	CU_ASSERT_EQUAL(u64_at(&img, at), addr_of(&m, "_f") + 1);
	CU_ASSERT_TRUE(slides(&m, at));
	CU_ASSERT_EQUAL(u64_at(&img, addr_of(&m, "_diff")), at - addr_of(&m, "_f"));
	CU_ASSERT_FALSE(slides(&m, addr_of(&m, "_diff")));
	CU_ASSERT_EQUAL(u32_at(&img, addr_of(&m, "_diff32")),
			(uint32_t)(addr_of(&m, "_f") - at));
	CU_ASSERT_EQUAL(u64_at(&img, addr_of(&m, "_temp")), addr_of(&m, "_f") + 1);
	CU_ASSERT_TRUE(slides(&m, addr_of(&m, "_temp")));
	CU_ASSERT_EQUAL(m.dysym.nlocrel, 3);
	CU_ASSERT_EQUAL(m.dysym.nextrel, 0);
	macho_release(&m);
	kxld_image_release(&img);
	deps_release(&d);
}

/* Two pointers in a row; the first one's relocation is made the first half of a pair. */
static void difference_with_externals(void)
{
	struct deps d = {.log = ""};
	struct buf kext = BUF_INIT;
	struct kxld_image img;
	struct macho m;
	struct err e = ERR_INIT;
	uint8_t *rel;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	export_to(&d, 0, "_ext", EXT, 0);
	export_to(&d, 0, "_data", DATA, 0);
	darwin_kext("s",
		    ".data\n.globl _a\n" KMOD
		    ".p2align 3\n_a: .quad _ext+5\n.quad _data\n",
		    "", &kext);
	ASSERT_OK(macho_open(kext.data, kext.len, &m, &e), &e);
	CU_ASSERT_EQUAL_FATAL(m.dysym.nextrel, 2);
	rel = kext.data + m.dysym.extreloff;
	/* clang lists the last one, _data, first; put both at the place of _ext */
	memcpy(rel, rel + 8, 4);
	rel[7] = (uint8_t)((rel[7] & 0x0f) | X86_64_RELOC_SUBTRACTOR << 4);
	macho_release(&m);
	ASSERT_OK(try_link(&d, &kext, LOAD, &img, &e), &e);
	ASSERT_OK(macho_open(img.bytes.data, img.bytes.len, &m, &e), &e);
	CU_ASSERT_EQUAL(u64_at(&img, addr_of(&m, "_a")), EXT + 5 - DATA);
	CU_ASSERT_EQUAL(m.dysym.nlocrel, 0);
	macho_release(&m);
	kxld_image_release(&img);
	buf_release(&kext);
	deps_release(&d);
}

/* A section is made one of pointers whose values the indirect symbol table names. */
static void indirect_pointers(void)
{
	struct deps d = {.log = ""};
	struct buf kext = BUF_INIT;
	struct kxld_image img;
	struct macho m;
	struct err e = ERR_INIT;
	struct macho_section s;
	uint8_t entry[12];
	size_t lc = 0, off;
	uint32_t cmd = 0, size, index = 0;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	export_to(&d, 0, "_ext", EXT, 0);
	darwin_kext("s",
		    ".text\ncallq _ext\n.data\n" KMOD
		    ".section __DATA,__pointers\n.globl _slot\n.p2align 3\n_slot: .quad "
		    "0,16,32\n",
		    "", &kext);
	ASSERT_OK(macho_open(kext.data, kext.len, &m, &e), &e);
	for (uint32_t i = 0; i < m.nsyms; i++) {
		struct macho_symbol sym;

		ASSERT_OK(macho_symbol(&m, i, &sym, &e), &e);
		if (!strcmp(sym.name, "_ext"))
			index = i;
	}
	off = sizeof(struct macho_header_raw);
	for (unsigned i = 0; i < m.ncmds && cmd != LC_DYSYMTAB; i++)
		macho_lc_at(&m, i, &cmd, &lc, &size);
	put_le32(kext.data + lc + 56, (uint32_t)kext.len); /* indirectsymoff */
	put_le32(kext.data + lc + 60, 3);
	for (; memcmp(kext.data + off, "__pointers", 10) != 0; off++)
		;
	memcpy(kext.data + off, "__nl_symbol_ptr", 16);
	put_le32(kext.data + off + 64, S_NON_LAZY_SYMBOL_POINTERS); /* flags */
	s = *macho_section(&m, "__DATA", "__pointers");
	macho_release(&m);
	put_le32(entry, index);
	put_le32(entry + 4, INDIRECT_SYMBOL_LOCAL);
	put_le32(entry + 8, INDIRECT_SYMBOL_LOCAL | INDIRECT_SYMBOL_ABS);
	ASSERT_OK(buf_append(&kext, entry, sizeof(entry), &e), &e);
	ASSERT_OK(try_link(&d, &kext, LOAD, &img, &e), &e);
	ASSERT_OK(macho_open(img.bytes.data, img.bytes.len, &m, &e), &e);
	CU_ASSERT_EQUAL(u64_at(&img, LOAD + s.addr), EXT);
	CU_ASSERT_EQUAL(u64_at(&img, LOAD + s.addr + 8), LOAD + 16);
	CU_ASSERT_TRUE(slides(&m, LOAD + s.addr + 8));
	CU_ASSERT_EQUAL(u64_at(&img, LOAD + s.addr + 16), 32);
	CU_ASSERT_FALSE(slides(&m, LOAD + s.addr + 16));
	macho_release(&m);
	kxld_image_release(&img);
	buf_release(&kext);
	deps_release(&d);
}

static void output_form(void)
{
	struct deps d = {.log = ""};
	struct kxld_image img;
	struct macho m;
	const char *path;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	export_to(&d, 0, "_ext", EXT, 0);
	link_asm(&d,
		 ".text\n.globl _f\n_f: callq _ext\n_l: retq\n.data\n" KMOD
		 ".quad _f\n.zerofill __DATA,__bss,_b,8192,3\n",
		 &img, &m);
	CU_ASSERT_EQUAL(m.filetype, MH_KEXT_BUNDLE);
	CU_ASSERT_EQUAL(m.flags, MH_NOUNDEFS);
	CU_ASSERT_EQUAL(m.segs[0].vmaddr, LOAD);
	CU_ASSERT_EQUAL(img.bytes.len % MACHO_PAGE, 0);
	CU_ASSERT_EQUAL(m.dysym.nundef, 0);
	CU_ASSERT_TRUE(m.has_uuid && img.has_uuid && !memcmp(m.uuid, img.uuid, 16));
	for (unsigned i = 0; i < m.nsegs; i++) /* file layout is memory layout */
		CU_ASSERT_EQUAL(m.segs[i].fileoff, m.segs[i].vmaddr - LOAD);
	CU_ASSERT_EQUAL(img.kmod_info, addr_of(&m, "_kmod_info"));
	CU_ASSERT_EQUAL(u64_at(&img, img.kmod_info + KMOD_OFF_ADDRESS), LOAD);
	CU_ASSERT_EQUAL(u64_at(&img, img.kmod_info + KMOD_OFF_SIZE), img.bytes.len);
	CU_ASSERT_EQUAL(u64_at(&img, img.kmod_info + KMOD_OFF_HDR_SIZE), 0);
	CU_ASSERT_EQUAL(u64_at(&img, addr_of(&m, "_b")), 0);
	path = darwin_file("linked", &img.bytes);
	if (!test_shell("command -v llvm-objdump >/dev/null")) {
		CU_ASSERT_EQUAL(
			test_shell("llvm-objdump --macho --private-headers '%s' | "
				   "grep -q 'filetype KEXTBUNDLE\\|KEXTBUNDLE'",
				   path),
			0);
		CU_ASSERT_EQUAL(test_shell("llvm-nm '%s' | grep -q '%llx T _f$'", path,
					   (unsigned long long)addr_of(&m, "_f")),
				0);
		CU_ASSERT_EQUAL(test_shell("test -z \"$(llvm-nm -u '%s')\"", path), 0);
		/* the disassembler sees the call go to the kernel */
		CU_ASSERT_EQUAL(
			test_shell(
				"llvm-objdump --macho -d '%s' | grep -q 'callq.*0x%llx'",
				path, (unsigned long long)EXT),
			0);
	}
	macho_release(&m);
	kxld_image_release(&img);
	deps_release(&d);
}

/* Linking @source must fail with @code, and with @want in the message. */
static void fails(struct deps *d, const char *lang, const char *source, uint64_t load,
		  enum err_code code, const char *want)
{
	struct buf kext = BUF_INIT;
	struct kxld_image img;
	struct err e = ERR_INIT;

	darwin_kext(lang, source, "", &kext);
	ASSERT_FAILS(try_link(d, &kext, load, &img, &e), code);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, want));
	if (!strstr(e.msg, want))
		test_note(__FILE__, __LINE__, want, &e);
	CU_ASSERT_PTR_NULL(img.bytes.data);
	buf_release(&kext);
}

static void messages(void)
{
	struct deps d = {.log = ""};

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	export_to(&d, 0, "_dup", EXT, 0);
	fails(&d, "s", ".text\ncallq _b\ncallq _a\n.data\n" KMOD, LOAD, E_NOTFOUND,
	      "The following symbols are unresolved for this kext:\n\t_a\n\t_b");
	fails(&d, "s", ".data\n.globl _dup\n_dup: .quad 0\n" KMOD, LOAD, E_EXISTS,
	      "The following symbols were defined more than once:\n"
	      "\t_dup: 0xffffff7f80a01000 - 0xffffff8000201230");
	fails(&d, "s", ".data\n.quad 0\n", LOAD, E_NOTFOUND,
	      "The kext is missing its kmod_info structure.");
	fails(&d, "s", ".text\ncallq _dup\n.data\n" KMOD, 0x100000000, E_OVERFLOW,
	      "A relocation entry has overflowed. The kext may be too far from one of "
	      "its "
	      "dependencies. Check your kext's load address.");
	fails(&d, "s", ".data\n" KMOD, LOAD + 8, E_INVAL, "is not page-aligned.");
	fails(&d, "s",
	      ".data\n.globl __ZN3Foo10superClassE\n__ZN3Foo10superClassE: .quad "
	      "0\n" KMOD,
	      LOAD, E_NOTFOUND,
	      "Cannot find the vtable '__ZTV3Foo' for class '3Foo'. This vtable symbol "
	      "is "
	      "required for binary compatibility, and it may have been stripped.");
	fails(&d, "s", ".data\n.weak_reference _w\n.quad _w\n" KMOD, LOAD, E_NOTFOUND,
	      "This kext has weak references but does not test for them.");
	deps_release(&d);
}

static void weak_and_obsolete(void)
{
	struct deps d = {.log = ""};
	struct kxld_image img;
	struct macho m;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	export_to(&d, 0, "_gOSKextUnresolved", DATA, 0);
	export_to(&d, 0, "_old", EXT, N_DESC_DISCARDED);
	export_to(&d, 0, "_twice", 1, 0);
	export_to(&d, 1, "_twice", EXT, 0);
	link_asm(&d,
		 ".data\n.globl _p,_q\n.weak_reference _w\n" KMOD
		 ".p2align 3\n_p: .quad _w\n_q: .quad _twice\n.quad _gOSKextUnresolved\n"
		 ".quad _old\n",
		 &img, &m);
	CU_ASSERT_EQUAL(u64_at(&img, addr_of(&m, "_p")), KXLD_WEAK_UNRESOLVED);
	CU_ASSERT_TRUE(slides(&m, addr_of(&m, "_p"))); /* as every pointer */
	CU_ASSERT_EQUAL(u64_at(&img, addr_of(&m, "_q")), EXT);
	CU_ASSERT_STRING_EQUAL(d.log,
			       "4 kxld[test]: Linking kext test\n"
			       "2 kxld[test]: This kext uses obsolete symbol _old.\n");
	macho_release(&m);
	kxld_image_release(&img);
	deps_release(&d);
}

/* Of the header's flags kxld writes its own; obsolete is what an interface calls so. */
static void what_is_not_taken_over(void)
{
	struct deps d = {.log = ""};
	struct buf kext = BUF_INIT;
	struct kxld_image img;
	struct kxld_exports x;
	struct macho m;
	struct err e = ERR_INIT;
	const size_t flags = offsetof(struct macho_header_raw, flags);

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	darwin_kext("s", ".data\n.globl _old\n_old: .quad 0\n.desc _old, 0x20\n" KMOD, "",
		    &kext);
	put_le32(kext.data + flags, 0x80); /* MH_TWOLEVEL */
	ASSERT_OK(try_link(&d, &kext, LOAD, &img, &e), &e);
	ASSERT_OK(macho_open(img.bytes.data, img.bytes.len, &m, &e), &e);
	CU_ASSERT_EQUAL(m.flags, MH_NOUNDEFS);
	ASSERT_OK(kxld_exports_image(&m, &x, &e), &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(symdict_get(&x.syms, "_old"));
	CU_ASSERT_EQUAL(symdict_get(&x.syms, "_old")->flags, 0);
	kxld_exports_release(&x);
	macho_release(&m);
	kxld_image_release(&img);
	buf_release(&kext);
	deps_release(&d);
}

static void own_kmod_info_beats_libkern(void)
{
	struct deps d = {.log = ""};
	struct kxld_image img;
	struct macho m;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	export_to(&d, 0, "_kmod_info", EXT, 0);
	link_asm(&d, ".data\n.globl _p\n" KMOD ".p2align 3\n_p: .quad _kmod_info\n", &img,
		 &m);
	CU_ASSERT_EQUAL(u64_at(&img, addr_of(&m, "_p")), img.kmod_info);
	macho_release(&m);
	kxld_image_release(&img);
	deps_release(&d);
}

/* Change a byte of a good kext and see what it is called. */
/* The message of a file of which @cut bytes are left: what does not fit, and where. */
static void check_truncated(const struct buf *good, size_t cut, const char *msg)
{
	static const char text[] = ": The Mach-O file has been truncated. Make sure the "
				   "Mach-O header structures are correct.";
	size_t head = sizeof(struct macho_header_raw) + get_le32(good->data + 20);
	struct err e = ERR_INIT;
	unsigned i;
	size_t off, at;
	uint32_t cmd, size;
	struct macho m;

	CU_ASSERT_PTR_NOT_NULL(strstr(msg, text));
	if (cut < sizeof(struct fat_header_raw)) {
		CU_ASSERT_EQUAL(strncmp(msg, "fat header at offset 0x0: ", 26), 0);
	} else if (cut < head) {
		CU_ASSERT_EQUAL(strncmp(msg, "Mach-O header at offset 0x0: ", 29), 0);
	} else {
		CU_ASSERT_EQUAL_FATAL(
			sscanf(msg, "load command %u at offset 0x%zx: ", &i, &off), 2);
		ASSERT_OK(macho_open(good->data, good->len, &m, &e), &e);
		macho_lc_at(&m, i, &cmd, &at, &size);
		CU_ASSERT_EQUAL(off, at);
		macho_release(&m);
	}
}

static void malformed(void)
{
	struct deps d = {.log = ""};
	struct buf good = BUF_INIT;
	struct macho m;
	struct err e = ERR_INIT;
	struct kxld_image img;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	darwin_kext("s", ".data\n" KMOD, "", &good);
	good.data[12] = MH_OBJECT;
	ASSERT_FAILS(try_link(&d, &good, LOAD, &img, &e), E_UNSUPPORTED);
	CU_ASSERT_STRING_EQUAL(
		e.msg,
		"The Mach-O filetype 0x1 is not supported on the target architecture.");
	good.data[12] = MH_KEXT_BUNDLE;
	ASSERT_OK(macho_open(good.data, good.len, &m, &e), &e);
	for (unsigned i = 0; i < m.ncmds; i++) {
		uint32_t cmd, size;
		size_t off;

		macho_lc_at(&m, i, &cmd, &off, &size);
		if (cmd != LC_UUID)
			continue;
		put_le32(good.data + off, 0x80000034); /* LC_DYLD_CHAINED_FIXUPS */
		ASSERT_FAILS(try_link(&d, &good, LOAD, &img, &e), E_UNSUPPORTED);
		CU_ASSERT_STRING_EQUAL(
			e.msg, "The Mach-O file is malformed: Invalid load command type "
			       "in MH_KEXT_BUNDLE kext: 2147483700.");
		put_le32(good.data + off, LC_UNIXTHREAD);
		ASSERT_FAILS(try_link(&d, &good, LOAD, &img, &e), E_UNSUPPORTED);
		CU_ASSERT_STRING_EQUAL(
			e.msg, "The Mach-O file is malformed: LC_UNIXTHREAD/LC_MAIN "
			       "segment is not valid in a kext.");
		put_le32(good.data + off, LC_UUID);
	}
	macho_release(&m);
	for (size_t cut = 0; cut < good.len; cut += 1 + cut / 40) {
		ASSERT_FAILS(macho_open(good.data, cut, &m, &e), E_CORRUPT);
		check_truncated(&good, cut, e.msg);
	}
	buf_release(&good);
	deps_release(&d);
}

/* Bytes of a good kext are changed at random: no crash, no endless loop. */
static void noise(void)
{
	struct deps d = {.log = ""};
	struct buf good = BUF_INIT, bad = BUF_INIT;
	struct err e = ERR_INIT;
	uint32_t rng = 12345;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	export_to(&d, 0, "_ext", EXT, 0);
	darwin_kext("s",
		    ".text\ncallq _ext\nmovq _ext@GOTPCREL(%rip), %rax\n.data\n" KMOD
		    ".quad _ext\n.quad _kmod_info\n",
		    "", &good);
	for (int i = 0; i < 3000; i++) {
		struct kxld_image img;

		buf_clear(&bad);
		ASSERT_OK(buf_append(&bad, good.data, good.len, &e), &e);
		for (int n = 0; n < 3; n++) {
			rng = rng * 1664525 + 1013904223;
			bad.data[(rng >> 8) % (i & 1 ? 1000 : bad.len)] =
				(uint8_t)(rng >> 24);
		}
		d.log[0] = '\0';
		if (!try_link(&d, &bad, LOAD, &img, &e))
			kxld_image_release(&img);
	}
	buf_release(&good);
	buf_release(&bad);
	deps_release(&d);
}

TEST_MAIN("kxld", {"displacements of every kind", pc_relative},
	  {"global offset table", got}, {"pointers and differences", pointers},
	  {"a difference of two other images' symbols", difference_with_externals},
	  {"pointers through the indirect symbol table", indirect_pointers},
	  {"what comes out is a kext in place", output_form},
	  {"what cannot be linked is said in kxld's words", messages},
	  {"weak references, obsolete and repeated symbols", weak_and_obsolete},
	  {"what is not taken over", what_is_not_taken_over},
	  {"a kext's own kmod_info", own_kmod_info_beats_libkern},
	  {"malformed kexts", malformed}, {"noise does no harm", noise})
