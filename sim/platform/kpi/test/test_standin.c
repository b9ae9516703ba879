/* SPDX-License-Identifier: MIT */
/* Stand-in kernels of every release on every machine that it runs on. */
#include <stdio.h>
#include <string.h>

#include "sim/base/idtext.h"
#include "sim/base/test.h"
#include "sim/formats/macho/kxld.h"
#include "sim/platform/kpi/kpi.h"

/* A kernel and its reader. */
struct subject {
	const struct release *r;
	const struct machine_model *m;
	struct buf file;
	struct macho macho;
};

static void open_subject(struct subject *s, const struct release *r,
			 const struct machine_model *m)
{
	struct err e = ERR_INIT;

	*s = (struct subject){.r = r, .m = m};
	ASSERT_OK(kernel_standin_build_for(r, m, &s->file, &e), &e);
	ASSERT_OK(macho_open_for(s->file.data, s->file.len, macho_arch(m->arch),
				 &s->macho, &e),
		  &e);
}

static void subject_release(struct subject *s)
{
	macho_release(&s->macho);
	buf_release(&s->file);
}

/* Give each pair that makes sense to @check. */
static void each_pair(void (*check)(struct subject *s))
{
	for (size_t i = 0; release_at(i); i++)
		for (size_t k = 0; machine_at(k); k++) {
			struct subject s;

			if (!machine_runs(machine_at(k), release_at(i)))
				continue;
			open_subject(&s, release_at(i), machine_at(k));
			check(&s);
			subject_release(&s);
		}
}

static const char *text_of(const struct subject *s, const char *symbol)
{
	const struct macho_section *sect;
	struct macho_symbol sym;
	struct err e = ERR_INIT;

	ASSERT_OK(macho_find_defined(&s->macho, symbol, &sym, &e), &e);
	sect = macho_section_at(&s->macho, sym.value);
	CU_ASSERT_PTR_NOT_NULL_FATAL(sect);
	return (const char *)s->file.data + sect->offset + (sym.value - sect->addr);
}

static void check_form(struct subject *s)
{
	const struct macho *m = &s->macho;
	char banner[RELEASE_BANNER_MAX];

	CU_ASSERT_EQUAL(m->filetype, MH_EXECUTE);
	CU_ASSERT_EQUAL(m->cpusubtype, m->arch->cpusubtype);
	CU_ASSERT_EQUAL(!macho_segment(m, "__PRELINK_INFO"), s->r->kernel_collections);
	for (unsigned i = 0; i < m->nsegs; i++)
		CU_ASSERT_EQUAL(m->segs[i].vmaddr % m->arch->page, 0);
	release_kernel_banner(s->r, s->m, banner);
	CU_ASSERT_STRING_EQUAL(text_of(s, "_version"), banner);
	CU_ASSERT_STRING_EQUAL(text_of(s, "_osrelease"), s->r->darwin);
}

static void every_pair_has_a_kernel(void)
{
	each_pair(check_form);
}

static void check_exports(struct subject *s)
{
	struct kxld_exports kernel = {.syms = {.n = 0}};
	const struct kpi_table *t;
	struct err e = ERR_INIT;
	size_t missing = 0;

	ASSERT_OK(kpi_table_of(s->r->darwin, &t, &e), &e);
	ASSERT_OK(kxld_exports_image(&s->macho, &kernel, &e), &e);
	for (size_t i = 0; i < t->n_syms; i++) {
		const struct kpi_symbol *k = &t->sym[i];

		if (strcmp(k->kpis, "-") != 0 &&
		    !symdict_get(&kernel.syms, k->alias_of ? k->alias_of : k->name))
			missing++;
	}
	CU_ASSERT_EQUAL(missing, 0);
	for (size_t i = 0; i < t->n_bundles; i++)
		CU_ASSERT_STRING_EQUAL(t->bundle[i].version, s->r->darwin);
	kxld_exports_release(&kernel);
}

static void kernels_have_what_their_kpis_export(void)
{
	each_pair(check_exports);
}

static void builds_differ_and_machines_of_one_build_do_not(void)
{
	const struct release *r = release_by_name("12.1");
	struct subject pro, max, m1, intel, t2;

	open_subject(&pro, r, machine_by_name("m1-pro"));
	open_subject(&max, r, machine_by_name("m1-max"));
	open_subject(&m1, r, machine_by_name("m1"));
	open_subject(&intel, r, machine_by_name("intel"));
	open_subject(&t2, r, machine_by_name("t2"));
	CU_ASSERT_EQUAL(memcmp(pro.macho.uuid, max.macho.uuid, 16), 0);
	CU_ASSERT_EQUAL(memcmp(intel.macho.uuid, t2.macho.uuid, 16), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(pro.macho.uuid, m1.macho.uuid, 16), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(pro.macho.uuid, intel.macho.uuid, 16), 0);
	subject_release(&pro);
	subject_release(&max);
	subject_release(&m1);
	subject_release(&intel);
	subject_release(&t2);
}

/* Disks of earlier runs are overlays of base disks with this kernel in them. */
static void catalinas_kernel_is_what_it_was(void)
{
	struct buf k = BUF_INIT;
	struct err e = ERR_INIT;
	char sha[SHA256_TEXT_MAX];

	ASSERT_OK(kernel_standin_build(release_by_name("10.15.0"), &k, &e), &e);
	ASSERT_OK(sha256_text(k.data, k.len, sha, &e), &e);
	CU_ASSERT_STRING_EQUAL(
		sha, "52cdc386bfd044b257dd1a35979a987ff07784ddf76a1f3b68fc26e0766a0a82");
	buf_release(&k);
}

static void a_machine_too_new_for_the_release_is_refused(void)
{
	struct buf k = BUF_INIT;
	struct err e = ERR_INIT;

	ASSERT_FAILS(kernel_standin_build_for(release_by_name("11.0.1"),
					      machine_by_name("m1-pro"), &k, &e),
		     E_INVAL);
	CU_ASSERT_EQUAL(k.len, 0);
}

static void other_tools_read_the_kernel_of_apple_silicon(void)
{
	struct subject s;
	char path[4096];
	FILE *f;

	if (test_shell("command -v llvm-objdump >/dev/null"))
		TEST_SKIP("no llvm-objdump");
	open_subject(&s, release_by_name("12.1"), machine_by_name("m1"));
	snprintf(path, sizeof(path), "%s/kernel", test_tmpdir());
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fwrite(s.file.data, 1, s.file.len, f);
	fclose(f);
	CU_ASSERT_EQUAL(test_shell("llvm-objdump --macho --private-headers '%s' "
				   "| grep -q 'ARM64 .* EXECUTE'",
				   path),
			0);
	CU_ASSERT_EQUAL(test_shell("llvm-objdump --macho -d --dis-symname _panic '%s' "
				   "| grep -q 'ret'",
				   path),
			0);
	subject_release(&s);
}

TEST_MAIN("standin",
	  {"every release has a kernel for its machines", every_pair_has_a_kernel},
	  {"kernels have what their KPIs export", kernels_have_what_their_kpis_export},
	  {"one UUID for each build of the kernel",
	   builds_differ_and_machines_of_one_build_do_not},
	  {"Catalina's kernel is what it was", catalinas_kernel_is_what_it_was},
	  {"a machine too new for the release is refused",
	   a_machine_too_new_for_the_release_is_refused},
	  {"other tools read the kernel of Apple silicon",
	   other_tools_read_the_kernel_of_apple_silicon})
