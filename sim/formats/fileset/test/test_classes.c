/* SPDX-License-Identifier: MIT */
/*
 * A C++ kext in an auxiliary collection: its parent's vtable is in the boot collection,
 * whose pointers are links of chains.
 */
#include "sim/base/test.h"

#include <string.h>

#include "sim/formats/fileset/build.h"
#include "sim/formats/macho/kxld_cxx.h"
#include "sim/formats/macho/objlink.h"
#include "sim/formats/macho/test/darwin_cc.h"
#include "sim/platform/kpi/kpi.h"

#define FIXTURES "scenarios/fixtures/src/"
#define CXX                                                                              \
	"-fapple-kext -std=gnu++17 -nostdinc++ -fno-rtti -fno-exceptions "               \
	"-fno-c++-static-destructors"
#define DRIVER "com.example.service"

static const char *const kpi[] = {"com.apple.kpi.iokit", "com.apple.kpi.libkern"};
#define N_KPIS 2

struct set {
	struct buf kernel, iface[N_KPIS], driver, boot_file, aux_file;
	struct kext_input kext[N_KPIS + 1];
	struct fileset boot, aux;
};

static plist_t info(const char *id, bool interface)
{
	plist_t d = plist_new_dict();

	plist_dict_set_item(d, "CFBundleIdentifier", plist_new_string(id));
	plist_dict_set_item(d, "CFBundleVersion", plist_new_string("1.0"));
	if (interface)
		plist_dict_set_item(d, "OSKernelResource", plist_new_bool(1));
	return d;
}

static void make_driver(struct buf *exe)
{
	struct buf obj[2] = {BUF_INIT, BUF_INIT};
	struct objlink_input in[2] = {{.name = "classes"}, {.name = "kmod"}};
	struct err e = ERR_INIT;

	darwin_cc(NULL, FIXTURES "ExampleService.cpp", CXX, &obj[0]);
	darwin_cc(NULL, FIXTURES "CxxKext.c",
		  "-DBUNDLE_ID='\"" DRIVER "\"' -DVERSION='\"1.0\"'", &obj[1]);
	for (int i = 0; i < 2; i++) {
		in[i].data = obj[i].data;
		in[i].len = obj[i].len;
	}
	ASSERT_OK(objlink(in, 2, exe, &e), &e);
	buf_release(&obj[0]);
	buf_release(&obj[1]);
}

static void add(struct set *s, size_t i, const char *id, const struct buf *exe)
{
	static const size_t kpis[N_KPIS] = {0, 1};

	s->kext[i] = (struct kext_input){
		.info = info(id, i < N_KPIS),
		.exec = exe->data,
		.exec_len = exe->len,
		.bundle_path = id,
		.exec_rel_path = "X",
		.deps = kpis,
		.n_deps = i < N_KPIS ? 0 : N_KPIS,
	};
}

static void make_set(struct set *s)
{
	const struct release *r = release_by_name("11.0.1");
	const struct macho_arch *arch = macho_arch(MACHO_X86_64);
	struct fileset_request rq = {.kind = FILESET_PRIMARY,
				     .arch = arch,
				     .kext = s->kext,
				     .n_kexts = N_KPIS};
	struct err e = ERR_INIT;

	memset(s, 0, sizeof(*s));
	ASSERT_OK(kernel_standin_build_for(r, machine_by_name("intel"), &s->kernel, &e),
		  &e);
	for (size_t i = 0; i < N_KPIS; i++) {
		ASSERT_OK(kpi_interface_build(r, kpi[i], &s->iface[i], &e), &e);
		add(s, i, kpi[i], &s->iface[i]);
	}
	make_driver(&s->driver);
	add(s, N_KPIS, DRIVER, &s->driver);
	rq.kernel = s->kernel.data;
	rq.kernel_len = s->kernel.len;
	ASSERT_OK(fileset_build(&rq, &s->boot_file, &e), &e);
	ASSERT_OK(fileset_open(s->boot_file.data, s->boot_file.len, arch, &s->boot, &e),
		  &e);
	rq = (struct fileset_request){.kind = FILESET_AUXILIARY,
				      .arch = arch,
				      .boot = &s->boot,
				      .kext = s->kext,
				      .n_kexts = N_KPIS + 1};
	ASSERT_OK(fileset_build(&rq, &s->aux_file, &e), &e);
	ASSERT_OK(fileset_open(s->aux_file.data, s->aux_file.len, arch, &s->aux, &e), &e);
}

static void release_set(struct set *s)
{
	fileset_release(&s->aux);
	fileset_release(&s->boot);
	for (size_t i = 0; i < N_KPIS + 1; i++)
		plist_free(s->kext[i].info);
	buf_release(&s->kernel);
	buf_release(&s->driver);
	buf_release(&s->boot_file);
	buf_release(&s->aux_file);
	for (size_t i = 0; i < N_KPIS; i++)
		buf_release(&s->iface[i]);
}

/* Which slots of the class are the driver's own: D1, D0, getMetaClass, start, stop. */
static bool is_own(unsigned slot)
{
	return slot == 0 || slot == 1 || slot == 7 || slot == 184 || slot == 185;
}

static void slots_are_the_kernels(void)
{
	struct set s;
	struct macho m;
	struct macho_symbol sym;
	struct kxld_cxx names;
	const struct kpi_table *t;
	const struct kpi_vtable *v;
	const struct kext_entry *k;
	uint64_t base, size;
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	make_set(&s);
	k = fileset_find(&s.aux, DRIVER);
	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	ASSERT_OK(fileset_kext_macho(&s.aux, k, &m, &e), &e);
	ASSERT_OK(macho_find_defined(&m, "__ZTV19com_example_Service", &sym, &e), &e);
	ASSERT_OK(kxld_cxx_index(&s.boot.kernel, true, &names, &e), &e);
	ASSERT_OK(kpi_table_of("20.1.0", &t, &e), &e);
	v = kpi_vtable_of(&t->vtables, "IOService");
	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	fileset_range(&s.boot, &base, &size);
	for (unsigned i = 0; i < v->n_slots; i++) {
		const uint8_t *p = kxld_bytes_at(&m, sym.value + 16 + 8ull * i, 8);
		uint64_t link = p ? get_le64(p) : 0;
		enum fixups_level level = link >> 30 & 3;
		const struct kxld_cxx_symbol *f =
			kxld_cxx_at(&names, base + (link & 0x3fffffff));

		CU_ASSERT_EQUAL(level, is_own(i) ? FIXUPS_AUXILIARY : FIXUPS_BOOT);
		if (level == FIXUPS_BOOT) {
			CU_ASSERT_PTR_NOT_NULL_FATAL(f);
			CU_ASSERT_STRING_EQUAL(f->name, v->slot[i]);
		}
	}
	kxld_cxx_release(&names);
	macho_release(&m);
	release_set(&s);
}

TEST_MAIN("classes in collections",
	  {"inherited slots are the kernel's", slots_are_the_kernels})
