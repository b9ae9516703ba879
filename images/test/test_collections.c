/* SPDX-License-Identifier: MIT */
/* The kernel collections of macOS 11 and 12: built, read, and read by others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "images/collections.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/macho/arm64.h"
#include "sim/formats/macho/kxld.h"
#include "sim/platform/kpi/kpi.h"

/* One collection and what it was made from. */
struct built {
	const struct release *r;
	const struct machine_model *m;
	struct buf file;
	struct fileset f;
};

static bool parts_missing(void)
{
	return !fsio_exists(test_source("build/system/12.1/kexts"));
}

/* System.kext of each release is written once. */
static struct collection_env env_of(const struct release *r)
{
	static char build[4096], system_kext[4096];
	struct err e = ERR_INIT;

	snprintf(build, sizeof(build), "%s", test_source("build"));
	snprintf(system_kext, sizeof(system_kext), "%s/%s/System.kext", test_tmpdir(),
		 r->name);
	if (!fsio_exists(system_kext))
		ASSERT_OK(kpi_system_kext_write(r, system_kext, &e), &e);
	return (struct collection_env){build, system_kext};
}

static void open_built(struct built *b)
{
	struct err e = ERR_INIT;

	ASSERT_OK(kc_open(b->file.data, b->file.len, b->m, &b->f, &e), &e);
}

static void build_boot(struct built *b, const char *release, const char *machine)
{
	struct collection_env env;
	struct err e = ERR_INIT;

	*b = (struct built){.r = release_by_name(release), .m = machine_by_name(machine)};
	env = env_of(b->r);
	ASSERT_OK(kc_build_boot(&env, b->r, b->m, NULL, 0, &b->file, &e), &e);
	open_built(b);
}

static void build_system(struct built *b, const struct built *boot)
{
	struct collection_env env = env_of(boot->r);
	struct err e = ERR_INIT;

	*b = (struct built){.r = boot->r, .m = boot->m};
	ASSERT_OK(kc_build_system(&env, b->r, b->m, &boot->f, &b->file, &e), &e);
	open_built(b);
}

static void built_release(struct built *b)
{
	fileset_release(&b->f);
	buf_release(&b->file);
}

static const char *version_of(const struct built *b, const char *id)
{
	const struct kext_entry *k = fileset_find(&b->f, id);

	return k ? k->version : "none";
}

/* ---- what is in it ---- */

static void check_content(const struct built *b)
{
	char banner[RELEASE_BANNER_MAX];

	release_kernel_banner(b->r, b->m, banner);
	CU_ASSERT_STRING_EQUAL(b->f.kernel_version, banner);
	CU_ASSERT_STRING_EQUAL(b->f.kext[0].id, "com.apple.kpi.bsd");
	CU_ASSERT_STRING_EQUAL(version_of(b, "com.apple.kpi.libkern"), b->r->darwin);
	CU_ASSERT_STRING_EQUAL(version_of(b, "com.apple.filesystems.apfs"),
			       b->r->apfs.version);
	CU_ASSERT_STRING_EQUAL(version_of(b, "com.apple.security.AppleImage4"),
			       b->r->image4.version);
	CU_ASSERT_STRING_EQUAL(version_of(b, "com.apple.kec.corecrypto"),
			       b->r->corecrypto);
	CU_ASSERT_STRING_EQUAL(version_of(b, "com.apple.security.sandbox"), "300.0");
	CU_ASSERT_STRING_EQUAL(version_of(b, "com.apple.driver.AppleFileSystemDriver"),
			       "3.0.1");
}

/* Every release that has collections, on every machine that runs it. */
static void every_pair_has_one(void)
{
	if (parts_missing())
		TEST_SKIP("build/system/12.1/kexts is not there");
	for (size_t i = 0; release_at(i); i++)
		for (size_t k = 0; machine_at(k); k++) {
			struct built b;

			if (!release_at(i)->kernel_collections ||
			    !machine_runs(machine_at(k), release_at(i)))
				continue;
			build_boot(&b, release_at(i)->name, machine_at(k)->name);
			check_content(&b);
			built_release(&b);
		}
}

static void machines_differ_in_their_kexts(void)
{
	struct built as, intel;

	if (parts_missing())
		TEST_SKIP("build/system/12.1/kexts is not there");
	build_boot(&as, "12.1", "m1-pro");
	build_boot(&intel, "12.1", "intel");
	CU_ASSERT_PTR_NOT_NULL(fileset_find(&as.f, "com.apple.driver.AppleSEPKeyStore"));
	CU_ASSERT_PTR_NULL(fileset_find(&as.f, "com.apple.driver.AppleACPIPlatform"));
	CU_ASSERT_PTR_NULL(fileset_find(&intel.f, "com.apple.driver.AppleSEPKeyStore"));
	CU_ASSERT_PTR_NOT_NULL(
		fileset_find(&intel.f, "com.apple.driver.AppleACPIPlatform"));
	/* not needed to mount the root volume */
	CU_ASSERT_PTR_NOT_NULL(fileset_find(&as.f, "com.apple.filesystems.autofs"));
	CU_ASSERT_PTR_NULL(fileset_find(&intel.f, "com.apple.filesystems.autofs"));
	built_release(&as);
	built_release(&intel);
}

static void libraries_come_first(void)
{
	struct built b;
	size_t match, amfi, sandbox;

	if (parts_missing())
		TEST_SKIP("build/system/12.1/kexts is not there");
	build_boot(&b, "12.1", "m1");
	match = (size_t)(fileset_find(&b.f, "com.apple.kext.AppleMatch") - b.f.kext);
	amfi = (size_t)(fileset_find(&b.f, "com.apple.driver.AppleMobileFileIntegrity") -
			b.f.kext);
	sandbox = (size_t)(fileset_find(&b.f, "com.apple.security.sandbox") - b.f.kext);
	CU_ASSERT(match < sandbox && amfi < sandbox);
	CU_ASSERT_STRING_EQUAL(b.f.kext[sandbox].bundle_path,
			       "/System/Library/Extensions/Sandbox.kext");
	CU_ASSERT_STRING_EQUAL(b.f.kext[sandbox].exec_rel_path, "Contents/MacOS/Sandbox");
	CU_ASSERT_STRING_EQUAL(
		fileset_find(&b.f, "com.apple.kpi.mach")->bundle_path,
		"/System/Library/Extensions/System.kext/PlugIns/Mach.kext");
	built_release(&b);
}

static void the_same_bytes_again(void)
{
	struct built a, b;

	if (parts_missing())
		TEST_SKIP("build/system/12.1/kexts is not there");
	build_boot(&a, "12.0.1", "t2");
	build_boot(&b, "12.0.1", "t2");
	CU_ASSERT_EQUAL_FATAL(a.file.len, b.file.len);
	CU_ASSERT_EQUAL(memcmp(a.file.data, b.file.data, a.file.len), 0);
	built_release(&b);
	build_boot(&b, "12.1", "t2");
	CU_ASSERT_NOT_EQUAL(memcmp(a.f.kcid, b.f.kcid, UUID_LEN), 0);
	built_release(&a);
	built_release(&b);
}

/* ---- how it is linked ---- */

static uint64_t addr_of(const struct built *b, const char *id, const char *symbol)
{
	const struct kext_entry *k = fileset_find(&b->f, id);
	struct macho_symbol s;
	struct macho m;
	struct err e = ERR_INIT;

	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	ASSERT_OK(fileset_kext_macho(&b->f, k, &m, &e), &e);
	ASSERT_OK(macho_find_defined(&m, symbol, &s, &e), &e);
	macho_release(&m);
	return s.value;
}

/* The pointers of a collection as a loader leaves them: address and value. */
#define POINTERS_MAX 65536 /* the kernel's vtables alone have more than 8192 */
struct pointers {
	uint64_t at[POINTERS_MAX], to[POINTERS_MAX];
	enum fixups_level level[POINTERS_MAX];
	size_t n;
	uint64_t base[FIXUPS_LEVELS];
};

static int keep_pointer(void *arg, uint64_t addr, enum fixups_level level,
			uint64_t target, bool authenticated, struct err *e)
{
	struct pointers *p = arg;

	(void)authenticated, (void)e;
	CU_ASSERT_FATAL(p->n < POINTERS_MAX);
	p->at[p->n] = addr;
	p->level[p->n] = level;
	p->to[p->n++] = p->base[level] + target;
	return 0;
}

static void walk(struct pointers *p, const struct macho *m)
{
	struct err e = ERR_INIT;
	uint32_t off, size;

	if (fixups_find(m, &off, &size))
		ASSERT_OK(fixups_walk(m, off, size, keep_pointer, p, &e), &e);
}

static uint64_t pointer_at(const struct pointers *p, uint64_t addr)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->at[i] == addr)
			return p->to[i];
	return 0;
}

/* Sandbox's table of what it uses: {attach, version} of AppleMatch, then of AMFI. */
static void check_sandbox(const struct built *b, const struct pointers *p)
{
	uint64_t table = addr_of(b, "com.apple.security.sandbox", "_Sandbox_libraries");

	CU_ASSERT_EQUAL(pointer_at(p, table),
			addr_of(b, "com.apple.kext.AppleMatch", "_AppleMatch_attach"));
	CU_ASSERT_EQUAL(pointer_at(p, table + 24),
			addr_of(b, "com.apple.driver.AppleMobileFileIntegrity",
				"_AppleMobileFileIntegrity_version"));
}

static void pointers_reach_other_kexts(void)
{
	static const char *const machines[] = {"m1-max", "intel"};

	if (parts_missing())
		TEST_SKIP("build/system/12.1/kexts is not there");
	for (size_t i = 0; i < 2; i++) {
		struct pointers *p = calloc(1, sizeof(*p));
		struct built b;
		uint64_t size;

		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		build_boot(&b, "12.1", machines[i]);
		fileset_range(&b.f, &p->base[FIXUPS_BOOT], &size);
		walk(p, &b.f.m);
		CU_ASSERT(p->n > 2 * 20); /* kmod_info's start and stop of each kext */
		check_sandbox(&b, p);
		built_release(&b);
		free(p);
	}
}

/* Is there a call or jump in __text of @id that goes to @target? */
static bool calls(const struct built *b, const char *id, uint64_t target)
{
	const struct macho_section *text;
	struct macho m;
	struct err e = ERR_INIT;
	bool found = false;

	ASSERT_OK(fileset_kext_macho(&b->f, fileset_find(&b->f, id), &m, &e), &e);
	text = macho_section(&m, "__TEXT", "__text");
	for (uint64_t i = 0; !found && i + 5 <= text->size; i++) {
		const uint8_t *p = b->file.data + text->offset + i;
		uint64_t at = text->addr + i;

		if (b->m->apple_silicon)
			found = i % 4 == 0 && (p[3] & 0x7c) == 0x14 &&
				at + (uint64_t)arm64_branch26(p) == target;
		else
			found = (p[0] == 0xe8 || p[0] == 0xe9) &&
				at + 5 + (uint64_t)(int64_t)(int32_t)get_le32(p + 1) ==
					target;
	}
	macho_release(&m);
	return found;
}

static uint64_t kernel_addr(const struct built *b, const char *symbol)
{
	struct macho_symbol s;
	struct err e = ERR_INIT;

	ASSERT_OK(macho_find_defined(&b->f.kernel, symbol, &s, &e), &e);
	return s.value;
}

static void calls_reach_kernel_and_kexts(void)
{
	static const char *const machines[] = {"m1", "t2"};

	if (parts_missing())
		TEST_SKIP("build/system/12.1/kexts is not there");
	for (size_t i = 0; i < 2; i++) {
		struct built b;

		build_boot(&b, "11.0.1", machines[i]);
		CU_ASSERT_TRUE(calls(
			&b, "com.apple.security.quarantine",
			addr_of(&b, "com.apple.security.sandbox", "_Sandbox_attach")));
		CU_ASSERT_TRUE(calls(&b, "com.apple.security.quarantine",
				     kernel_addr(&b, "_printf")));
		built_release(&b);
	}
}

/* ---- collections that build on others ---- */

static void the_system_collection_has_the_rest(void)
{
	struct built boot, sys;
	struct err e = ERR_INIT;
	uint8_t other[UUID_LEN] = {0xab};

	if (parts_missing())
		TEST_SKIP("build/system/12.1/kexts is not there");
	build_boot(&boot, "12.1", "intel");
	build_system(&sys, &boot);
	CU_ASSERT_PTR_NOT_NULL(fileset_find(&sys.f, "com.apple.filesystems.autofs"));
	CU_ASSERT_PTR_NULL(fileset_find(&sys.f, "com.apple.iokit.IOStorageFamily"));
	CU_ASSERT_FALSE(sys.f.has_kernel);
	/* a function of a kext in the boot collection */
	CU_ASSERT_TRUE(calls(&sys, "com.apple.fileutil",
			     addr_of(&boot, "com.apple.iokit.IOStorageFamily",
				     "_IOStorageFamily_attach")));
	ASSERT_OK(fileset_check_system(&sys.f, boot.f.kcid, &e), &e);
	ASSERT_FAILS(fileset_check_system(&sys.f, other, &e), E_CORRUPT);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(e.msg, " is loaded")); /* the kernel's panic has three UUIDs */
	CU_ASSERT_EQUAL(strncmp(e.msg, "System KC UUID ", 15), 0);
	built_release(&sys);
	built_release(&boot);
}

/* Pageable kexts can be loaded one by one: each has its own fixups, at its own level. */
static void system_kexts_have_fixups_of_their_own(void)
{
	struct pointers *p = calloc(1, sizeof(*p));
	struct built boot, sys;
	struct macho m;
	struct err e = ERR_INIT;
	uint32_t off, len;
	uint64_t size;
	bool to_boot = false;

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	if (parts_missing()) {
		free(p);
		TEST_SKIP("build/system/12.1/kexts is not there");
	}
	build_boot(&boot, "12.1", "t2");
	build_system(&sys, &boot);
	CU_ASSERT_FALSE(fixups_find(&sys.f.m, &off, &len));
	fileset_range(&boot.f, &p->base[FIXUPS_BOOT], &size);
	fileset_range(&sys.f, &p->base[FIXUPS_PAGEABLE], &size);
	ASSERT_OK(fileset_kext_macho(&sys.f, fileset_find(&sys.f, "com.apple.fileutil"),
				     &m, &e),
		  &e);
	walk(p, &m);
	for (size_t i = 0; i < p->n; i++)
		if (p->to[i] == addr_of(&boot, "com.apple.iokit.IOStorageFamily",
					"_IOStorageFamily_attach"))
			to_boot = p->level[i] == FIXUPS_BOOT;
	CU_ASSERT_TRUE(to_boot);
	macho_release(&m);
	built_release(&sys);
	built_release(&boot);
	free(p);
}

/* A kext of somebody else's, without split information: its segments stay together. */
static void other_kexts_are_in_an_auxiliary_collection(void)
{
	char folder[4096];
	const struct collection_kext kext = {folder, "/Library/Extensions/Filter.kext"};
	struct built boot, sys, aux;
	struct collection_env env;
	struct err e = ERR_INIT;
	const struct kext_entry *k;
	char want[512], have[UUID_TEXT_MAX], own[UUID_TEXT_MAX];
	static const uint8_t other[UUID_LEN];

	snprintf(folder, sizeof(folder), "%s",
		 test_source("build/fixtures/ExampleFilter-1.0.kext"));
	if (parts_missing() || !fsio_exists(folder))
		TEST_SKIP("build/system or build/fixtures is not there");
	build_boot(&boot, "12.1", "intel");
	build_system(&sys, &boot);
	aux = (struct built){.r = boot.r, .m = boot.m};
	env = env_of(boot.r);
	ASSERT_OK(kc_build_aux(&env, aux.r, aux.m, &boot.f, &sys.f, &kext, 1, &aux.file,
			       &e),
		  &e);
	open_built(&aux);
	CU_ASSERT_EQUAL_FATAL(aux.f.n_kexts, 1);
	k = &aux.f.kext[0];
	CU_ASSERT_STRING_EQUAL(k->bundle_path, "/Library/Extensions/Filter.kext");
	CU_ASSERT_PTR_NOT_NULL(macho_segment(&aux.f.m, "__REGION0"));
	CU_ASSERT_EQUAL(macho_segment(&aux.f.m, "__REGION0")->vmaddr, k->load_addr);
	ASSERT_OK(fileset_check_links(&aux.f, boot.f.kcid, sys.f.kcid, &e), &e);
	ASSERT_FAILS(fileset_check_links(&aux.f, boot.f.kcid, other, &e), E_CORRUPT);
	uuid_text(sys.f.kcid, have);
	uuid_text(aux.f.kcid, own);
	snprintf(want, sizeof(want),
		 "UUID from key:_PageableKCID %s != expected "
		 "00000000-0000-0000-0000-000000000000 (KC UUID: %s)",
		 have, own);
	CU_ASSERT_STRING_EQUAL(e.msg, want);
	built_release(&aux);
	built_release(&sys);
	built_release(&boot);
}

static void apple_silicon_has_no_system_collection(void)
{
	struct built boot;
	struct collection_env env;
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	if (parts_missing())
		TEST_SKIP("build/system/12.1/kexts is not there");
	build_boot(&boot, "12.1", "m1");
	env = env_of(boot.r);
	ASSERT_FAILS(kc_build_system(&env, boot.r, boot.m, &boot.f, &out, &e), E_INVAL);
	built_release(&boot);
}

static void intel_code_is_not_for_apple_silicon(void)
{
	char folder[4096];
	const struct collection_kext kext = {folder, "/Library/Extensions/Filter.kext"};
	struct built boot, aux;
	struct collection_env env;
	struct err e = ERR_INIT;

	snprintf(folder, sizeof(folder), "%s",
		 test_source("build/fixtures/ExampleFilter-1.0.kext"));
	if (parts_missing() || !fsio_exists(folder))
		TEST_SKIP("build/system or build/fixtures is not there");
	build_boot(&boot, "12.1", "m1");
	aux = (struct built){.r = boot.r, .m = boot.m};
	env = env_of(boot.r);
	ASSERT_OK(
		kc_build_aux(&env, aux.r, aux.m, &boot.f, NULL, &kext, 1, &aux.file, &e),
		&e);
	open_built(&aux);
	CU_ASSERT_EQUAL(aux.f.n_kexts, 0); /* passed over */
	built_release(&aux);
	built_release(&boot);
}

/* ---- others read it ---- */

static void llvm_reads_it(void)
{
	static const char *const machines[] = {"m1-pro", "intel"};
	char path[4096];

	if (parts_missing())
		TEST_SKIP("build/system/12.1/kexts is not there");
	if (test_shell("command -v llvm-objdump-16 >/dev/null"))
		TEST_SKIP("no llvm-objdump-16");
	for (size_t i = 0; i < 2; i++) {
		struct built b;
		struct err e = ERR_INIT;
		size_t n = 1; /* the kernel */

		build_boot(&b, "12.1", machines[i]);
		for (size_t k = 0; k < b.f.n_kexts; k++)
			n += b.f.kext[k].has_code;
		snprintf(path, sizeof(path), "%s/%s.kc", test_tmpdir(), machines[i]);
		ASSERT_OK(fsio_write_atomic(path, b.file.data, b.file.len, 0644, &e), &e);
		CU_ASSERT_EQUAL(
			test_shell("llvm-objdump-16 --macho --private-headers "
				   "'%s' >'%s.txt' && grep -q FILESET '%s.txt' && "
				   "[ $(grep -c 0x80000035 '%s.txt') -eq %zu ]",
				   path, path, path, path, n),
			0);
		CU_ASSERT_EQUAL(test_shell("llvm-objdump-16 --macho --chained-fixups "
					   "'%s' | grep -q KERNEL_CACHE",
					   path),
				0);
		built_release(&b);
	}
}

TEST_MAIN("collections", {"every release has one for its machines", every_pair_has_one},
	  {"machines differ in their kexts", machines_differ_in_their_kexts},
	  {"libraries come before those that use them", libraries_come_first},
	  {"the same bytes again", the_same_bytes_again},
	  {"pointers reach other kexts", pointers_reach_other_kexts},
	  {"calls reach the kernel and other kexts", calls_reach_kernel_and_kexts},
	  {"the system collection has the rest", the_system_collection_has_the_rest},
	  {"system kexts have fixups of their own",
	   system_kexts_have_fixups_of_their_own},
	  {"other kexts are in an auxiliary collection",
	   other_kexts_are_in_an_auxiliary_collection},
	  {"Apple silicon has no system collection",
	   apple_silicon_has_no_system_collection},
	  {"Intel code is not for Apple silicon", intel_code_is_not_for_apple_silicon},
	  {"LLVM reads it", llvm_reads_it})
