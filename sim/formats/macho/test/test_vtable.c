/* SPDX-License-Identifier: MIT */
/*
 * Vtables: rule by rule of kxld_vtable_patch and patch_vtables, on classes in assembler.
 * The images linked against are made by the linker itself, from assembler as well.
 */
#include "sim/base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/macho/kxld.h"
#include "sim/formats/macho/kxld_names.h"
#include "sim/formats/macho/test/darwin_cc.h"

#define LIB_LOAD  0xffffff7f80a00000ull
#define KEXT_LOAD 0xffffff7f80b00000ull

#define KMOD	   ".globl _kmod_info\n.p2align 3\n_kmod_info: .space 196\n.p2align 3\n"
#define FUNC(name) ".globl " name "\n" name ": retq\n"
#define DATA(name) ".globl " name "\n" name ":\n"
#define SLOT(name) ".quad " name "\n"
#define OLD_PAD	   "__ZN15OSMetaClassBase25_RESERVEDOSMetaClassBase3Ev"
#define HEAD	   ".quad 0,0\n"
#define END	   ".quad 0\n"

/* What libkern and a family would be: OSMetaClass, and the class Base. */
/* clang-format off */
static const char lib_source[] =
	".text\n"
	FUNC("___cxa_pure_virtual")
	FUNC("__ZN4BaseD0Ev") FUNC("__ZN4Base4workEv") FUNC("__ZN4Base4restEv")
	FUNC("__ZN4Base3newEv") FUNC("__ZN4Base14_RESERVEDBase1Ev")
	FUNC("__ZN11OSMetaClassD0Ev") FUNC("__ZNK11OSMetaClass5allocEv")
	FUNC("__ZN5Final3allEv") FUNC("__ZN5Final14__OSFinalClassEv")
	FUNC("__ZN15OSMetaClassBase8DispatchE5IORPC")
	"_hidden: retq\n"
	".data\n" KMOD
	DATA("__ZN4Base10gMetaClassE") ".quad 0\n"
	DATA("__ZN5Final10gMetaClassE") ".quad 0\n"
	DATA("__ZTV11OSMetaClass") HEAD
	SLOT("__ZN11OSMetaClassD0Ev") SLOT("__ZNK11OSMetaClass5allocEv") END
	/* slot 2: what Base inherits without a name; slot 3 was a pad in older headers,
	 * slot 4 still is one, slot 5 is pure */
	DATA("__ZTV4Base") HEAD
	SLOT("__ZN4BaseD0Ev") SLOT("__ZN4Base4workEv") SLOT("_hidden")
	SLOT("__ZN4Base3newEv") SLOT("__ZN4Base14_RESERVEDBase1Ev")
	SLOT("___cxa_pure_virtual") END
	DATA("__ZTV5Final") HEAD SLOT("__ZN5Final3allEv") END;
/* clang-format on */

struct lib {
	struct kxld_image img;
	struct macho m;
	struct kxld_exports x;
	const struct kxld_exports *list[1];
	char log[8192];
};

static void keep_line(void *arg, enum clog_level level, const char *text)
{
	struct lib *l = arg;
	size_t n = strlen(l->log);

	snprintf(l->log + n, sizeof(l->log) - n, "%d %s\n", (int)level, text);
}

static void lib_init(struct lib *l)
{
	struct kxld_request rq = {.name = "lib", .load_addr = LIB_LOAD};
	struct buf kext = BUF_INIT;
	struct err e = ERR_INIT;

	memset(l, 0, sizeof(*l));
	darwin_kext("s", lib_source, "", &kext);
	rq.file = kext.data;
	rq.len = kext.len;
	ASSERT_OK(kxld_link(&rq, &l->img, &e), &e);
	ASSERT_OK(macho_open(l->img.bytes.data, l->img.bytes.len, &l->m, &e), &e);
	ASSERT_OK(kxld_exports_image(&l->m, &l->x, &e), &e);
	l->list[0] = &l->x;
	buf_release(&kext);
}

static void lib_release(struct lib *l)
{
	kxld_exports_release(&l->x);
	macho_release(&l->m);
	kxld_image_release(&l->img);
}

static uint64_t lib_addr(const struct lib *l, const char *name)
{
	const struct symdict_entry *s = symdict_get(&l->x.syms, name);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s->value;
}

/*
 * A class of a kext with @slots, then what belongs to every one: metaclass, its vtable,
 * and the pointer to the metaclass of the parent @super.
 */
#define CLASS(c, super, slots)                                                           \
	DATA("__ZTV" c)                                                                  \
	HEAD slots END DATA("__ZTVN" c "9MetaClassE") HEAD SLOT("__ZN11OSMetaClassD0Ev") \
		SLOT("__ZNK" c "5allocEv")                                               \
			END DATA("__ZN" c "10gMetaClassE") ".quad 0\n" DATA(             \
				"__ZN" c "10superClassE")                                \
				SLOT("__ZN" super "10gMetaClassE")
#define CODE(c) ".text\n" FUNC("__ZN" c "4restEv") FUNC("__ZNK" c "5allocEv") ".data\n"

/* A good class: its parent had "old" and another pad where it has "new" and "_RESERVED1".
 */
#define GOOD_SLOTS                                                                       \
	SLOT("__ZN4BaseD0Ev")                                                            \
	SLOT("__ZN4Base4workEv")                                                         \
	SLOT("__ZN4Base4restEv")                                                         \
	SLOT("__ZN4Base14_RESERVEDBase0Ev")                                              \
	SLOT("__ZN4Base14_RESERVEDBase1Ev") SLOT("___cxa_pure_virtual")                  \
		SLOT("__ZN5Child4restEv")

static int try_kext(struct lib *l, const char *text, struct kxld_image *img,
		    struct err *e)
{
	const struct component_log log = {keep_line, l, CLOG_DEBUG};
	struct kxld_request rq = {
		.name = "kext",
		.load_addr = KEXT_LOAD,
		.keep_relocs = true,
		.deps = l->list,
		.n_deps = 1,
		.log = &log,
	};
	struct buf kext = BUF_INIT;
	int r;

	l->log[0] = '\0';
	darwin_kext("s", text, "", &kext);
	rq.file = kext.data;
	rq.len = kext.len;
	r = kxld_link(&rq, img, e);
	buf_release(&kext);
	return r;
}

/* Pointer number @i of the linked table @name. */
static uint64_t slot_of(const struct kxld_image *img, const char *name, unsigned i)
{
	struct macho_symbol s;
	struct err e = ERR_INIT;
	struct macho m;

	ASSERT_OK(macho_open(img->bytes.data, img->bytes.len, &m, &e), &e);
	ASSERT_OK(macho_find_defined(&m, name, &s, &e), &e);
	macho_release(&m);
	return get_le64(img->bytes.data + (s.value - KEXT_LOAD) + 16 + 8 * i);
}

static void inherited_slots_are_patched(void)
{
	struct lib l;
	struct kxld_image img;
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	lib_init(&l);
	ASSERT_OK(try_kext(&l, CODE("5Child") KMOD CLASS("5Child", "4Base", GOOD_SLOTS),
			   &img, &e),
		  &e);
	/* the name that no one defines is gone with the slot it was in */
	CU_ASSERT_EQUAL(slot_of(&img, "__ZTV5Child", 3), lib_addr(&l, "__ZN4Base3newEv"));
	CU_ASSERT_EQUAL(slot_of(&img, "__ZTV5Child", 4),
			lib_addr(&l, "__ZN4Base14_RESERVEDBase1Ev"));
	CU_ASSERT_EQUAL(slot_of(&img, "__ZTV5Child", 0), lib_addr(&l, "__ZN4BaseD0Ev"));
	/* the parent's slot has no name: what the headers said stays */
	CU_ASSERT_EQUAL(slot_of(&img, "__ZTV5Child", 2),
			lib_addr(&l, "__ZN4Base4restEv"));
	CU_ASSERT_EQUAL(slot_of(&img, "__ZTV5Child", 5),
			lib_addr(&l, "___cxa_pure_virtual"));
	CU_ASSERT_EQUAL(slot_of(&img, "__ZTV5Child", 7), 0);
	CU_ASSERT_STRING_EQUAL(l.log,
			       "4 kxld[kext]: Linking kext kext\n"
			       "6 kxld[kext]: In vtable 'vtable for Child', patching "
			       "'Base::_RESERVEDBase0()' with 'Base::new()'.\n");
	kxld_image_release(&img);
	lib_release(&l);
}

/* A chain of two inside the kext, the child first in the symbol table. */
static void chain_inside_a_kext(void)
{
	struct lib l;
	struct kxld_image img;
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	lib_init(&l);
	ASSERT_OK(try_kext(&l,
			   CODE("5Child") CODE("5Aunty")
				   KMOD CLASS("5Aunty", "5Child",
					      GOOD_SLOTS SLOT("__ZN5Aunty4restEv"))
					   CLASS("5Child", "4Base", GOOD_SLOTS),
			   &img, &e),
		  &e);
	CU_ASSERT_EQUAL(slot_of(&img, "__ZTV5Aunty", 3), lib_addr(&l, "__ZN4Base3newEv"));
	CU_ASSERT_PTR_NOT_NULL(strstr(l.log,
				      "In vtable 'vtable for Aunty', patching "
				      "'Base::_RESERVEDBase0()' with 'Base::new()'"));
	/* parents first */
	CU_ASSERT_TRUE(strstr(l.log, "for Child'") < strstr(l.log, "for Aunty'"));
	kxld_image_release(&img);
	lib_release(&l);
}

static void fails(struct lib *l, const char *text, enum err_code code, const char *want)
{
	struct kxld_image img;
	struct err e = ERR_INIT;

	ASSERT_FAILS(try_kext(l, text, &img, &e), code);
	CU_ASSERT_STRING_EQUAL(e.msg, want);
	if (strcmp(e.msg, want) != 0)
		test_note(__FILE__, __LINE__, want, &e);
}

static void refusals(void)
{
	struct lib l;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	lib_init(&l);
	/* newer headers than the system: the child uses a slot that is still a pad */
	fails(&l,
	      CODE("5Child")
		      KMOD CLASS("5Child", "4Base",
				 SLOT("__ZN4BaseD0Ev") SLOT("__ZN4Base4workEv")
					 SLOT("__ZN4Base4restEv") SLOT("__ZN4Base3newEv")
						 SLOT("__ZN4Base6newestEv")
							 SLOT("___cxa_pure_virtual")),
	      E_UNSUPPORTED,
	      "The super class vtable 'vtable for Base' for vtable 'vtable for Child' is "
	      "out "
	      "of date. Make sure your kext has been built against the correct headers.");
	/* fewer slots than the parent */
	fails(&l, CODE("5Child") KMOD CLASS("5Child", "4Base", SLOT("__ZN4BaseD0Ev")),
	      E_UNSUPPORTED,
	      "The vtable 'vtable for Child' is malformed. Make sure your kext has been "
	      "built against the correct headers.");
	/* declared, and nowhere defined */
	fails(&l,
	      CODE("5Child")
		      KMOD CLASS("5Child", "4Base",
				 SLOT("__ZN5ChildD0Ev") SLOT("__ZN5Child4workEv")
					 SLOT("__ZN4Base4restEv") SLOT("__ZN4Base3newEv")
						 SLOT("__ZN4Base14_RESERVEDBase1Ev")
							 SLOT("___cxa_pure_virtual")),
	      E_UNSUPPORTED,
	      "The vtable for Child is unpatchable because its class declares the method "
	      "'Child::~Child()' without providing an implementation.\n"
	      "The vtable for Child is unpatchable because its class declares the method "
	      "'Child::work()' without providing an implementation.");
	fails(&l, CODE("5Child") KMOD CLASS("5Child", "5Final", SLOT("__ZN5Final3allEv")),
	      E_UNSUPPORTED, "Class '5Child' is a subclass of final class '5Final'.");
	/* the metaclass is there, the vtable is not; nor is it for the grandchild */
	fails(&l,
	      CODE("5Child") CODE("5Aunty")
		      KMOD DATA("__ZN4Gone10gMetaClassE") ".quad 0\n" CLASS(
			      "5Child", "4Gone", SLOT("__ZN4BaseD0Ev"))
			      CLASS("5Aunty", "5Child", SLOT("__ZN4BaseD0Ev")),
	      E_UNSUPPORTED,
	      "The vtable for Aunty was not patched because its parent, the vtable for "
	      "Child, was not patchable.\n"
	      "The vtable for Child was not patched because its parent, the vtable for "
	      "Gone, was not found.");
	fails(&l,
	      CODE("5Child") KMOD DATA("__ZTV5Child")
		      HEAD END DATA("__ZN5Child10superClassE")
			      SLOT("__ZN4Base10gMetaClassE"),
	      E_NOTFOUND,
	      "Cannot find the vtable '__ZTVN5Child9MetaClassE' for class '5Child'. This "
	      "vtable symbol is required for binary compatibility, and it may have been "
	      "stripped.");
	lib_release(&l);
}

/*
 * A vtable that no class owns still refers to the pad that was patched away elsewhere: it
 * keeps the value of that symbol, here none, and the kext links.
 */
static void class_without_macros(void)
{
	struct lib l;
	struct kxld_image img;
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	lib_init(&l);
	ASSERT_OK(try_kext(&l,
			   CODE("5Child") KMOD CLASS("5Child", "4Base", GOOD_SLOTS)
				   DATA("__ZTV5Plain")
					   HEAD SLOT("__ZN4Base14_RESERVEDBase0Ev") END,
			   &img, &e),
		  &e);
	CU_ASSERT_EQUAL(slot_of(&img, "__ZTV5Plain", 0), 0);
	CU_ASSERT_EQUAL(slot_of(&img, "__ZTV5Child", 3), lib_addr(&l, "__ZN4Base3newEv"));
	CU_ASSERT_PTR_NOT_NULL(strstr(
		l.log,
		"1 kxld[kext]: Warning: relocation failed because some class in this "
		"kext didn't use the OSDeclareDefaultStructors and "
		"OSDefineMetaClassAndStructors, or didn't export all vtable symbols, so "
		"it still references Base::_RESERVEDBase0(), which has been patched with "
		"another symbol for binary compatibility. Please make sure all classes "
		"that inherit from OSObject use these macros.\n"));
	kxld_image_release(&img);
	lib_release(&l);
}

/* clang -fapple-kext calls a parent's method through the parent's vtable. */
static void pure_virtual_call(void)
{
	struct lib l;
	struct kxld_image img;
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	lib_init(&l);
	ASSERT_OK(try_kext(&l, ".text\nmovq __ZTV4Base+16+8*1(%rip), %rax\n.data\n" KMOD,
			   &img, &e),
		  &e);
	kxld_image_release(&img);
	fails(&l, ".text\nmovq __ZTV4Base+16+8*5(%rip), %rax\n.data\n" KMOD,
	      E_UNSUPPORTED,
	      "This kext calls a pure virtual function. Make sure your kext's "
	      "OSObject-derived classes implement all pure virtual functions.");
	fails(&l, ".data\n" KMOD ".quad __ZTV4Base+16+8*5\n", E_UNSUPPORTED,
	      "This kext calls a pure virtual function. Make sure your kext's "
	      "OSObject-derived classes implement all pure virtual functions.");
	lib_release(&l);
}

/*
 * A slot that became a method in 10.15 is that method under its old name, too: in a class
 * whose parent overrides it, and in a vtable that no class owns.
 */
static void renamed_pad(void)
{
	struct lib l;
	struct kxld_image img;
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	lib_init(&l);
	ASSERT_OK(try_kext(&l,
			   CODE("5Child") KMOD CLASS(
				   "5Child", "4Base",
				   SLOT("__ZN4BaseD0Ev") SLOT(OLD_PAD) SLOT(
					   "__ZN4Base4restEv") SLOT("__ZN4Base3newEv")
					   SLOT("__ZN4Base14_RESERVEDBase1Ev")
						   SLOT("___cxa_pure_virtual"))
				   DATA("__ZTV5Plain") HEAD SLOT(OLD_PAD) END,
			   &img, &e),
		  &e);
	CU_ASSERT_EQUAL(slot_of(&img, "__ZTV5Child", 1),
			lib_addr(&l, "__ZN4Base4workEv"));
	CU_ASSERT_EQUAL(slot_of(&img, "__ZTV5Plain", 0),
			lib_addr(&l, "__ZN15OSMetaClassBase8DispatchE5IORPC"));
	kxld_image_release(&img);
	lib_release(&l);
}

/* Vtables of what a dependency needs are there; its symbols are not. */
static void indirect_dependency(void)
{
	struct lib l;
	struct kxld_exports direct = {.syms = {.n = 0}};
	const struct kxld_exports *deps[] = {&direct};
	struct kxld_request rq = {
		.name = "kext",
		.load_addr = KEXT_LOAD,
		.deps = deps,
		.n_deps = 1,
	};
	struct buf kext = BUF_INIT;
	struct kxld_image img;
	struct err e = ERR_INIT;

	if (!darwin_cc_works())
		TEST_SKIP("no clang for Darwin");
	lib_init(&l);
	ASSERT_OK(symdict_set(&direct.syms, "__ZN4Base10gMetaClassE", LIB_LOAD, 0, &e),
		  &e);
	darwin_kext("s",
		    CODE("5Child")
			    KMOD CLASS("5Child", "4Base",
				       SLOT("__ZN4Base14_RESERVEDBase7Ev") SLOT(
					       "__ZN4Base14_RESERVEDBase8Ev")
					       SLOT("__ZN5Child4restEv") SLOT(
						       "__ZN4Base14_RESERVEDBase9Ev")
						       SLOT("__ZN4Base14_RESERVEDBase1Ev")
							       SLOT("__ZN5Child4restEv")),
		    "", &kext);
	rq.file = kext.data;
	rq.len = kext.len;
	ASSERT_FAILS(kxld_link(&rq, &img, &e), E_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "Base, was not found."));
	rq.indirect = l.list;
	rq.n_indirect = 1;
	/* the class is patched; a pad that is the same in both stays, and is not
	 * resolved, nor is anything of the metaclass that was not patched */
	ASSERT_FAILS(kxld_link(&rq, &img, &e), E_NOTFOUND);
	CU_ASSERT_STRING_EQUAL(e.msg,
			       "The following symbols are unresolved for this kext:\n"
			       "\tOSMetaClass::~OSMetaClass()\n"
			       "\tBase::_RESERVEDBase1()");
	buf_release(&kext);
	lib_release(&l);
}

static void names(void)
{
	char out[KXN_MAX], bomb[1024] = "__Z1f", *room = NULL;

	CU_ASSERT_TRUE(kxn_is_super_pointer("__ZN5Child10superClassE"));
	CU_ASSERT_FALSE(kxn_is_super_pointer("_ZN5Child10superClassE"));
	CU_ASSERT_FALSE(kxn_is_super_pointer("__ZTV5Child10superClassE"));
	CU_ASSERT_TRUE(kxn_class_of_metaclass("__ZN3a_b10gMetaClassE", out));
	CU_ASSERT_STRING_EQUAL(out, "3a_b");
	CU_ASSERT_TRUE(kxn_meta_vtable("3a_b", out));
	CU_ASSERT_STRING_EQUAL(out, "__ZTVN3a_b9MetaClassE");
	CU_ASSERT_STRING_EQUAL(kxn_demangle("__ZN9IOService5startEPS_", &room),
			       "IOService::start(IOService*)");
	CU_ASSERT_STRING_EQUAL(kxn_demangle("_printf", &room), "_printf");
	CU_ASSERT_STRING_EQUAL(kxn_demangle("__Znonsense", &room), "__Znonsense");
	/* each argument is a function of the one before, twice: 2^60 characters */
	strcat(bomb, "PFviE");
	for (int i = 0; i < 60; i++) {
		char arg[32];

		if (i < 2)
			snprintf(arg, sizeof(arg), "PFvS%s_S%s_E", i ? "0" : "",
				 i ? "0" : "");
		else
			snprintf(
				arg, sizeof(arg), "PFvS%c_S%c_E",
				"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(2 * i - 1) % 36],
				"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(2 * i - 1) % 36]);
		strcat(bomb, arg);
	}
	CU_ASSERT_TRUE(strlen(kxn_demangle(bomb, &room)) <= sizeof(bomb));
	free(room);
}

TEST_MAIN("vtable", {"what a class inherits is patched", inherited_slots_are_patched},
	  {"a chain of classes inside a kext", chain_inside_a_kext},
	  {"what is refused, in kxld's words", refusals},
	  {"a class without its macros", class_without_macros},
	  {"direct calls of pure virtual functions", pure_virtual_call},
	  {"a pad under its old name", renamed_pad},
	  {"dependencies of dependencies", indirect_dependency}, {"names", names})
