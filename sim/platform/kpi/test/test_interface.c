/* SPDX-License-Identifier: MIT */
/* Interfaces: the KPI bundles of System.kext, and one of another kext. */
#include "sim/base/test.h"

#include <stdio.h>
#include <string.h>

#include "sim/formats/macho/kxld.h"
#include "sim/formats/macho/test/darwin_cc.h"
#include "sim/formats/prelink/prelink.h"
#include "sim/platform/kpi/kpi.h"

static char log_text[16384];

static void keep_line(void *arg, enum clog_level level, const char *text)
{
	size_t n = strlen(log_text);

	(void)arg;
	snprintf(log_text + n, sizeof(log_text) - n, "%d %s\n", (int)level, text);
}

static void build_kernel(const char *release, struct buf *out)
{
	struct err e = ERR_INIT;

	ASSERT_OK(kernel_standin_build(release_by_name(release), out, &e), &e);
}

/* Every name that a KPI exports is bound by the kernel; the counts are those of xnu. */
static void kpis_are_complete(void)
{
	static const struct {
		const char *id;
		size_t n;
	} kpi[] = {{"com.apple.kpi.bsd", 842},	       {"com.apple.kpi.iokit", 2224},
		   {"com.apple.kpi.libkern", 933},     {"com.apple.kpi.mach", 71},
		   {"com.apple.kpi.dsep", 40},	       {"com.apple.kpi.private", 902},
		   {"com.apple.kpi.unsupported", 263}, {"com.apple.kpi.kasan", 0}};
	struct buf k = BUF_INIT;
	struct err e = ERR_INIT;
	struct macho m;
	struct kxld_exports all;

	build_kernel("10.15.0", &k);
	ASSERT_OK(macho_open(k.data, k.len, &m, &e), &e);
	ASSERT_OK(kxld_exports_image(&m, &all, &e), &e);
	for (size_t i = 0; i < sizeof(kpi) / sizeof(kpi[0]); i++) {
		const struct release *r = release_by_name("10.15.0");
		struct buf f = BUF_INIT;
		struct macho mi;
		struct kxld_exports x;

		ASSERT_OK(kpi_interface_build(r, kpi[i].id, &f, &e), &e);
		ASSERT_OK(macho_open(f.data, f.len, &mi, &e), &e);
		CU_ASSERT_TRUE(mi.has_uuid);
		ASSERT_OK(kxld_exports_interface(&mi, &all, kpi[i].id, "__kernel__", NULL,
						 &x, &e),
			  &e);
		CU_ASSERT_EQUAL(x.syms.n, kpi[i].n);
		if (!strcmp(kpi[i].id, "com.apple.kpi.iokit")) {
			const struct symdict_entry *a =
				symdict_get(&x.syms, "_IOLockLock");
			const struct symdict_entry *b =
				symdict_get(&all.syms, "_lck_mtx_lock");

			CU_ASSERT_TRUE(a && b && a->value == b->value);
		}
		kxld_exports_release(&x);
		macho_release(&mi);
		buf_release(&f);
	}
	kxld_exports_release(&all);
	macho_release(&m);
	buf_release(&k);
}

/* Names of an interface that the kernel lacks are told, and the others are there. */
static void what_the_kernel_lacks(void)
{
	static const struct component_log log = {.line = keep_line, .max = CLOG_BASIC};
	const struct kxld_exports empty = {.syms = {.n = 0}};
	struct buf f = BUF_INIT;
	struct err e = ERR_INIT;
	struct kxld_exports x;
	struct macho m;

	ASSERT_OK(kpi_interface_build(release_by_name("10.15.0"), "com.apple.kpi.mach",
				      &f, &e),
		  &e);
	ASSERT_OK(macho_open(f.data, f.len, &m, &e), &e);
	log_text[0] = '\0';
	ASSERT_OK(kxld_exports_interface(&m, &empty, "com.apple.kpi.mach", "__kernel__",
					 &log, &x, &e),
		  &e);
	CU_ASSERT_EQUAL(x.syms.n, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(log_text, "2 In interface com.apple.kpi.mach of "
						"__kernel__, couldn't find symbol _"));
	CU_ASSERT_PTR_NOT_NULL(strstr(log_text, "2 In interface com.apple.kpi.mach of "
						"__kernel__, couldn't find indirect "
						"symbol _"));
	kxld_exports_release(&x);
	macho_release(&m);
	buf_release(&f);
}

static int count_file(void *ctx, const char *path, const void *data, size_t len,
		      struct err *e)
{
	unsigned *n = ctx;

	(void)e;
	CU_ASSERT_TRUE(len && data && *path != '/');
	n[0]++;
	if (strstr(path, "Info.plist")) {
		plist_t p = NULL;
		uint8_t flag = 0;

		plist_from_xml(data, (uint32_t)len, &p);
		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		plist_get_bool_val(plist_dict_get_item(p, "OSKernelResource"), &flag);
		CU_ASSERT_EQUAL(flag, 1);
		plist_free(p);
		n[1]++;
	}
	return 0;
}

static void system_kext(void)
{
	unsigned n[2] = {0, 0};
	struct err e = ERR_INIT;
	char dir[4096];

	ASSERT_OK(kpi_system_kext(release_by_name("10.15.1"), count_file, n, &e), &e);
	CU_ASSERT_EQUAL(n[0], 13 + 8);
	CU_ASSERT_EQUAL(n[1], 13);
	snprintf(dir, sizeof(dir), "%s/System.kext", test_tmpdir());
	ASSERT_OK(kpi_system_kext_write(release_by_name("10.15.0"), dir, &e), &e);
	CU_ASSERT_EQUAL(test_shell("test -s '%s/PlugIns/BSDKernel.kext/BSDKernel' -a "
				   "-s '%s/Info.plist'",
				   dir, dir),
			0);
}

static plist_t info(const char *id, const char *more)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	plist_t p = NULL;

	ASSERT_OK(
		buf_printf(&b, &e,
			   "<plist><dict><key>CFBundleIdentifier</key><string>%s</string>"
			   "%s</dict></plist>",
			   id, more),
		&e);
	plist_from_xml(buf_str(&b), (uint32_t)b.len, &p);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	buf_release(&b);
	return p;
}

#define KMOD ".globl _kmod_info\n.p2align 3\n_kmod_info: .space 196\n.p2align 3\n"

static uint64_t address(const struct prelink *p, const char *id, const char *name,
			uint64_t *value)
{
	const struct kext_entry *k = prelink_find(p, id);
	const struct macho_segment *text = macho_segment(&p->m, "__PRELINK_TEXT");
	struct macho_symbol s;
	struct macho m;
	struct err e = ERR_INIT;

	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	ASSERT_OK(macho_open(p->m.data + text->fileoff + (k->source_addr - text->vmaddr),
			     k->size, &m, &e),
		  &e);
	ASSERT_OK(macho_find_defined(&m, name, &s, &e), &e);
	*value = get_le64(m.data + (s.value - k->load_addr));
	macho_release(&m);
	return s.value;
}

/*
 * The interface of a kext is bound to that, its first library, and not to the kernel: the
 * client gets what the library has under the name.
 */
static void interface_of_a_kext(void)
{
	enum { LIB, FACE, CLIENT, N };
	static const char *const id[N] = {"com.example.lib", "com.example.face",
					  "com.example.client"};
	static const char *const source[N] = {
		".data\n" KMOD ".globl _lib_data\n_lib_data: .quad 1\n",
		".data\n.quad _lib_data\n",
		".data\n" KMOD ".globl _p\n_p: .quad _lib_data\n"};
	static const size_t of_lib[] = {LIB}, by_face[] = {FACE};
	struct kext_input k[N] = {{.n_deps = 0},
				  {.deps = of_lib, .n_deps = 1},
				  {.deps = by_face, .n_deps = 1}};
	struct buf kernel = BUF_INIT, exe[N] = {BUF_INIT};
	static const struct component_log log = {.line = keep_line, .max = CLOG_STEP};
	struct prelink_request rq = {.kext = k, .n_kexts = N, .log = &log};
	struct prelink_result res;
	struct prelink p;
	struct err e = ERR_INIT;
	uint64_t lib, ignored, bound;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	build_kernel("10.15.0", &kernel);
	rq.kernel = kernel.data;
	rq.kernel_len = kernel.len;
	for (int i = 0; i < N; i++) {
		darwin_kext("s", source[i], "", &exe[i]);
		k[i].exec = exe[i].data;
		k[i].exec_len = exe[i].len;
		k[i].bundle_path = id[i];
		k[i].info = info(
			id[i], i == FACE ? "<key>OSBundleIsInterface</key><true/>" : "");
	}
	log_text[0] = '\0';
	ASSERT_OK(prelink_build(&rq, &res, &e), &e);
	/* all are linked, then all go in */
	CU_ASSERT_STRING_EQUAL(log_text,
			       "4 Linking com.example.lib.\n"
			       "4 kxld[com.example.lib]: Linking kext com.example.lib\n"
			       "4 Linking com.example.client.\n"
			       "4 kxld[com.example.client]: Linking kext "
			       "com.example.client\n"
			       "5 Adding com.example.lib to prelinked kernel.\n"
			       "5 Adding com.example.face to prelinked kernel.\n"
			       "5 Adding com.example.client to prelinked kernel.\n");
	CU_ASSERT_EQUAL(res.outcome[FACE], PRELINK_NO_CODE);
	CU_ASSERT_EQUAL(res.outcome[CLIENT], PRELINK_LINKED);
	ASSERT_OK(prelink_open(res.macho.data, res.macho.len, &p, &e), &e);
	lib = address(&p, id[LIB], "_lib_data", &ignored);
	address(&p, id[CLIENT], "_p", &bound);
	CU_ASSERT_EQUAL(bound, lib);
	prelink_release(&p);
	prelink_result_release(&res);
	for (int i = 0; i < N; i++) {
		plist_free(k[i].info);
		buf_release(&exe[i]);
	}
	buf_release(&kernel);
}

TEST_MAIN("interface", {"KPIs are complete", kpis_are_complete},
	  {"what the kernel lacks", what_the_kernel_lacks}, {"System.kext", system_kext},
	  {"an interface of a kext", interface_of_a_kext})
