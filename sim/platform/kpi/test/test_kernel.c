/* SPDX-License-Identifier: MIT */
/* The stand-in kernel, System.kext, and a prelinked kernel of them and fixture kexts. */
#define _GNU_SOURCE /* memmem */
#include "sim/base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/formats/macho/kxld.h"
#include "sim/formats/macho/test/darwin_cc.h"
#include "sim/formats/prelink/ioxml.h"
#include "sim/formats/prelink/prelink.h"
#include "sim/platform/kpi/kpi.h"

#define FIXTURES "scenarios/fixtures/src/"

static void build_kernel(const char *release, struct buf *out)
{
	struct err e = ERR_INIT;

	ASSERT_OK(kernel_standin_build(release_by_name(release), out, &e), &e);
}

static void kernel_form(void)
{
	struct buf k = BUF_INIT, again = BUF_INIT, later = BUF_INIT;
	struct err e = ERR_INIT;
	struct macho m, m2;
	struct macho_symbol s;
	static const char want[] = "Darwin Kernel Version 19.0.0: ";

	build_kernel("10.15.0", &k);
	build_kernel("10.15.0", &again);
	build_kernel("10.15.1", &later);
	CU_ASSERT_EQUAL(k.len, again.len);
	CU_ASSERT_EQUAL(memcmp(k.data, again.data, k.len), 0);
	ASSERT_OK(macho_open(k.data, k.len, &m, &e), &e);
	ASSERT_OK(macho_open(later.data, later.len, &m2, &e), &e);
	CU_ASSERT_NOT_EQUAL(memcmp(m.uuid, m2.uuid, 16), 0);
	CU_ASSERT_EQUAL(m.filetype, MH_EXECUTE);
	CU_ASSERT_EQUAL(macho_segment(&m, "__TEXT")->vmaddr, 0xffffff8000200000);
	CU_ASSERT_EQUAL(macho_segment(&m, "__PRELINK_TEXT")->filesize, 0);
	CU_ASSERT_PTR_NOT_NULL(macho_section(&m, "__PRELINK_INFO", "__info"));
	CU_ASSERT_TRUE(m.has_dysymtab);
	ASSERT_OK(macho_find_defined(&m, "_version", &s, &e), &e);
	{
		const struct macho_section *sect = macho_section_at(&m, s.value);
		const char *text =
			(const char *)m.data + sect->offset + (s.value - sect->addr);

		CU_ASSERT_EQUAL(strncmp(text, want, strlen(want)), 0);
		CU_ASSERT_PTR_NOT_NULL(
			strstr(text, "root:xnu-6153.11.26/RELEASE_X86_64"));
	}
	macho_release(&m);
	macho_release(&m2);
	buf_release(&k);
	buf_release(&again);
	buf_release(&later);
}

static void kernel_symbols_differ(void)
{
	struct buf k = BUF_INIT;
	const char *path;

	build_kernel("10.15.0", &k);
	path = darwin_file("kernel", &k);
	buf_release(&k);
	if (test_shell("command -v llvm-nm >/dev/null"))
		TEST_SKIP("no llvm-nm");
	CU_ASSERT_EQUAL(
		test_shell("llvm-objdump --macho --private-headers '%s' >/dev/null",
			   path),
		0);
	CU_ASSERT_EQUAL(test_shell("test $(llvm-nm '%s' | wc -l) -eq 5865 || "
				   "{ llvm-nm '%s' | wc -l; false; }",
				   path, path),
			0);
	CU_ASSERT_EQUAL(
		test_shell("test -z \"$(llvm-nm '%s' | cut -d' ' -f1 | sort | uniq -d)\"",
			   path),
		0);
}

/* The kexts of a test kernel, dependencies first. */
enum { K_LIBKERN, K_BSD, K_MACH, K_FILTER, K_LIB, K_HELPER, N_KEXTS };

struct set {
	struct buf kernel, exe[N_KEXTS];
	struct kext_input kext[N_KEXTS];
	size_t dep[N_KEXTS][4];
};

static plist_t info(const char *id, const char *more)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	plist_t p = NULL;

	ASSERT_OK(
		buf_printf(&b, &e,
			   "<plist><dict><key>CFBundleIdentifier</key><string>%s</string>"
			   "<key>CFBundleVersion</key><string>1.0</string>"
			   "<key>IOKitPersonalities</key><dict><key>x</key><dict/></dict>"
			   "%s</dict></plist>",
			   id, more),
		&e);
	plist_from_xml(buf_str(&b), (uint32_t)b.len, &p);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	buf_release(&b);
	return p;
}

static void add(struct set *s, int i, const char *id, const char *more, size_t n_deps,
		const size_t *deps)
{
	struct kext_input *k = &s->kext[i];

	memcpy(s->dep[i], deps, n_deps * sizeof(*deps));
	*k = (struct kext_input){
		.info = info(id, more),
		.exec = s->exe[i].data,
		.exec_len = s->exe[i].len,
		.bundle_path = id,
		.exec_rel_path = "Contents/MacOS/X",
		.deps = s->dep[i],
		.n_deps = n_deps,
	};
}

#define KERNEL_PART "<key>OSKernelResource</key><true/>"
#define LIBS(x)	    "<key>OSBundleLibraries</key><dict>" x "</dict>"
#define LIB(id)	    "<key>" id "</key><string>1.0</string>"

static void make_set(struct set *s)
{
	static const size_t three[] = {K_LIBKERN, K_BSD, K_MACH},
			    two[] = {K_LIBKERN, K_LIB};
	const struct release *r = release_by_name("10.15.0");
	struct err e = ERR_INIT;
	char flags[4096];

	memset(s, 0, sizeof(*s));
	build_kernel("10.15.0", &s->kernel);
	ASSERT_OK(kpi_interface_build(r, "com.apple.kpi.libkern", &s->exe[K_LIBKERN], &e),
		  &e);
	ASSERT_OK(kpi_interface_build(r, "com.apple.kpi.bsd", &s->exe[K_BSD], &e), &e);
	ASSERT_OK(kpi_interface_build(r, "com.apple.kpi.mach", &s->exe[K_MACH], &e), &e);
	darwin_kext(NULL, FIXTURES "ExampleFilter.c", "-DVERSION='\"1.0\"'",
		    &s->exe[K_FILTER]);
	/* of another size than the others, so that no number of its entry is shared */
	snprintf(flags, sizeof(flags), "-DVERSION='\"1.0\"' -I'%s'",
		 test_source(FIXTURES));
	darwin_kext("c", "#include \"ExampleLib.c\"\nint padding[3000] = {1};\n", flags,
		    &s->exe[K_LIB]);
	darwin_kext(NULL, FIXTURES "ExampleHelper.c", "-DVERSION='\"1.0\"'",
		    &s->exe[K_HELPER]);
	add(s, K_LIBKERN, "com.apple.kpi.libkern", KERNEL_PART, 0, three);
	add(s, K_BSD, "com.apple.kpi.bsd", KERNEL_PART, 0, three);
	add(s, K_MACH, "com.apple.kpi.mach", KERNEL_PART, 0, three);
	add(s, K_FILTER, "com.example.filter",
	    "<key>OSBundleRequired</key><string>Root</string>" LIBS(
		    LIB("com.apple.kpi.bsd") LIB("com.apple.kpi.libkern")
			    LIB("com.apple.kpi.mach")),
	    3, three);
	add(s, K_LIB, "com.example.lib", LIBS(LIB("com.apple.kpi.libkern")), 1, two);
	add(s, K_HELPER, "com.example.helper",
	    LIBS(LIB("com.example.other")) "<key>OSBundleLibraries_x86_64</"
					   "key><dict>" LIB("com.apple.kpi.libkern")
						   LIB("com.example.lib") "</dict>",
	    2, two);
}

static void release_set(struct set *s)
{
	for (int i = 0; i < N_KEXTS; i++) {
		buf_release(&s->exe[i]);
		plist_free(s->kext[i].info);
	}
	buf_release(&s->kernel);
}

static char log_text[8192];

static void keep_line(void *arg, enum clog_level level, const char *text)
{
	size_t n = strlen(log_text);

	(void)arg;
	snprintf(log_text + n, sizeof(log_text) - n, "%d %s\n", (int)level, text);
}

static int build(const struct set *s, bool need_all, struct prelink_result *res,
		 struct err *e)
{
	static const struct component_log log = {.line = keep_line, .max = CLOG_BASIC};
	struct prelink_request rq = {
		.kernel = s->kernel.data,
		.kernel_len = s->kernel.len,
		.kext = s->kext,
		.n_kexts = N_KEXTS,
		.need_all = need_all,
		.log = &log,
	};

	log_text[0] = '\0';
	return prelink_build(&rq, res, e);
}

/* Segments and addresses as the reference lays them down, computed here again. */
static void prelink_layout(void)
{
	struct set s;
	struct prelink_result res;
	struct err e = ERR_INIT;
	struct macho k, m;
	const struct macho_segment *text, *inf;
	uint64_t end = 0;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	make_set(&s);
	ASSERT_OK(build(&s, false, &res, &e), &e);
	ASSERT_OK(macho_open(s.kernel.data, s.kernel.len, &k, &e), &e);
	ASSERT_OK(macho_open(res.macho.data, res.macho.len, &m, &e), &e);
	CU_ASSERT_STRING_EQUAL(log_text, "");
	CU_ASSERT_TRUE(res.kaslr);
	CU_ASSERT_EQUAL(m.ncmds, k.ncmds);
	for (unsigned i = 0; i < k.nsegs; i++)
		if (k.segs[i].vmaddr + k.segs[i].vmsize > end)
			end = k.segs[i].vmaddr + k.segs[i].vmsize;
	text = macho_segment(&m, "__PRELINK_TEXT");
	inf = macho_segment(&m, "__PRELINK_INFO");
	CU_ASSERT_EQUAL(text->vmaddr, (end + 4095) & ~4095ull);
	CU_ASSERT_EQUAL(text->fileoff, (s.kernel.len + 4095) & ~4095ull);
	CU_ASSERT_EQUAL(text->vmsize, text->filesize);
	CU_ASSERT_EQUAL(inf->vmaddr, text->vmaddr + text->vmsize);
	CU_ASSERT_EQUAL(inf->fileoff, text->fileoff + text->filesize);
	CU_ASSERT_EQUAL(res.macho.len % 4096, 0);
	CU_ASSERT_EQUAL(strlen((const char *)m.data + inf->fileoff) + 1, inf->filesize);
	CU_ASSERT_EQUAL(memcmp(m.data + inf->fileoff, "<dict>", 6), 0);
	CU_ASSERT_EQUAL(res.outcome[K_BSD], PRELINK_NO_CODE);
	CU_ASSERT_EQUAL(res.outcome[K_HELPER], PRELINK_LINKED);
	if (!test_shell("command -v llvm-objdump >/dev/null"))
		CU_ASSERT_EQUAL(
			test_shell("llvm-objdump --macho --private-headers '%s' | "
				   "grep -q 'segname __PRELINK_INFO'",
				   darwin_file("plk", &res.macho)),
			0);
	macho_release(&k);
	macho_release(&m);
	prelink_result_release(&res);
	release_set(&s);
}

/* The helper's calls and pointers lead into the linked library. */
/* KPIs have a place and addresses as well; what they are is their file. */
static void interfaces_lie_there(const struct set *s, const struct prelink *p)
{
	const struct kext_entry *k = prelink_find(p, "com.apple.kpi.bsd");
	const struct macho_segment *text = macho_segment(&p->m, "__PRELINK_TEXT");

	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	CU_ASSERT_TRUE(k->is_interface && k->placed && !k->has_code);
	CU_ASSERT_EQUAL_FATAL(k->size, s->exe[K_BSD].len);
	CU_ASSERT_EQUAL(k->load_addr % MACHO_PAGE, 0);
	CU_ASSERT_EQUAL(k->kmod_info, 0);
	CU_ASSERT_PTR_NOT_NULL(plist_dict_get_item(k->info, "_PrelinkKmodInfo"));
	CU_ASSERT_EQUAL(
		memcmp(p->m.data + text->fileoff + (k->source_addr - text->vmaddr),
		       s->exe[K_BSD].data, k->size),
		0);
}

static void helper_is_bound_to_lib(void)
{
	struct set s;
	struct prelink_result res;
	struct prelink p;
	struct err e = ERR_INIT;
	struct buf file = BUF_INIT;
	const struct kext_entry *lib, *helper;
	struct macho ml, mh;
	struct macho_symbol reg, enter;
	const struct macho_segment *text;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	make_set(&s);
	/* a variable pointer, so that the compiler does not look through it */
	buf_release(&s.exe[K_HELPER]);
	darwin_kext(NULL, FIXTURES "ExampleHelper.c",
		    "-DVERSION='\"1.0\"' -O0 -Dconst=volatile", &s.exe[K_HELPER]);
	s.kext[K_HELPER].exec = s.exe[K_HELPER].data;
	s.kext[K_HELPER].exec_len = s.exe[K_HELPER].len;
	ASSERT_OK(build(&s, true, &res, &e), &e);
	ASSERT_OK(prelink_pack(res.macho.data, res.macho.len, PRELINK_LZVN, true, &file,
			       &e),
		  &e);
	ASSERT_OK(prelink_open(file.data, file.len, &p, &e), &e);
	CU_ASSERT_EQUAL(p.compression, PRELINK_LZVN);
	CU_ASSERT_EQUAL(p.n_kexts, N_KEXTS);
	CU_ASSERT_EQUAL(memcmp(p.kcid, res.kcid, 16), 0);
	lib = prelink_find(&p, "com.example.lib");
	helper = prelink_find(&p, "com.example.helper");
	CU_ASSERT_TRUE_FATAL(lib && helper && lib->has_code && helper->has_code);
	CU_ASSERT_STRING_EQUAL(lib->version, "1.0");
	CU_ASSERT_STRING_EQUAL(lib->exec_rel_path, "Contents/MacOS/X");
	text = macho_segment(&p.m, "__PRELINK_TEXT");
	ASSERT_OK(macho_open(p.m.data + text->fileoff + (lib->source_addr - text->vmaddr),
			     lib->size, &ml, &e),
		  &e);
	ASSERT_OK(macho_open(p.m.data + text->fileoff +
				     (helper->source_addr - text->vmaddr),
			     helper->size, &mh, &e),
		  &e);
	ASSERT_OK(macho_find_defined(&ml, "_example_lib_register", &reg, &e), &e);
	ASSERT_OK(macho_find_defined(&mh, "_enter", &enter, &e), &e);
	CU_ASSERT_EQUAL(get_le64(mh.data + (enter.value - helper->load_addr)), reg.value);
	/* rules for personalities and interfaces */
	CU_ASSERT_PTR_NULL(plist_dict_get_item(lib->info, "IOKitPersonalities"));
	CU_ASSERT_PTR_NOT_NULL(plist_dict_get_item(
		prelink_find(&p, "com.example.filter")->info, "IOKitPersonalities"));
	CU_ASSERT_TRUE(prelink_find(&p, "com.apple.kpi.bsd")->has_uuid);
	interfaces_lie_there(&s, &p);
	macho_release(&ml);
	macho_release(&mh);
	prelink_release(&p);
	buf_release(&file);
	prelink_result_release(&res);
	release_set(&s);
}

/* @i gets an executable that does not link. */
static void spoil(struct set *s, int i)
{
	buf_release(&s->exe[i]);
	darwin_kext(NULL, FIXTURES "ExampleUnresolved.c", "-DVERSION='\"1.0\"'",
		    &s->exe[i]);
	s->kext[i].exec = s->exe[i].data;
	s->kext[i].exec_len = s->exe[i].len;
}

static void failures_are_left_out(void)
{
	struct set s;
	struct prelink_result res;
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	make_set(&s);
	spoil(&s, K_LIB);
	ASSERT_OK(build(&s, false, &res, &e), &e);
	CU_ASSERT_EQUAL(res.outcome[K_FILTER], PRELINK_LINKED);
	CU_ASSERT_EQUAL(res.outcome[K_LIB], PRELINK_OMITTED);
	CU_ASSERT_EQUAL(res.outcome[K_HELPER], PRELINK_OMITTED);
	CU_ASSERT_STRING_EQUAL(
		log_text,
		"1 kxld[com.example.lib]: The following symbols are unresolved for this "
		"kext:\n"
		"1 kxld[com.example.lib]: \t_example_other_missing_symbol\n"
		"1 kxld[com.example.lib]: \t_example_symbol_of_no_kernel\n"
		"1 Link failed (error code 5).\n"
		"2 Prelink failed for com.example.lib; omitting from prelinked kernel.\n"
		"1 Can't use com.example.lib - not linked.\n"
		"2 Prelink failed for com.example.helper; omitting from prelinked "
		"kernel.\n");
	prelink_result_release(&res);
	ASSERT_FAILS(build(&s, true, &res, &e), E_NOTFOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(
		log_text, "1 Prelink failed for com.example.lib; aborting prelink.\n"));
	CU_ASSERT_PTR_NULL(res.macho.data);
	release_set(&s);
}

/* Three kexts needed to boot may be missing; the fourth is one too many. */
static void fourth_required_failure_aborts(void)
{
	struct set s;
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	make_set(&s);
	spoil(&s, K_FILTER);
	for (size_t n = 3; n <= 4; n++) {
		struct kext_input many[3 + 4];
		struct prelink_request rq = {.kernel = s.kernel.data,
					     .kernel_len = s.kernel.len,
					     .kext = many,
					     .n_kexts = 3 + n};
		struct prelink_result res;

		for (size_t i = 0; i < 3 + n; i++)
			many[i] = s.kext[i < 3 ? i : K_FILTER];
		if (n == 3) {
			ASSERT_OK(prelink_build(&rq, &res, &e), &e);
			prelink_result_release(&res);
		} else {
			ASSERT_FAILS(prelink_build(&rq, &res, &e), E_NOTFOUND);
		}
	}
	release_set(&s);
}

static void same_input_same_kernel(void)
{
	struct set s;
	struct prelink_result a, b;
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	make_set(&s);
	ASSERT_OK(build(&s, true, &a, &e), &e);
	ASSERT_OK(build(&s, true, &b, &e), &e);
	CU_ASSERT_EQUAL(a.macho.len, b.macho.len);
	CU_ASSERT_EQUAL(memcmp(a.macho.data, b.macho.data, a.macho.len), 0);
	prelink_result_release(&b);
	s.kext[K_LIB].exec = NULL; /* codeless: its dependents see its own dependencies */
	ASSERT_FAILS(build(&s, true, &b, &e), E_NOTFOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "_example_lib_register"));
	CU_ASSERT_PTR_NULL(strstr(e.msg, "_printf"));
	prelink_result_release(&a);
	release_set(&s);
}

/* A good kernel that a case changes in one place. */
struct victim {
	struct set set;
	struct prelink_result res;
	struct macho m;	  /* of res.macho */
	struct buf file;  /* packed, unchanged */
	struct prelink p; /* of file */
	const struct kext_entry *filter;
	const struct macho_segment *text, *info;
	uint8_t *code; /* the filter, in res.macho */
};

static void victim_init(struct victim *v)
{
	struct err e = ERR_INIT;

	memset(v, 0, sizeof(*v));
	make_set(&v->set);
	ASSERT_OK(build(&v->set, true, &v->res, &e), &e);
	ASSERT_OK(macho_open(v->res.macho.data, v->res.macho.len, &v->m, &e), &e);
	ASSERT_OK(prelink_pack(v->res.macho.data, v->res.macho.len, PRELINK_LZSS, true,
			       &v->file, &e),
		  &e);
	ASSERT_OK(prelink_open(v->file.data, v->file.len, &v->p, &e), &e);
	v->text = macho_segment(&v->m, "__PRELINK_TEXT");
	v->info = macho_segment(&v->m, "__PRELINK_INFO");
	v->filter = prelink_find(&v->p, "com.example.filter");
	v->code = v->res.macho.data + v->text->fileoff +
		  (v->filter->source_addr - v->text->vmaddr);
}

static void victim_release(struct victim *v)
{
	prelink_release(&v->p);
	buf_release(&v->file);
	macho_release(&v->m);
	prelink_result_release(&v->res);
	release_set(&v->set);
}

static void verify(struct victim *v, enum prelink_check want)
{
	struct buf file = BUF_INIT;
	struct prelink_report rep;
	struct err e = ERR_INIT;
	int r;

	ASSERT_OK(prelink_pack(v->res.macho.data, v->res.macho.len, PRELINK_PLAIN, true,
			       &file, &e),
		  &e);
	r = prelink_verify(file.data, file.len, &rep, &e);
	if (rep.failed != want)
		test_note(__FILE__, __LINE__, prelink_check_name(rep.failed), &e);
	CU_ASSERT_EQUAL(rep.failed, want);
	CU_ASSERT_EQUAL(r != 0, want != PRELINK_OK);
	buf_release(&file);
}

/* Replace @from, of the same length, in the XML. */
static void replace(struct victim *v, const char *from, const char *to)
{
	char *xml = (char *)v->res.macho.data + v->info->fileoff;
	char *at = memmem(xml, v->info->filesize, from, strlen(from));

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	CU_ASSERT_EQUAL_FATAL(strlen(from), strlen(to));
	memcpy(at, to, strlen(to));
}

/* With @to for @from, the check @want fails; then put it back. */
static void edited(struct victim *v, const char *from, const char *to,
		   enum prelink_check want)
{
	replace(v, from, to);
	verify(v, want);
	replace(v, to, from);
}

static void edited_number(struct victim *v, uint64_t from, uint64_t to,
			  enum prelink_check want)
{
	char a[32], b[32];

	snprintf(a, sizeof(a), "0x%llx<", (unsigned long long)from);
	snprintf(b, sizeof(b), "0x%llx<", (unsigned long long)to);
	edited(v, a, b, want);
}

/* With @value at @p, a byte of res.macho, the check @want fails. */
static void poked(struct victim *v, uint8_t *p, uint8_t value, enum prelink_check want)
{
	uint8_t old = *p;

	CU_ASSERT_NOT_EQUAL(old, value);
	*p = value;
	verify(v, want);
	*p = old;
}

/* Offset of the load command @want in @m. */
static size_t find_lc(const struct macho *m, uint32_t want)
{
	uint32_t cmd = 0, size;
	size_t off = 0;

	for (unsigned i = 0; i < m->ncmds && cmd != want; i++)
		macho_lc_at(m, i, &cmd, &off, &size);
	CU_ASSERT_EQUAL_FATAL(cmd, want);
	return off;
}

static void checks_of_the_list(void)
{
	struct victim v;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	victim_init(&v);
	verify(&v, PRELINK_OK);
	edited(&v, "<dict>", "<dixt>", PRELINK_BAD_XML);
	edited(&v, "_PrelinkInfoDictionary", "_PrelinkInfoDictionarx", PRELINK_NO_KEXTS);
	edited(&v, "_PrelinkKCID", "_PrelinkKCIX", PRELINK_BAD_KCID);
	edited(&v, "_PrelinkKmodInfo", "_PrelinkKmodInfx", PRELINK_BAD_ENTRY);
	edited(&v, "<key>com.example.lib</key>", "<key>com.example.lix</key>",
	       PRELINK_MISSING_DEP);
	verify(&v, PRELINK_OK);
	victim_release(&v);
}

/* The filter is the first kext, so its numbers are the first of their kind. */
static void checks_of_addresses(void)
{
	struct victim v;
	const struct kext_entry *f;
	uint64_t lib_size;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	victim_init(&v);
	f = v.filter;
	lib_size = prelink_find(&v.p, "com.example.lib")->size;
	edited_number(&v, f->source_addr, f->source_addr - 0x1000000, PRELINK_BAD_SOURCE);
	edited_number(&v, f->load_addr, f->load_addr + 0x1000, PRELINK_BAD_LOAD);
	edited_number(&v, lib_size, lib_size + 0x1000, PRELINK_OVERLAP);
	edited_number(&v, f->kmod_info, f->load_addr + f->size - 8, PRELINK_BAD_KMOD);
	verify(&v, PRELINK_OK);
	victim_release(&v);
}

static void checks_of_code(void)
{
	struct victim v;
	struct macho m;
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	victim_init(&v);
	ASSERT_OK(macho_open(v.code, v.filter->size, &m, &e), &e);
	poked(&v, v.code + 12, MH_OBJECT, PRELINK_BAD_KEXT);
	poked(&v, v.code + (v.filter->kmod_info - v.filter->load_addr) + KMOD_OFF_NAME,
	      'X', PRELINK_OK); /* the author's affair */
	poked(&v, v.code + (v.filter->kmod_info - v.filter->load_addr) + KMOD_OFF_ADDRESS,
	      'X', PRELINK_BAD_KMOD_ADDRESS);
	poked(&v, v.code + find_lc(&m, LC_DYSYMTAB) + 68, 1, PRELINK_EXTERNAL_RELOCS);
	poked(&v, v.code + find_lc(&m, LC_UUID) + 8, 0, PRELINK_BAD_KCID);
	poked(&v, v.res.macho.data + find_lc(&v.m, LC_UUID) + 8, 0, PRELINK_BAD_KCID);
	macho_release(&m);
	verify(&v, PRELINK_OK);
	victim_release(&v);
}

static void checks_of_segments(void)
{
	struct victim v;
	uint8_t *text, *inf, *sect_size;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	victim_init(&v);
	text = v.res.macho.data + v.text->lc_off;
	inf = v.res.macho.data + v.info->lc_off;
	sect_size = text + sizeof(struct macho_segment_raw) + 40;
	put_le64(sect_size, v.text->filesize - MACHO_PAGE);
	verify(&v, PRELINK_BAD_RANGE);
	put_le64(sect_size, 0);
	verify(&v, PRELINK_NO_TEXT);
	put_le64(sect_size, v.text->filesize);
	poked(&v, inf + 8, 'x', PRELINK_NO_INFO);      /* its name */
	poked(&v, inf + 40 + 5, 1, PRELINK_BAD_RANGE); /* its file offset */
	poked(&v, v.res.macho.data + 12, MH_OBJECT, PRELINK_BAD_MACHO);
	poked(&v, v.res.macho.data + 23, 1, PRELINK_BAD_MACHO); /* sizeofcmds */
	verify(&v, PRELINK_OK);
	victim_release(&v);
}

/* What is around the Mach-O: one byte changed, its own reason. */
static void container_checks(void)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum prelink_check want;
	} cases[] = {
		{11, 9, PRELINK_BAD_FAT},
		{0, 0, PRELINK_BAD_SIGNATURE},
		{28, 'X', PRELINK_BAD_SIGNATURE},
		{32, 'X', PRELINK_BAD_TYPE},
		{28 + 0x0d, 0xff, PRELINK_BAD_SIZE},
		{28 + 0x0b, 0, PRELINK_BAD_CHECKSUM},
	};
	struct set s;
	struct prelink_result res;
	struct prelink_report rep;
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	make_set(&s);
	ASSERT_OK(build(&s, true, &res, &e), &e);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf f = BUF_INIT;

		ASSERT_OK(prelink_pack(res.macho.data, res.macho.len, PRELINK_LZVN, true,
				       &f, &e),
			  &e);
		CU_ASSERT_NOT_EQUAL(f.data[cases[i].at], cases[i].value);
		f.data[cases[i].at] = cases[i].value;
		CU_ASSERT_NOT_EQUAL(prelink_verify(f.data, f.len, &rep, &e), 0);
		CU_ASSERT_EQUAL(rep.failed, cases[i].want);
		buf_release(&f);
	}
	CU_ASSERT_NOT_EQUAL(prelink_verify("", 0, &rep, &e), 0);
	CU_ASSERT_EQUAL(rep.failed, PRELINK_BAD_FAT);
	prelink_result_release(&res);
	release_set(&s);
}

/* Every stand-in symbol a fixture uses is where llvm-nm sees it in the kernel. */
static void calls_reach_the_kernel(void)
{
	struct set s;
	struct prelink_result res;
	struct prelink p;
	struct err e = ERR_INIT;
	struct buf file = BUF_INIT, code = BUF_INIT;
	const struct kext_entry *f;
	const struct macho_segment *text;
	char kernel[4096];

	if (!darwin_cc_works() || test_shell("command -v llvm-nm >/dev/null"))
		TEST_SKIP("no clang or llvm-nm");
	make_set(&s);
	ASSERT_OK(build(&s, true, &res, &e), &e);
	ASSERT_OK(prelink_pack(res.macho.data, res.macho.len, PRELINK_PLAIN, true, &file,
			       &e),
		  &e);
	ASSERT_OK(prelink_open(file.data, file.len, &p, &e), &e);
	f = prelink_find(&p, "com.example.filter");
	text = macho_segment(&p.m, "__PRELINK_TEXT");
	ASSERT_OK(buf_append(&code,
			     p.m.data + text->fileoff + (f->source_addr - text->vmaddr),
			     f->size, &e),
		  &e);
	snprintf(kernel, sizeof(kernel), "%s", darwin_file("kernel", &s.kernel));
	CU_ASSERT_EQUAL(
		test_shell(
			"k=%s; f=%s; for s in iflt_attach lck_mtx_lock mbuf_next printf; "
			"do "
			"a=$(llvm-nm $k | sed -n \"s/^\\([0-9a-f]*\\) . _$s$/\\1/p\"); "
			"llvm-objdump --macho -d $f | grep -q "
			"\"\\(call\\|jmp\\)q.*0x$a\" || "
			"{ echo \"no call of $s at $a\"; exit 1; }; done",
			kernel, darwin_file("filter", &code)),
		0);
	prelink_release(&p);
	buf_release(&code);
	buf_release(&file);
	prelink_result_release(&res);
	release_set(&s);
}

TEST_MAIN("kernel", {"the stand-in kernel", kernel_form},
	  {"all symbols at their own addresses", kernel_symbols_differ},

	  {"layout of a prelinked kernel", prelink_layout},
	  {"a kext is bound to another", helper_is_bound_to_lib},
	  {"calls reach the kernel's symbols", calls_reach_the_kernel},

	  {"kexts that do not link are left out", failures_are_left_out},
	  {"the fourth required failure aborts", fourth_required_failure_aborts},
	  {"same input, same kernel", same_input_same_kernel},
	  {"checks of the property list", checks_of_the_list},
	  {"checks of addresses", checks_of_addresses},
	  {"checks of the kexts' code", checks_of_code},
	  {"checks of the segments", checks_of_segments},
	  {"checks of the container", container_checks})
