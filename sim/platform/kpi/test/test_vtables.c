/* SPDX-License-Identifier: MIT */
/* The vtables of a stand-in kernel, read from its bytes and compared with the table. */
#include "sim/base/test.h"

#include <stdlib.h>
#include <string.h>

#include "sim/formats/macho/kxld_cxx.h"
#include "sim/platform/kpi/kpi.h"

struct subject {
	struct buf file;
	struct macho m;
	struct kxld_cxx names;
	const struct kpi_table *table;
};

static void open_subject(struct subject *s, const char *release, const char *machine)
{
	const struct release *r = release_by_name(release);
	const struct machine_model *m = machine_by_name(machine);
	struct err e = ERR_INIT;

	memset(s, 0, sizeof(*s));
	ASSERT_OK(kernel_standin_build_for(r, m, &s->file, &e), &e);
	ASSERT_OK(
		macho_open_for(s->file.data, s->file.len, macho_arch(m->arch), &s->m, &e),
		&e);
	ASSERT_OK(kxld_cxx_index(&s->m, true, &s->names, &e), &e);
	ASSERT_OK(kpi_table_of(r->darwin, &s->table, &e), &e);
}

static void subject_release(struct subject *s)
{
	kxld_cxx_release(&s->names);
	macho_release(&s->m);
	buf_release(&s->file);
}

static uint64_t word(const struct subject *s, uint64_t addr)
{
	const uint8_t *p = kxld_bytes_at(&s->m, addr, 8);

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	return get_le64(p);
}

/* Counts slots whose function has no name in the kernel. */
static void compare(const struct subject *s, const struct kpi_vtable *v, size_t *nameless)
{
	struct macho_symbol sym;
	struct err e = ERR_INIT;

	ASSERT_OK(macho_find_defined(&s->m, v->symbol, &sym, &e), &e);
	CU_ASSERT_EQUAL(word(s, sym.value), 0);
	CU_ASSERT_EQUAL(word(s, sym.value + 8), 0);
	for (uint32_t i = 0; i < v->n_slots; i++) {
		uint64_t at = word(s, sym.value + 16 + 8 * i);
		const struct kxld_cxx_symbol *f = kxld_cxx_at(&s->names, at);

		CU_ASSERT_TRUE(macho_section_at(&s->m, at) ==
			       macho_section(&s->m, "__TEXT", "__text"));
		if (!f)
			++*nameless;
		else if (strcmp(f->name, v->slot[i]) != 0)
			CU_FAIL("another function");
	}
	CU_ASSERT_EQUAL(word(s, sym.value + 16 + 8ull * v->n_slots), 0);
}

/* As many relocations as pointers, each at one. */
static void check_relocs(const struct subject *s, size_t want)
{
	const struct macho_segment *data = macho_segment(&s->m, "__DATA");
	const bool intel = s->m.arch == macho_arch(MACHO_X86_64);
	size_t pointers = 0;

	for (uint64_t a = data->vmaddr; a < data->vmaddr + data->filesize; a += 8)
		pointers += word(s, a) != 0;
	CU_ASSERT_EQUAL(pointers, want);
	CU_ASSERT_EQUAL(s->m.dysym.nlocrel, want);
	for (uint32_t i = 0; i < s->m.dysym.nlocrel; i++) {
		struct macho_reloc r = macho_reloc(&s->m, s->m.dysym.locreloff, i);
		uint64_t at = (intel ? data->vmaddr : s->m.segs[0].vmaddr) + r.address;

		CU_ASSERT_TRUE(!r.is_extern && r.length == 3 && word(s, at) != 0);
	}
}

static void kernels_have_their_vtables(void)
{
	/* counts of the tables' READMEs; pointers: slots, superClass and metaClass */
	static const struct {
		const char *release, *machine;
		size_t vtables, slots, locals;
	} kernel[] = {
		{"10.15.0", "intel", 234, 12191 + 2990 + 2, 235},
		{"11.0.1", "intel", 254, 13727 + 3250 + 2, 255},
		{"12.1", "intel", 278, 14892 + 3562 + 2, 279},
		{"12.1", "m1", 278, 14892 + 3562 + 2, 279},
	};

	for (size_t i = 0; i < sizeof(kernel) / sizeof(kernel[0]); i++) {
		struct subject s;
		size_t slots = 0, nameless = 0, classes = 0;

		open_subject(&s, kernel[i].release, kernel[i].machine);
		CU_ASSERT_EQUAL(s.table->vtables.n, kernel[i].vtables);
		for (size_t n = 0; n < s.table->vtables.n; n++) {
			const struct kpi_vtable *v = &s.table->vtables.row[n];

			compare(&s, v, &nameless);
			slots += v->n_slots;
			classes += v->kind == KPI_VTABLE_META;
		}
		CU_ASSERT_EQUAL(slots, kernel[i].slots);
		CU_ASSERT_TRUE(nameless >= kernel[i].locals);
		check_relocs(&s, slots + 2 * classes - 1); /* OSObject has no parent */
		subject_release(&s);
	}
}

/* superClass of a class leads to its parent's metaclass. */
static void classes_know_their_parents(void)
{
	struct subject s;
	struct macho_symbol from, to;
	struct err e = ERR_INIT;

	open_subject(&s, "10.15.0", "intel");
	ASSERT_OK(macho_find_defined(&s.m, "__ZN9IOService10superClassE", &from, &e), &e);
	ASSERT_OK(macho_find_defined(&s.m, "__ZN15IORegistryEntry10gMetaClassE", &to, &e),
		  &e);
	CU_ASSERT_EQUAL(word(&s, from.value), to.value);
	subject_release(&s);
}

static void read_fails(const char *text, const char *want)
{
	struct kpi_vtables t;
	struct err e = ERR_INIT;

	ASSERT_FAILS(kpi_vtables_read(text, strlen(text), NULL, &t, &e), E_CORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, want));
}

static void rows(void)
{
	static const char good[] = "#class\n"
				   "A\t-\tobject\t__ZTV1A\t3\tx y z\n"
				   "B\tA\tobject\t__ZTV1B\t5\t1 q 3 r s\n";
	static const char child[] = "C\tB\tmeta\t__ZTVN1C9MetaClassE\t5\t0 t\tfamily\n";
	struct kpi_vtables t, c;
	struct err e = ERR_INIT;

	ASSERT_OK(kpi_vtables_read(good, strlen(good), NULL, &t, &e), &e);
	CU_ASSERT_EQUAL(t.n, 2);
	CU_ASSERT_STRING_EQUAL(t.row[1].slot[0], "x");
	CU_ASSERT_STRING_EQUAL(t.row[1].slot[1], "q");
	CU_ASSERT_STRING_EQUAL(t.row[1].slot[2], "z");
	CU_ASSERT_STRING_EQUAL(t.row[1].slot[4], "s");
	CU_ASSERT_STRING_EQUAL(kpi_vtable_mangled(&t.row[1]), "1B");
	ASSERT_OK(kpi_vtables_read(child, strlen(child), &t, &c, &e), &e);
	CU_ASSERT_PTR_EQUAL(c.row[0].parent, &t.row[1]);
	CU_ASSERT_STRING_EQUAL(c.row[0].slot[0], "t");
	CU_ASSERT_STRING_EQUAL(c.row[0].slot[3], "r");
	CU_ASSERT_STRING_EQUAL(c.row[0].bundle, "family");
	kpi_vtables_release(&c);
	kpi_vtables_release(&t);
	read_fails("A\t-\tobject\t__ZTV1A\t3\n", "bad row");
	read_fails("A\t-\tthing\t__ZTV1A\t1\tx\n", "bad row of class A");
	read_fails("A\tB\tobject\t__ZTV1A\t1\tx\n", "bad row of class A");
	read_fails("A\t-\tobject\t__ZTV1A\t2\tx\n", "slots of __ZTV1A");
	read_fails("A\t-\tobject\t__ZTV1A\t1\tx y\n", "slots of __ZTV1A");
	read_fails("A\t-\tobject\t__ZTV1A\t1\t9 x\n", "slots of __ZTV1A");
}

TEST_MAIN("kpi vtables",
	  {"kernels have the vtables of the table", kernels_have_their_vtables},
	  {"classes know their parents", classes_know_their_parents}, {"rows", rows})
