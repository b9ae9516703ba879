/* SPDX-License-Identifier: MIT */
/* The kexts of a running kernel: one that kextcache made, with real kexts loaded beside. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "components/boot/kernelcache.h"
#include "components/kextcache/test/kextcache_fixture.h"
#include "sim/base/bytes.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/kext/set.h"
#include "sim/formats/mkext/mkext.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/paths.h"

#define KMOD_OFF_ADDRESS 156

static struct kernelcache cache;
static struct kernel_kexts *kexts; /* of it */
static char heard[8192];

static void hear(void *arg, enum clog_level level, const char *text)
{
	size_t n = strlen(heard);

	(void)arg;
	(void)level;
	snprintf(heard + n, sizeof(heard) - n, "%s\n", text);
}

static const struct component_log ears = {.line = hear, .max = CLOG_DEBUG};
static const struct kext_caller anybody = {.log = &ears},
				entitled = {.entitled = true, .log = &ears};

/* A kernel with System.kext and ExampleFilter 1.0. */
static bool start(void)
{
	struct buf file = BUF_INIT;
	struct err e = ERR_INIT;
	struct kc_world w;

	if (!volume())
		return false;
	w = world();
	CU_ASSERT_EQUAL_FATAL(build(&w, "-local-root"), 0);
	ASSERT_OK(fsio_read(at(PATH_STAGED_PLK), 64u << 20, &file, &e), &e);
	ASSERT_OK(kernelcache_open(&cache, PATH_SYSTEM_PLK, file.data, file.len, &e), &e);
	buf_release(&file);
	kexts = &cache.running;
	return true;
}

/* ---- requests ---- */

struct archive {
	struct kext_set set; /* owns */
	struct mkext_kext kext[64];
	size_t n;
};

static void add(struct archive *a, struct kext *k)
{
	struct err e = ERR_INIT;

	a->kext[a->n++] = (struct mkext_kext){
		.info = k->info,
		.bundle_path = k->path,
		.exec = !k->executable || kext_load_executable(k, &e) ? NULL : k->exe.data,
		.exec_len = k->exe.len,
	};
}

/* The kernel's interfaces, and fixtures by their names, up to NULL. */
static void collect(struct archive *a, const char *const *fixture)
{
	struct err e = ERR_INIT;
	char path[1024];

	*a = (struct archive){.set = {.owns = true}};
	ASSERT_OK(kext_set_scan(&a->set, at(PATH_SYSTEM_EXTENSIONS "/System.kext"), NULL, &e),
		  &e);
	for (; *fixture; fixture++) {
		snprintf(path, sizeof(path), "%s/%s.kext", test_source("build/fixtures"),
			 *fixture);
		ASSERT_OK(kext_set_scan(&a->set, path, NULL, &e), &e);
	}
	for (size_t i = 0; i < a->set.n; i++)
		add(a, a->set.item[i]);
}

static enum kext_return send(const struct archive *a, const char *id,
			     const struct kext_caller *who)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	enum kext_return r;

	heard[0] = '\0';
	ASSERT_OK(mkext_load_request(id, a->kext, a->n, &b, &e), &e);
	r = kernel_kexts_load(kexts, b.data, b.len, who);
	buf_release(&b);
	return r;
}

#define LOAD(id, ...) load(id, &entitled, (const char *const[]){__VA_ARGS__, NULL})
static enum kext_return load(const char *id, const struct kext_caller *who,
			     const char *const *fixture)
{
	struct archive a;
	enum kext_return r;

	collect(&a, fixture);
	r = send(&a, id, who);
	kext_set_release(&a.set);
	return r;
}

static enum kext_return unload(const char *id)
{
	heard[0] = '\0';
	return kernel_kexts_unload(kexts, id, &anybody);
}

static bool says(const char *text)
{
	return strstr(heard, text) != NULL;
}

/* ---- tests ---- */

static void begins_with_the_prelinked(void)
{
	const struct kernel_kext *filter, *libkern;
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	plist_t list = NULL;

	if (!start())
		return;
	filter = kernel_kexts_find(kexts, "com.example.filter");
	libkern = kernel_kexts_find(kexts, "com.apple.kpi.libkern");
	CU_ASSERT_PTR_NOT_NULL_FATAL(filter);
	CU_ASSERT_PTR_NOT_NULL_FATAL(libkern);
	CU_ASSERT_EQUAL(filter->tag, kexts->n);
	CU_ASSERT_EQUAL(filter->addr, kernelcache_kext(&cache, filter->id)->load_addr);
	CU_ASSERT_TRUE(libkern->component);
	CU_ASSERT_TRUE(libkern->interface);
	CU_ASSERT_TRUE(libkern->image_len > 0);
	CU_ASSERT_EQUAL(kernel_kexts_references(kexts, libkern), 1);
	ASSERT_OK(kernel_kexts_plist(kexts, &text, &e), &e);
	ASSERT_OK(pl_parse(text.data, text.len, "list", &list, &e), &e);
	CU_ASSERT_EQUAL(plist_array_get_size(list), kexts->n);
	plist_free(list);
	buf_release(&text);
	kernelcache_release(&cache);
}

static uint64_t pointer_at(const struct kernel_kext *x, uint64_t addr)
{
	CU_ASSERT_FATAL(addr >= x->addr && addr + 8 <= x->addr + x->size);
	return get_le64((const uint8_t *)x->image + (addr - x->addr));
}

static bool has_pointer(const struct kernel_kext *x, uint64_t to)
{
	uint8_t bytes[8];

	put_le64(bytes, to);
	return memmem(x->image, x->image_len, bytes, sizeof(bytes)) != NULL;
}

/* Opened for itself, not as the linker left it. */
static uint64_t symbol(const struct kernel_kext *x, const char *name)
{
	struct macho_symbol s = {.value = 0};
	struct err e = ERR_INIT;
	struct macho m;

	ASSERT_OK(macho_open(x->image, x->image_len, &m, &e), &e);
	CU_ASSERT_EQUAL(m.dysym.nextrel, 0);
	ASSERT_OK(macho_find_defined(&m, name, &s, &e), &e);
	macho_release(&m);
	return s.value;
}

/* Behind what the kernel came with; the client's pointer leads into the library. */
static void links_against_what_is_loaded(void)
{
	const struct kernel_kext *filter, *lib, *helper;

	if (!start())
		return;
	CU_ASSERT_EQUAL(LOAD("com.example.helper", "ExampleHelper-1.0", "ExampleLib-1.0"),
			KEXT_RET_OK);
	filter = kernel_kexts_find(kexts, "com.example.filter");
	lib = kernel_kexts_find(kexts, "com.example.lib");
	helper = kernel_kexts_find(kexts, "com.example.helper");
	CU_ASSERT_TRUE_FATAL(lib && helper);
	CU_ASSERT_EQUAL(lib->addr, filter->addr + filter->size);
	CU_ASSERT_EQUAL(helper->addr, lib->addr + lib->size);
	CU_ASSERT_EQUAL(lib->tag, filter->tag + 1);
	CU_ASSERT_EQUAL(helper->tag, lib->tag + 1);
	CU_ASSERT_EQUAL(kernel_kexts_references(kexts, lib), 1);
	CU_ASSERT_TRUE(has_pointer(helper, symbol(lib, "_example_lib_users")));
	CU_ASSERT_TRUE(has_pointer(helper, symbol(lib, "_example_lib_banner")));
	CU_ASSERT_FALSE(has_pointer(lib, symbol(helper, "_helper_stop")));
	CU_ASSERT_EQUAL(pointer_at(helper, symbol(helper, "_kmod_info") + KMOD_OFF_ADDRESS),
			helper->addr);
	/* Again: there is nothing to do. */
	CU_ASSERT_EQUAL(LOAD("com.example.helper", "ExampleHelper-1.0", "ExampleLib-1.0"),
			KEXT_RET_OK);
	CU_ASSERT_TRUE(says("Refusing new kext com.example.lib, v1.0: a loaded copy is "
			    "already present (same version and executable)."));
	CU_ASSERT_EQUAL(kexts->n, helper->tag);
	kernelcache_release(&cache);
}

static void unloads(void)
{
	uint64_t addr, tag;

	if (!start())
		return;
	CU_ASSERT_EQUAL(LOAD("com.example.helper", "ExampleHelper-1.0", "ExampleLib-1.0"),
			KEXT_RET_OK);
	addr = kernel_kexts_find(kexts, "com.example.lib")->addr;
	tag = kernel_kexts_find(kexts, "com.example.helper")->tag;
	CU_ASSERT_EQUAL(unload("com.example.lib"), KEXT_RET_IN_USE);
	CU_ASSERT_TRUE(says("Can't unload kext com.example.lib; outstanding references "
			    "(linkage or tracking object)."));
	CU_ASSERT_EQUAL(unload("com.example.helper"), KEXT_RET_OK);
	CU_ASSERT_EQUAL(unload("com.example.helper"), KEXT_RET_NOT_FOUND);
	CU_ASSERT_EQUAL(unload("com.example.lib"), KEXT_RET_OK);
	CU_ASSERT_PTR_NULL(kernel_kexts_find(kexts, "com.example.lib"));
	/* One that came with the kernel is not different. */
	CU_ASSERT_EQUAL(unload("com.example.filter"), KEXT_RET_OK);
	CU_ASSERT_EQUAL(unload("com.apple.kpi.bsd"), KEXT_RET_INVALID_ARGUMENT);
	CU_ASSERT_EQUAL(unload("com.example.none"), KEXT_RET_NOT_FOUND);
	/* Memory is used again, load tags are not. */
	CU_ASSERT_EQUAL(LOAD("com.example.ondemand", "ExampleOnDemand-1.0"), KEXT_RET_OK);
	CU_ASSERT_TRUE(kernel_kexts_find(kexts, "com.example.ondemand")->addr < addr);
	CU_ASSERT_EQUAL(kernel_kexts_find(kexts, "com.example.ondemand")->tag, tag + 1);
	kernelcache_release(&cache);
}

static void refuses(void)
{
	if (!start())
		return;
	CU_ASSERT_EQUAL(LOAD("com.example.helper", "ExampleHelper-1.0"),
			KEXT_RET_DEPENDENCIES);
	CU_ASSERT_TRUE(says("library kext com.example.lib not found."));
	CU_ASSERT_EQUAL(LOAD("com.example.helper", "ExampleHelper-1.0", "ExampleLib-2.0"),
			KEXT_RET_DEPENDENCIES);
	CU_ASSERT_TRUE(says("not compatible with requested version 1.0."));
	CU_ASSERT_EQUAL(LOAD("com.example.unresolved", "ExampleUnresolved-1.0"),
			KEXT_RET_LINK);
	CU_ASSERT_TRUE(says("_example_symbol_of_no_kernel"));
	CU_ASSERT_TRUE(says("Kext com.example.unresolved failed to load (0xdc008016)."));
	CU_ASSERT_EQUAL(LOAD("com.example.none", "ExampleLib-1.0"), KEXT_RET_NOT_FOUND);
	CU_ASSERT_EQUAL(load("com.example.lib", &anybody,
			     (const char *const[]){"ExampleLib-1.0", NULL}),
			KEXT_RET_NOT_PRIVILEGED);
	CU_ASSERT_TRUE(says("Not entitled to link kext 'com.example.lib'"));
	/* What is loaded stays; no other of its name is taken. */
	CU_ASSERT_EQUAL(LOAD("com.example.filter", "ExampleFilter-2.0"), KEXT_RET_OK);
	CU_ASSERT_TRUE(says("Refusing new kext com.example.filter, v2.0: already have loaded "
			    "v1.0."));
	CU_ASSERT_EQUAL(kernel_kexts_load(kexts, "MKXT", 4, &entitled), KEXT_RET_BAD_DATA);
	kexts->prelink = NULL;
	CU_ASSERT_EQUAL(LOAD("com.example.lib", "ExampleLib-1.0"), KEXT_RET_DISABLED);
	kexts->prelink = &cache.prelink;
	kernelcache_release(&cache);
}

/* What a request may lack, though kextd would not send it so. */
static void refuses_bad_requests(void)
{
	static const char *const names[] = {"ExampleHelper-1.0", "ExampleLib-1.0", NULL};
	struct archive a;

	if (!start())
		return;
	collect(&a, names);
	for (size_t i = 0; i < a.n; i++)
		if (strstr(a.kext[i].bundle_path, "ExampleLib-1.0"))
			a.kext[i].exec = NULL;
	CU_ASSERT_EQUAL(send(&a, "com.example.lib", &entitled), KEXT_RET_VALIDATION);
	CU_ASSERT_TRUE(says("Can't load kext com.example.lib - executable is missing."));
	CU_ASSERT_EQUAL(send(&a, "com.example.helper", &entitled), KEXT_RET_DEPENDENCY_LOAD);
	CU_ASSERT_TRUE(says("Dependency com.example.lib of kext com.example.helper failed to "
			    "load."));
	/* A library that needs its own client. */
	for (size_t i = 0; i < a.n; i++)
		if (strstr(a.kext[i].bundle_path, "ExampleLib-1.0"))
			plist_dict_set_item(
				plist_dict_get_item(a.kext[i].info, "OSBundleLibraries"),
				"com.example.lib", plist_new_string("1.0"));
	CU_ASSERT_EQUAL(send(&a, "com.example.lib", &entitled), KEXT_RET_DEPENDENCIES);
	CU_ASSERT_TRUE(says("has a dependency loop"));
	/* Without code nobody asks for its libraries. */
	for (size_t i = 0; i < a.n; i++)
		if (strstr(a.kext[i].bundle_path, "ExampleLib-1.0"))
			plist_dict_remove_item(a.kext[i].info, "CFBundleExecutable");
	CU_ASSERT_EQUAL(send(&a, "com.example.lib", &entitled), KEXT_RET_OK);
	CU_ASSERT_EQUAL(send(&a, "com.example.helper", &entitled), KEXT_RET_DEPENDENCIES);
	kext_set_release(&a.set);
	kernelcache_release(&cache);
}

/* It has nothing that could be in memory. */
static void a_codeless_kext_is_not_listed(void)
{
	size_t n;

	if (!start())
		return;
	n = kexts->n;
	CU_ASSERT_EQUAL(LOAD("com.example.codeless", "ExampleCodeless-1.0"), KEXT_RET_OK);
	CU_ASSERT_EQUAL(kexts->n, n);
	kernelcache_release(&cache);
}

TEST_MAIN("kexts", {"begins with the prelinked", begins_with_the_prelinked},
	  {"links against what is loaded", links_against_what_is_loaded},
	  {"unloads", unloads}, {"refuses", refuses},
	  {"refuses bad requests", refuses_bad_requests},
	  {"a codeless kext is not listed", a_codeless_kext_is_not_listed})
