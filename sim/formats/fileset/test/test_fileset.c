/* SPDX-License-Identifier: MIT */
/* Collections that are not what they should be, made from a small good one. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "sim/base/test.h"
#include "sim/formats/fileset/build.h"
#include "sim/formats/macho/objlink.h"
#include "sim/formats/macho/test/darwin_cc.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/kpi/kpi.h"

/* Two kexts, the second of which calls the first. */
static const char first_source[] =
	"struct { int head[4]; char name[64], version[64]; int rest[13]; } kmod_info = "
	"{\n"
	"  .head = {0, 0, 1, 0}, .name = \"com.example.first\", .version = \"1.0\" };\n"
	"int printf(const char *, ...); int first(int x) { return printf(\"%d\", x); }\n"
	"int (*first_pointer)(int) = first;\n";
static const char second_source[] =
	"struct { int head[4]; char name[64], version[64]; int rest[13]; } kmod_info = "
	"{\n"
	"  .head = {0, 0, 1, 0}, .name = \"com.example.second\", .version = \"2.0\" };\n"
	"int first(int); int second(int x) { return first(x) + 1; }\n"
	"int (*second_pointer)(int) = first;\n";

struct parts {
	struct buf kernel, iface, exe[2];
	plist_t info[3]; /* com.apple.kpi.libkern, the two kexts */
	struct buf kc;
};

static plist_t info_of(const char *id, const char *version, bool interface,
		       const char *library)
{
	plist_t d = plist_new_dict(), libs;

	plist_dict_set_item(d, "CFBundleIdentifier", plist_new_string(id));
	plist_dict_set_item(d, "CFBundleVersion", plist_new_string(version));
	if (interface)
		plist_dict_set_item(d, "OSKernelResource", plist_new_bool(1));
	if (library) {
		libs = plist_new_dict();
		plist_dict_set_item(libs, library, plist_new_string("1.0"));
		plist_dict_set_item(d, "OSBundleLibraries", libs);
	}
	return d;
}

static void make_kext(const char *source, const char *flags, struct buf *exe)
{
	struct buf obj = BUF_INIT;
	struct objlink_input in = {.name = "kext.o"};
	struct err e = ERR_INIT;

	darwin_cc("c", source, flags, &obj);
	in.data = obj.data;
	in.len = obj.len;
	ASSERT_OK(objlink_split(&in, 1, true, exe, &e), &e);
	buf_release(&obj);
}

static int build(struct parts *p, const struct machine_model *m, struct err *e)
{
	static const size_t needs_kpi[] = {0}, needs_first[] = {0, 1};
	const struct kext_input input[] = {
		{.info = p->info[0],
		 .exec = p->iface.data,
		 .exec_len = p->iface.len,
		 .bundle_path = "/S/Libkern.kext",
		 .exec_rel_path = "Libkern"},
		{.info = p->info[1],
		 .exec = p->exe[0].data,
		 .exec_len = p->exe[0].len,
		 .bundle_path = "/S/First.kext",
		 .exec_rel_path = "Contents/MacOS/First",
		 .deps = needs_kpi,
		 .n_deps = 1},
		{.info = p->info[2],
		 .exec = p->exe[1].data,
		 .exec_len = p->exe[1].len,
		 .bundle_path = "/S/Second.kext",
		 .exec_rel_path = "Contents/MacOS/Second",
		 .deps = needs_first,
		 .n_deps = 2},
	};
	const struct fileset_request rq = {
		.kind = FILESET_PRIMARY,
		.arch = macho_arch(m->arch),
		.kernel = p->kernel.data,
		.kernel_len = p->kernel.len,
		.kext = input,
		.n_kexts = 3,
	};

	return fileset_build(&rq, &p->kc, e);
}

static void make_parts(struct parts *p, const char *machine)
{
	const struct machine_model *m = machine_by_name(machine);
	const struct release *r = release_by_name("12.1");
	const char *flags = m->apple_silicon ? "-target arm64e-apple-macos12" : "";
	struct err e = ERR_INIT;

	memset(p, 0, sizeof(*p));
	ASSERT_OK(kernel_standin_build_for(r, m, &p->kernel, &e), &e);
	ASSERT_OK(kpi_interface_build(r, "com.apple.kpi.libkern", &p->iface, &e), &e);
	make_kext(first_source, flags, &p->exe[0]);
	make_kext(second_source, flags, &p->exe[1]);
	p->info[0] = info_of("com.apple.kpi.libkern", "21.2.0", true, NULL);
	p->info[1] = info_of("com.example.first", "1.0", false, "com.apple.kpi.libkern");
	p->info[2] = info_of("com.example.second", "2.0", false, "com.example.first");
	ASSERT_OK(build(p, m, &e), &e);
}

static void parts_release(struct parts *p)
{
	buf_release(&p->kernel);
	buf_release(&p->iface);
	buf_release(&p->kc);
	for (int i = 0; i < 2; i++)
		buf_release(&p->exe[i]);
	for (int i = 0; i < 3; i++)
		plist_free(p->info[i]);
}

static int open_as(const struct buf *kc, enum macho_cpu cpu, struct err *e)
{
	struct fileset f;
	int r = fileset_open(kc->data, kc->len, macho_arch(cpu), &f, e);

	if (!r)
		fileset_release(&f);
	return r;
}

static void a_good_one_opens(void)
{
	struct parts p;
	struct fileset f;
	struct err e = ERR_INIT;
	const struct kext_entry *k;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	make_parts(&p, "m1");
	ASSERT_OK(fileset_open(p.kc.data, p.kc.len, macho_arch(MACHO_ARM64E), &f, &e),
		  &e);
	CU_ASSERT_TRUE(f.has_kernel);
	CU_ASSERT_EQUAL(f.n_kexts, 3);
	k = fileset_find(&f, "com.example.second");
	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	CU_ASSERT_TRUE(k->has_code && k->has_uuid);
	CU_ASSERT_STRING_EQUAL(k->version, "2.0");
	CU_ASSERT_EQUAL(get_le32(p.kc.data + k->head), MACHO_MAGIC_64);
	CU_ASSERT_FALSE(fileset_find(&f, "com.apple.kpi.libkern")->has_code);
	ASSERT_FAILS(fileset_check_links(&f, f.kcid, NULL, &e), E_CORRUPT);
	fileset_release(&f);
	/* it is not for Intel, and nothing but a collection is one */
	ASSERT_FAILS(open_as(&p.kc, MACHO_X86_64, &e), E_UNSUPPORTED);
	ASSERT_FAILS(open_as(&p.kernel, MACHO_ARM64E, &e), E_UNSUPPORTED);
	parts_release(&p);
}

static void a_request_without_sense_is_refused(void)
{
	struct parts p;
	struct err e = ERR_INIT;
	static const size_t itself[] = {0};
	struct kext_input input = {.bundle_path = "/S/First.kext", .deps = itself};
	struct fileset_request rq = {.kind = FILESET_AUXILIARY,
				     .arch = macho_arch(MACHO_X86_64)};
	struct buf out = BUF_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	make_parts(&p, "intel");
	ASSERT_FAILS(fileset_build(&rq, &out, &e), E_INVAL); /* against which kernel? */
	rq.kind = FILESET_PRIMARY;
	ASSERT_FAILS(fileset_build(&rq, &out, &e), E_INVAL); /* where is the kernel? */
	rq.kernel = p.kernel.data;
	rq.kernel_len = p.kernel.len;
	rq.kext = &input;
	rq.n_kexts = input.n_deps = 1;
	input.info = p.info[1];
	ASSERT_FAILS(fileset_build(&rq, &out, &e), E_INVAL); /* needs itself */
	input.n_deps = 0;
	input.exec = p.exe[1].data; /* calls first(), which nobody has */
	input.exec_len = p.exe[1].len;
	ASSERT_FAILS(fileset_build(&rq, &out, &e), E_NOTFOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "_first"));
	CU_ASSERT_EQUAL(out.len, 0);
	parts_release(&p);
}

/* ---- damage ---- */

/* Offset of load command number @n of type @cmd. */
static size_t command(const struct buf *kc, uint32_t cmd, unsigned n)
{
	size_t off = sizeof(struct macho_header_raw);
	uint32_t ncmds = get_le32(kc->data + 16);

	for (uint32_t i = 0; i < ncmds; i++) {
		if (get_le32(kc->data + off) == cmd && !n--)
			return off;
		off += get_le32(kc->data + off + 4);
	}
	CU_FAIL_FATAL("no such load command");
	return 0;
}

/* Where the Mach-O header of entry @n is. */
static size_t entry_head(const struct buf *kc, unsigned n)
{
	return (size_t)get_le64(kc->data + command(kc, LC_FILESET_ENTRY, n) + 16);
}

static size_t find(const struct buf *kc, const char *text)
{
	const uint8_t *p = memmem(kc->data, kc->len, text, strlen(text));

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	return (size_t)(p - kc->data);
}

static void no_end_of_name(struct buf *kc)
{
	size_t off = command(kc, LC_FILESET_ENTRY, 1);

	memset(kc->data + off + 32, 'x', get_le32(kc->data + off + 4) - 32);
}
static void name_outside(struct buf *kc)
{
	put_le32(kc->data + command(kc, LC_FILESET_ENTRY, 1) + 24, 0x10000);
}
static void entry_outside(struct buf *kc)
{
	put_le64(kc->data + command(kc, LC_FILESET_ENTRY, 1) + 16, 1ull << 40);
}
static void entry_elsewhere(struct buf *kc)
{
	uint8_t *at = kc->data + command(kc, LC_FILESET_ENTRY, 1) + 8;

	put_le64(at, get_le64(at) + 0x1000);
}
static void entries_swapped(struct buf *kc)
{
	uint8_t *a = kc->data + command(kc, LC_FILESET_ENTRY, 1) + 8;
	uint8_t *b = kc->data + command(kc, LC_FILESET_ENTRY, 2) + 8;
	uint8_t t[16];

	memcpy(t, a, 16);
	memcpy(a, b, 16);
	memcpy(b, t, 16);
}
static void entry_twice(struct buf *kc)
{
	memcpy(kc->data + command(kc, LC_FILESET_ENTRY, 2) + 8,
	       kc->data + command(kc, LC_FILESET_ENTRY, 1) + 8, 16);
	memcpy(kc->data + command(kc, LC_FILESET_ENTRY, 2) + 32, "com.example.first\0\0",
	       19);
}
static void other_filetype(struct buf *kc)
{
	put_le32(kc->data + entry_head(kc, 1) + 12, MH_EXECUTE);
}
static void other_uuid(struct buf *kc)
{
	kc->data[command(kc, LC_UUID, 0) + 8] ^= 1;
}
static void other_kmod_address(struct buf *kc)
{
	size_t at = entry_head(kc, 1);

	/* found by its name and version, which stand elsewhere, too, but not together */
	for (at = kc->len; at--;)
		if (!memcmp(kc->data + at, "com.example.first", 17) &&
		    !memcmp(kc->data + at + 64, "1.0", 4)) {
			kc->data[at - KMOD_OFF_NAME + KMOD_OFF_ADDRESS] ^= 1;
			return;
		}
	CU_FAIL_FATAL("no kmod_info");
}
static void segment_outside(struct buf *kc)
{
	uint8_t *at = kc->data + entry_head(kc, 1) + sizeof(struct macho_header_raw) + 24;

	put_le64(at, get_le64(at) + 0x10000000); /* vmaddr of __TEXT */
}
static void broken_xml(struct buf *kc)
{
	memcpy(kc->data + find(kc, "<plist"), "<pl!st", 6);
}
static void other_address(struct buf *kc)
{
	size_t at = find(kc, "_PrelinkExecutableLoadAddr");

	at += find(&(struct buf){.data = kc->data + at, .len = kc->len - at},
		   "</integer>");
	kc->data[at - 1] ^= 1; /* the last digit */
}
static void library_missing(struct buf *kc)
{
	size_t at = find(kc, "OSBundleLibraries");

	at += find(&(struct buf){.data = kc->data + at, .len = kc->len - at},
		   "com.apple.kpi.libkern");
	kc->data[at] = 'k';
}
static void chain_leaves_page(struct buf *kc)
{
	size_t table = get_le32(kc->data + command(kc, LC_DYLD_CHAINED_FIXUPS, 0) + 8);
	uint32_t size = get_le32(kc->data + command(kc, LC_DYLD_CHAINED_FIXUPS, 0) + 12);

	for (size_t at = table + size - 2; at > table; at -= 2)
		if (get_le16(kc->data + at) != FIXUPS_NO_START &&
		    get_le16(kc->data + at)) {
			put_le16(kc->data + at, 0xfffe);
			return;
		}
	CU_FAIL_FATAL("no chain");
}
static void fixups_of_a_version_to_come(struct buf *kc)
{
	kc->data[get_le32(kc->data + command(kc, LC_DYLD_CHAINED_FIXUPS, 0) + 8)] = 1;
}
static void fixups_outside(struct buf *kc)
{
	put_le32(kc->data + command(kc, LC_DYLD_CHAINED_FIXUPS, 0) + 12, 0x7fffffff);
}

static void other_pointer_format(struct buf *kc)
{
	size_t table = get_le32(kc->data + command(kc, LC_DYLD_CHAINED_FIXUPS, 0) + 8);
	size_t image = table + get_le32(kc->data + table + 4), i = 0;

	while (!get_le32(kc->data + image + 4 + 4 * i)) /* the first that has some */
		i++;
	put_le16(kc->data + image + get_le32(kc->data + image + 4 + 4 * i) + 6, 12);
}

static const struct {
	void (*damage)(struct buf *kc);
	const char *message; /* a part of it */
} damages[] = {
	{no_end_of_name, "entry_id"},
	{name_outside, "entry_id"},
	{entry_outside, "com.example.first: fileoff"},
	{entry_elsewhere, "com.example.first: vmaddr"},
	{entries_swapped, "_PrelinkExecutableLoadAddr"},
	{entry_twice, "two entries com.example.first"},
	{other_filetype, "com.example.first: Mach-O filetype 0x2"},
	{other_uuid, "_PrelinkKCID"},
	{other_kmod_address, "com.example.first: kmod_info is another kext's"},
	{segment_outside, "com.example.first"},
	{broken_xml, "__PRELINK_INFO,__info"},
	{other_address, "_PrelinkExecutableLoadAddr"},
	{library_missing, "com.example.first needs kom.apple.kpi.libkern"},
	{chain_leaves_page, "a chain leaves its page"},
	{fixups_of_a_version_to_come, "fixups of version 1"},
	{fixups_outside, "fixups are outside the file"},
	{other_pointer_format, "pointer format"},
};

static void damage_is_found_and_named(void)
{
	static const struct {
		const char *machine;
		enum macho_cpu cpu;
	} kinds[] = {{"intel", MACHO_X86_64}, {"m1", MACHO_ARM64E}};

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	for (size_t k = 0; k < 2; k++) {
		struct parts p;

		make_parts(&p, kinds[k].machine);
		for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
			struct buf copy = BUF_INIT;
			struct err e = ERR_INIT;

			ASSERT_OK(buf_append(&copy, p.kc.data, p.kc.len, &e), &e);
			damages[i].damage(&copy);
			ASSERT_FAILS(open_as(&copy, kinds[k].cpu, &e), E_CORRUPT);
			if (!strstr(e.msg, damages[i].message))
				test_note(__FILE__, __LINE__, damages[i].message, &e);
			CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, damages[i].message));
			buf_release(&copy);
		}
		parts_release(&p);
	}
}

static int keep_first(void *arg, uint64_t addr, enum fixups_level level, uint64_t target,
		      bool authenticated, struct err *e)
{
	uint64_t *first = arg;

	(void)level;
	(void)target;
	(void)authenticated;
	(void)e;
	if (!*first)
		*first = addr;
	return 0;
}

/* Offset of the first pointer of the chains. */
static size_t first_pointer(const struct buf *kc)
{
	uint32_t off, size;
	uint64_t addr = 0;
	struct macho m;
	struct err e = ERR_INIT;
	size_t at = 0;

	ASSERT_OK(macho_open(kc->data, kc->len, &m, &e), &e);
	CU_ASSERT_TRUE_FATAL(fixups_find(&m, &off, &size));
	ASSERT_OK(fixups_walk(&m, off, size, keep_first, &addr, &e), &e);
	for (unsigned i = 0; i < m.nsegs; i++)
		if (addr >= m.segs[i].vmaddr &&
		    addr - m.segs[i].vmaddr < m.segs[i].filesize)
			at = m.segs[i].fileoff + (addr - m.segs[i].vmaddr);
	macho_release(&m);
	CU_ASSERT_TRUE_FATAL(at);
	return at;
}

/* A pointer that is signed, which no kernel of Intel follows, and ones to nowhere. */
static void pointers_of_intel(void)
{
	static const struct {
		uint64_t bits;
		const char *message;
	} rows[] = {{1ull << 63, "Unexpected authenticated fixup at 0x"},
		    {2ull << 30, "leaves the collection"},
		    {0x3fffffff, "leaves the collection"}};
	struct parts p;
	size_t at;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	make_parts(&p, "intel");
	at = first_pointer(&p.kc);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint64_t was = get_le64(p.kc.data + at);
		struct err e = ERR_INIT;

		put_le64(p.kc.data + at, was | rows[i].bits);
		ASSERT_FAILS(open_as(&p.kc, MACHO_X86_64, &e), E_CORRUPT);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, rows[i].message));
		put_le64(p.kc.data + at, was);
	}
	parts_release(&p);
}

static void a_cut_file_is_refused(void)
{
	struct parts p;
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	make_parts(&p, "m1");
	for (size_t len = 0; len < p.kc.len; len += 1 + len / 7) {
		const struct buf cut = {.data = p.kc.data, .len = len};

		CU_ASSERT_NOT_EQUAL(open_as(&cut, MACHO_ARM64E, &e), 0);
	}
	parts_release(&p);
}

/* Whatever a byte is changed to: it opens or it does not, and the sanitizers are quiet.
 */
static void stray_bytes_do_no_harm(void)
{
	struct parts p;
	unsigned seed = 7;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	make_parts(&p, "intel");
	for (unsigned i = 0; i < 3000; i++) {
		/* half of them in load commands, where most can go wrong */
		size_t range = i % 2 ? 0x1000 : p.kc.len;
		size_t at;
		uint8_t was;
		struct err e = ERR_INIT;

		seed = seed * 1664525 + 1013904223;
		at = (size_t)(seed >> 4) % range;
		was = p.kc.data[at];
		p.kc.data[at] = (uint8_t)(seed >> 24);
		(void)!open_as(&p.kc, MACHO_X86_64, &e);
		p.kc.data[at] = was;
	}
	parts_release(&p);
}

TEST_MAIN("fileset", {"a good collection opens", a_good_one_opens},
	  {"a request without sense is refused", a_request_without_sense_is_refused},
	  {"damage is found and named", damage_is_found_and_named},
	  {"pointers of Intel", pointers_of_intel},
	  {"a file that is cut off is refused", a_cut_file_is_refused},
	  {"stray bytes do no harm", stray_bytes_do_no_harm})
