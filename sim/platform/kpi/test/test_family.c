/* SPDX-License-Identifier: MIT */
/*
 * Stand-ins of families, linked against the stand-in kernel, and a C++ kext against both:
 * every slot of every vtable in the prelinked kernel is compared with the tables' names.
 */
#include "sim/base/test.h"

#include <stdio.h>
#include <string.h>

#include "sim/formats/macho/kxld_cxx.h"
#include "sim/formats/macho/objlink.h"
#include "sim/formats/macho/test/darwin_cc.h"
#include "sim/formats/prelink/build.h"
#include "sim/platform/kpi/family.h"

#define TABLES	 "sim/platform/kpi/10.15.0/families"
#define FIXTURES "scenarios/fixtures/src/"
#define CXX                                                                              \
	"-fapple-kext -std=gnu++17 -nostdinc++ -fno-rtti -fno-exceptions "               \
	"-fno-c++-static-destructors"

/* Dependencies first. */
enum { K_IOKIT, K_LIBKERN, K_BSD, K_MACH, K_UNSUPPORTED, N_KPIS };
enum { K_PCI = N_KPIS, K_NETWORK, K_ETHERNET, N_KEXTS };

struct set {
	struct kpi_families families;
	struct buf kernel, exe[N_KEXTS];
	struct kext_input kext[N_KEXTS];
	struct prelink_result res;
	/* of the result */
	struct macho m[1 + N_KEXTS]; /* the kernel, then kexts */
	struct kxld_cxx names[1 + N_KEXTS];
};

static char log_text[4096];

static void keep_line(void *arg, enum clog_level level, const char *text)
{
	size_t n = strlen(log_text);

	(void)arg;
	snprintf(log_text + n, sizeof(log_text) - n, "%d %s\n", (int)level, text);
}

static void make_family(struct set *s, int i, const char *id)
{
	struct buf source = BUF_INIT;
	struct err e = ERR_INIT;

	ASSERT_OK(kpi_family_source(&s->families, id, &source, &e), &e);
	darwin_kext("s", buf_str(&source), "", &s->exe[i]);
	buf_release(&source);
}

static void make_ethernet(struct set *s)
{
	struct buf obj[2] = {BUF_INIT, BUF_INIT};
	struct objlink_input in[2] = {{.name = "classes"}, {.name = "kmod"}};
	struct err e = ERR_INIT;

	darwin_cc(NULL, FIXTURES "ExampleEthernet.cpp", CXX, &obj[0]);
	darwin_cc(NULL, FIXTURES "CxxKext.c",
		  "-DBUNDLE_ID='\"com.example.ethernet\"' -DVERSION='\"1.0\"'", &obj[1]);
	for (int i = 0; i < 2; i++) {
		in[i].data = obj[i].data;
		in[i].len = obj[i].len;
	}
	ASSERT_OK(objlink(in, 2, &s->exe[K_ETHERNET], &e), &e);
	buf_release(&obj[0]);
	buf_release(&obj[1]);
}

static plist_t info(const char *id, bool interface)
{
	plist_t d = plist_new_dict();

	plist_dict_set_item(d, "CFBundleIdentifier", plist_new_string(id));
	if (interface)
		plist_dict_set_item(d, "OSKernelResource", plist_new_bool(1));
	return d;
}

static void add(struct set *s, int i, const char *id, const size_t *deps, size_t n)
{
	s->kext[i] = (struct kext_input){
		.info = info(id, i < N_KPIS),
		.exec = s->exe[i].data,
		.exec_len = s->exe[i].len,
		.bundle_path = id,
		.exec_rel_path = "X",
		.deps = deps,
		.n_deps = n,
	};
}

static void make_set(struct set *s)
{
	static const char *const kpi[N_KPIS] = {
		"com.apple.kpi.iokit", "com.apple.kpi.libkern", "com.apple.kpi.bsd",
		"com.apple.kpi.mach", "com.apple.kpi.unsupported"};
	static const size_t kpis[] = {K_IOKIT, K_LIBKERN, K_BSD, K_MACH, K_UNSUPPORTED},
			    both[] = {K_IOKIT, K_LIBKERN, K_PCI, K_NETWORK};
	const struct release *r = release_by_name("10.15.0");
	struct err e = ERR_INIT;

	memset(s, 0, sizeof(*s));
	ASSERT_OK(kpi_families_read(test_source(TABLES), "19.0.0", &s->families, &e), &e);
	ASSERT_OK(kernel_standin_build(r, &s->kernel, &e), &e);
	for (int i = 0; i < N_KPIS; i++) {
		ASSERT_OK(kpi_interface_build(r, kpi[i], &s->exe[i], &e), &e);
		add(s, i, kpi[i], NULL, 0);
	}
	make_family(s, K_PCI, "com.apple.iokit.IOPCIFamily");
	make_family(s, K_NETWORK, "com.apple.iokit.IONetworkingFamily");
	make_ethernet(s);
	add(s, K_PCI, "com.apple.iokit.IOPCIFamily", kpis, N_KPIS);
	add(s, K_NETWORK, "com.apple.iokit.IONetworkingFamily", kpis, N_KPIS);
	add(s, K_ETHERNET, "com.example.ethernet", both, 4);
}

/* What is said meanwhile is in log_text. */
static void link_set(struct set *s)
{
	const struct component_log log = {keep_line, NULL, CLOG_WARNING};
	const struct prelink_request rq = {
		.kernel = s->kernel.data,
		.kernel_len = s->kernel.len,
		.kext = s->kext,
		.n_kexts = N_KEXTS,
		.log = &log,
	};
	struct err e = ERR_INIT;

	log_text[0] = '\0';
	ASSERT_OK(prelink_build(&rq, &s->res, &e), &e);
}

/*
 * The images inside the result: kexts lie one behind the other in __PRELINK_TEXT, KPIs
 * first, each on a page.
 */
static void open_result(struct set *s)
{
	const struct macho_segment *text;
	struct err e = ERR_INIT;
	size_t off;

	ASSERT_OK(macho_open(s->res.macho.data, s->res.macho.len, &s->m[0], &e), &e);
	text = macho_segment(&s->m[0], "__PRELINK_TEXT");
	off = text->fileoff;
	for (int i = 0; i < N_KPIS; i++)
		off += (s->exe[i].len + MACHO_PAGE - 1) & ~(size_t)(MACHO_PAGE - 1);
	for (int i = N_KPIS; i < N_KEXTS; i++) {
		struct macho *m = &s->m[1 + i];
		const struct macho_segment *last;

		ASSERT_OK(macho_open(s->res.macho.data + off, s->res.macho.len - off, m,
				     &e),
			  &e);
		last = &m->segs[m->nsegs - 1];
		off += last->vmaddr + last->vmsize - m->segs[0].vmaddr;
	}
	CU_ASSERT_EQUAL(off, text->fileoff + text->filesize);
	for (int i = 0; i < 1 + N_KEXTS; i++)
		if (s->m[i].data)
			ASSERT_OK(kxld_cxx_index(&s->m[i], false, &s->names[i], &e), &e);
}

static void release_set(struct set *s)
{
	for (int i = 0; i < 1 + N_KEXTS; i++) {
		kxld_cxx_release(&s->names[i]);
		if (s->m[i].data)
			macho_release(&s->m[i]);
	}
	for (int i = 0; i < N_KEXTS; i++) {
		plist_free(s->kext[i].info);
		buf_release(&s->exe[i]);
	}
	prelink_result_release(&s->res);
	buf_release(&s->kernel);
	kpi_families_release(&s->families);
}

static const char *name_at(const struct set *s, uint64_t addr)
{
	for (int i = 0; i < 1 + N_KEXTS; i++) {
		const struct kxld_cxx_symbol *f = kxld_cxx_at(&s->names[i], addr);

		if (f)
			return f->name;
	}
	return NULL;
}

/* Slot @i of the vtable @symbol that kext @k has; NULL: the end, "": without a name. */
static const char *slot_at(const struct set *s, int k, const char *symbol, unsigned i)
{
	struct macho_symbol sym;
	struct err e = ERR_INIT;
	const uint8_t *p;

	ASSERT_OK(macho_find_defined(&s->m[1 + k], symbol, &sym, &e), &e);
	p = kxld_bytes_at(&s->m[1 + k], sym.value + 16 + 8ull * i, 8);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	if (!get_le64(p))
		return NULL;
	return name_at(s, get_le64(p)) ? name_at(s, get_le64(p)) : "";
}

static void expect_slot(const struct set *s, int k, const char *symbol, unsigned i,
			const char *want)
{
	const char *got = slot_at(s, k, symbol, i);

	if (!got || (*got && strcmp(got, want) != 0)) {
		fprintf(stderr, "%s[%u]: %s, not %s\n", symbol, i, got ? got : "-", want);
		CU_FAIL("wrong slot");
	}
}

static void vtables_of_families(void)
{
	struct set s;
	size_t n = 0;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	make_set(&s);
	link_set(&s);
	open_result(&s);
	for (size_t i = 0; i < s.families.vtables.n; i++) {
		const struct kpi_vtable *v = &s.families.vtables.row[i];
		int k = !strcmp(v->bundle, s.kext[K_PCI].bundle_path)	    ? K_PCI
			: !strcmp(v->bundle, s.kext[K_NETWORK].bundle_path) ? K_NETWORK
									    : -1;

		for (unsigned j = 0; k >= 0 && j < v->n_slots; j++)
			expect_slot(&s, k, v->symbol, j, v->slot[j]);
		if (k < 0)
			continue;
		CU_ASSERT_PTR_NULL(slot_at(&s, k, v->symbol, v->n_slots));
		n++;
	}
	CU_ASSERT_EQUAL(n, 20 + 42); /* the table's count of the two bundles */
	release_set(&s);
}

/* What a fixture overrides; the rest is its parent's. */
static const struct {
	const char *symbol, *parent;
	struct {
		unsigned slot;
		const char *name;
	} own[8];
} child[] = {
	{"__ZTV16com_example_Card",
	 "IOPCIDevice",
	 {{0, "__ZN16com_example_CardD1Ev"},
	  {1, "__ZN16com_example_CardD0Ev"},
	  {7, "__ZNK16com_example_Card12getMetaClassEv"},
	  {273, "__ZN16com_example_Card12configRead16Eh"}}},
	{"__ZTV20com_example_Ethernet",
	 "IOEthernetController",
	 {{0, "__ZN20com_example_EthernetD1Ev"},
	  {1, "__ZN20com_example_EthernetD0Ev"},
	  {7, "__ZNK20com_example_Ethernet12getMetaClassEv"},
	  {184, "__ZN20com_example_Ethernet5startEP9IOService"},
	  {310, "__ZN20com_example_Ethernet6enableEP18IONetworkInterface"},
	  {311, "__ZN20com_example_Ethernet7disableEP18IONetworkInterface"},
	  {356, "__ZN20com_example_Ethernet18getHardwareAddressEP17IOEthernetAddress"}}},
};

static void classes_of_a_kext(void)
{
	struct set s;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	make_set(&s);
	link_set(&s);
	open_result(&s);
	for (size_t i = 0; i < sizeof(child) / sizeof(child[0]); i++) {
		const struct kpi_vtable *v =
			kpi_vtable_of(&s.families.vtables, child[i].parent);
		size_t own = 0;

		CU_ASSERT_PTR_NOT_NULL_FATAL(v);
		for (unsigned j = 0; j < v->n_slots; j++) {
			const char *want = v->slot[j];

			if (child[i].own[own].name && child[i].own[own].slot == j)
				want = child[i].own[own++].name;
			expect_slot(&s, K_ETHERNET, child[i].symbol, j, want);
		}
		CU_ASSERT_PTR_NULL(slot_at(&s, K_ETHERNET, child[i].symbol, v->n_slots));
	}
	release_set(&s);
}

static void all_is_linked(void)
{
	struct set s;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	make_set(&s);
	link_set(&s);
	CU_ASSERT_STRING_EQUAL(log_text, "");
	for (int i = N_KPIS; i < N_KEXTS; i++)
		CU_ASSERT_EQUAL(s.res.outcome[i], PRELINK_LINKED);
	if (!test_shell("command -v llvm-objdump >/dev/null")) {
		const char *path = darwin_file("ethernet", &s.exe[K_ETHERNET]);

		CU_ASSERT_EQUAL(
			test_shell("llvm-objdump --macho --private-headers '%s' | "
				   "grep -q KEXTBUNDLE",
				   path),
			0);
		CU_ASSERT_EQUAL(test_shell("llvm-nm '%s' | grep -q "
					   "'S __ZTV20com_example_Ethernet$'",
					   path),
				0);
	}
	release_set(&s);
}

/* Without the family that owns the parent's vtable the pads stay, and are said. */
static void family_that_is_not_named(void)
{
	static const size_t pci_only[] = {K_IOKIT, K_LIBKERN, K_PCI};
	struct set s;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	make_set(&s);
	s.kext[K_ETHERNET].deps = pci_only;
	s.kext[K_ETHERNET].n_deps = 3;
	link_set(&s);
	CU_ASSERT_EQUAL(s.res.outcome[K_ETHERNET], PRELINK_OMITTED);
	CU_ASSERT_STRING_EQUAL(log_text, "1 kxld[com.example.ethernet]: The vtable for "
					 "com_example_Ethernet was not "
					 "patched because its parent, the vtable for "
					 "IOEthernetController, was not "
					 "found.\n"
					 "1 Link failed (error code 5).\n"
					 "2 Prelink failed for com.example.ethernet; "
					 "omitting from prelinked kernel.\n");
	release_set(&s);
}

static void property_list(void)
{
	struct kpi_families f;
	struct buf xml = BUF_INIT, source = BUF_INIT;
	struct err e = ERR_INIT;
	plist_t p = NULL;
	const char *text;

	ASSERT_OK(kpi_families_read(test_source(TABLES), "19.0.0", &f, &e), &e);
	ASSERT_OK(kpi_family_info(&f, "com.apple.iokit.IOAudioFamily", &xml, &e), &e);
	plist_from_xml((const char *)xml.data, (uint32_t)xml.len, &p);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	/* a function of a file that could not be compiled: kexts for sound call it */
	ASSERT_OK(kpi_family_source(&f, "com.apple.iokit.IOAudioFamily", &source, &e), &e);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&source),
				      ".globl __ZN13IOAudioEngine16mixOutputSamples"));
	buf_release(&source);
	text = plist_get_string_ptr(plist_dict_get_item(p, "CFBundleGetInfoString"),
				    NULL);
	CU_ASSERT_STRING_EQUAL(text,
			       "300.2, kextlab stand-in: names and vtables, no code");
	CU_ASSERT_PTR_NULL(plist_dict_get_item(p, "OSBundleRequired"));
	plist_free(p);
	ASSERT_FAILS(kpi_family_info(&f, "com.apple.iokit.IOFamily", &xml, &e),
		     E_NOTFOUND);
	ASSERT_FAILS(kpi_family_source(&f, "com.apple.iokit.IOFamily", &xml, &e),
		     E_NOTFOUND);
	buf_release(&xml);
	kpi_families_release(&f);
}

TEST_MAIN("families", {"vtables of linked families", vtables_of_families},
	  {"vtables of a kext's classes", classes_of_a_kext},
	  {"all is linked without a word", all_is_linked},
	  {"a family that a kext does not name", family_that_is_not_named},
	  {"property lists", property_list})
