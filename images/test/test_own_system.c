/* SPDX-License-Identifier: MIT */
/*
 * Systems that users bring: the one of the fixtures, and copies of it from which
 * something was taken away.
 */
#include "sim/base/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "images/cachekey.h"
#include "images/own_system.h"
#include "sim/base/fsio.h"
#include "sim/formats/macho/macho.h"
#include "sim/platform/paths.h"
#include "sim/platform/signing/authority.h"

#define DARWIN_XNU "Darwin 19.6.0, xnu-6153.141.1"

static bool there(void)
{
	if (fsio_exists(test_source("build/fixtures/system" PATH_KERNEL)))
		return true;
	test_skip("needs build/fixtures/system");
	return false;
}

/* A copy of the fixture, changed by @command in it; $K is the kernel, $E the extensions.
 */
static const char *copy(const char *command)
{
	static char dir[512];

	snprintf(dir, sizeof(dir), "%s/mac", test_tmpdir());
	CU_ASSERT_EQUAL_FATAL(test_shell("rm -rf '%s'; cp -R '%s' '%s' && cd '%s' && "
					 "K=System/Library/Kernels/kernel "
					 "E=System/Library/Extensions && %s",
					 dir, test_source("build/fixtures/system"), dir,
					 dir, command),
			      0);
	return dir;
}

/* ---- what is one, and what is not ---- */

static void a_system_is_opened(void)
{
	struct own_system s;
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	struct macho m;

	if (!there())
		return;
	ASSERT_OK(own_system_open(copy("true"), &s, &e), &e);
	CU_ASSERT_STRING_EQUAL(s.banner.darwin, "19.6.0");
	CU_ASSERT_STRING_EQUAL(s.banner.xnu, "6153.141.1");
	CU_ASSERT_TRUE(s.stand_in);
	ASSERT_OK(macho_open(s.kernel.data, s.kernel.len, &m, &e), &e);
	CU_ASSERT_TRUE(m.nsyms > 1000);
	macho_release(&m);
	ASSERT_OK(own_system_fits(&s, release_by_name("10.15.1"), &e), &e);
	ASSERT_OK(own_system_text(&s, release_by_name("10.15.1"), &text, &e), &e);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&text),
				      "/mac: a stand-in of kextlab, " DARWIN_XNU
				      ", which no release here has"));
	own_system_release(&s);
	buf_release(&text);
}

/* The kernel of a Mac: its UUID is none of ours. */
static void a_real_kernel_is_no_stand_in(void)
{
	struct own_system s;
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	if (!there())
		return;
	/* LC_UUID: the load command 0x1b of 24 bytes. */
	ASSERT_OK(own_system_open(
			  copy("perl -0777 -pi -e "
			       "'s/(\\x1b\\0\\0\\0\\x18\\0\\0\\0)..../$1Mac!/s' $K && "
			       "sed -i 's/6153.141.1/6153.11.26/g; "
			       "s/19.6.0/19.0.0/g' $K"),
			  &s, &e),
		  &e);
	CU_ASSERT_FALSE(s.stand_in);
	ASSERT_OK(own_system_text(&s, release_by_name("10.15.0"), &text, &e), &e);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_str(&text), "/mac: Darwin 19.0.0, xnu-6153.11.26"));
	CU_ASSERT_PTR_NULL(strstr(buf_str(&text), "which"));
	buf_clear(&text);
	ASSERT_OK(own_system_text(&s, release_by_name("10.15.1"), &text, &e), &e);
	CU_ASSERT_PTR_NOT_NULL(strstr(
		buf_str(&text), ", which is the kernel of 10.15.0, not of 10.15.1"));
	own_system_release(&s);
	buf_release(&text);
}

static void what_is_none_is_refused(void)
{
	static const struct {
		const char *command;
		enum err_code code;
		const char *text;
	} rows[] = {
		{"rm $K", E_NOTFOUND, "Kernels/kernel is missing. Copy it on the Mac: "},
		{"rm $K; mkdir $K", E_NOTFOUND, "Kernels/kernel is missing"},
		{"rm -r $E", E_NOTFOUND, "System/Library/Extensions is missing"},
		{"rm -r $E/System.kext", E_NOTFOUND, "System.kext is missing"},
		{"mv System/Library/* .", E_NOTFOUND, "the folder that holds System"},
		{": >$K", E_CORRUPT, "Kernels/kernel: "},
		{"head -c 30000 $K >k; mv k $K", E_CORRUPT, "Kernels/kernel: "},
		{"sed -i 's/Darwin Kernel/Carwin Kernel/' $K", E_UNSUPPORTED,
		 "no version of Darwin and xnu"},
		/* A Mach-O file, but no kernel. */
		{"cp $E/AppleExampleDriver.kext/Contents/MacOS/* $K", E_UNSUPPORTED,
		 "not a kernel"},
	};

	if (!there())
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = ERR_INIT;
		struct own_system s;

		ASSERT_FAILS(own_system_open(copy(rows[i].command), &s, &e),
			     rows[i].code);
		if (!strstr(e.msg, rows[i].text))
			printf("# %s: %s\n", rows[i].command, e.msg);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, rows[i].text));
		own_system_release(&s);
	}
}

static void a_prelinked_kernel_is_none(void)
{
	struct own_system s;
	struct err e = ERR_INIT;

	if (!there() || !fsio_exists(test_source("build/kextlab")))
		return;
	copy("true");
	CU_ASSERT_EQUAL(
		test_shell("cd '%s' && rm -f '%s/plk' && build/kextlab kernel build "
			   "--release 10.15.0 --extensions "
			   "build/fixtures/ExampleFilter-1.0.kext -o '%s/plk' "
			   ">/dev/null",
			   test_source("."), test_tmpdir(), test_tmpdir()),
		0);
	ASSERT_FAILS(own_system_open(copy("cp ../plk $K"), &s, &e), E_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "this is a prelinked kernel"));
	own_system_release(&s);
}

static void a_fat_kernel_is_made_thin(void)
{
	struct own_system s;
	struct err e = ERR_INIT;

	if (!there() || test_shell("command -v llvm-lipo >/dev/null"))
		return;
	ASSERT_OK(own_system_open(copy("llvm-lipo -create $K -output k && mv k $K"), &s,
				  &e),
		  &e);
	CU_ASSERT_EQUAL(test_shell("cmp -s '%s/mac/System/Library/Kernels/kernel' '%s'",
				   test_tmpdir(),
				   test_source("build/fixtures/system" PATH_KERNEL)),
			1);
	ASSERT_OK(fsio_write_atomic(test_path("thin"), s.kernel.data, s.kernel.len, 0644,
				    &e),
		  &e);
	CU_ASSERT_EQUAL(test_shell("cmp '%s/thin' '%s'", test_tmpdir(),
				   test_source("build/fixtures/system" PATH_KERNEL)),
			0);
	own_system_release(&s);
}

static void releases_are_chosen_with_care(void)
{
	struct own_system s;
	struct err e = ERR_INIT;

	if (!there())
		return;
	ASSERT_OK(own_system_open(copy("sed -i s/19.6.0/20.6.0/g $K"), &s, &e), &e);
	ASSERT_FAILS(own_system_fits(&s, release_by_name("10.15.0"), &e), E_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg,
				      "its kernel is of Darwin 20.6.0, macOS 10.15.0 "
				      "has Darwin 19.0.0"));
	ASSERT_FAILS(own_system_fits(&s, release_by_name("11.0.1"), &e), E_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "kernel collections"));
	own_system_release(&s);
}

/* ---- as a part of a volume ---- */

static uint32_t mode_of(const struct fs_tree *t, const char *name)
{
	char path[512];
	const struct fs_node *n;

	snprintf(path, sizeof(path), PATH_SYSTEM_EXTENSIONS "/%s", name);
	n = fs_tree_find(t, path);
	if (n)
		CU_ASSERT_TRUE(n->uid == 0 && n->gid == 0);
	return n ? n->mode : 0;
}

static void it_is_installed(void)
{
	struct own_system s;
	struct fs_tree t;
	struct err e = ERR_INIT;

	if (!there())
		return;
	ASSERT_OK(own_system_open(
			  copy("chmod 4777 $E/AppleExampleDriver.kext/Contents/MacOS/* "
			       "&& chmod 600 "
			       "$E/AppleExampleDriver.kext/Contents/Info.plist"),
			  &s, &e),
		  &e);
	ASSERT_OK(fs_tree_init(&t, 0, &e), &e);
	ASSERT_OK(own_system_import(&s, &t, PATH_SYSTEM_EXTENSIONS, 1u << 30, &e), &e);
	CU_ASSERT_EQUAL(mode_of(&t, "AppleExampleDriver.kext"), S_IFDIR | 0755);
	CU_ASSERT_EQUAL(mode_of(&t, "AppleExampleDriver.kext/Contents/Info.plist"),
			S_IFREG | 0644);
	CU_ASSERT_EQUAL(
		mode_of(&t, "AppleExampleDriver.kext/Contents/MacOS/AppleExampleDriver"),
		S_IFREG | 0755);
	CU_ASSERT_EQUAL(mode_of(&t, "Current.bundle") & S_IFMT, S_IFLNK);
	CU_ASSERT_EQUAL(mode_of(&t, "._AppleExampleDriver.kext"), 0);
	CU_ASSERT_EQUAL(mode_of(&t, "AppleExampleGraphics.bundle/._note"),
			S_IFREG | 0644);
	fs_tree_release(&t);
	ASSERT_OK(fs_tree_init(&t, 0, &e), &e);
	ASSERT_FAILS(own_system_import(&s, &t, PATH_SYSTEM_EXTENSIONS, 5000, &e),
		     E_NOSPC);
	fs_tree_release(&t);
	own_system_release(&s);
}

/* The folder may be put together of links. */
static void links_are_followed(void)
{
	struct own_system s;
	struct fs_tree t;
	struct err e = ERR_INIT;

	if (!there())
		return;
	ASSERT_OK(own_system_open(copy("mv $E there && ln -s \"$PWD/there\" $E && "
				       "mv $K k && ln -s \"$PWD/k\" $K"),
				  &s, &e),
		  &e);
	CU_ASSERT_PTR_NOT_NULL(strstr(s.extensions, "/mac/there"));
	ASSERT_OK(fs_tree_init(&t, 0, &e), &e);
	ASSERT_OK(own_system_import(&s, &t, PATH_SYSTEM_EXTENSIONS, 1u << 30, &e), &e);
	CU_ASSERT_EQUAL(mode_of(&t, "AppleExampleDriver.kext"), S_IFDIR | 0755);
	fs_tree_release(&t);
	own_system_release(&s);
}

/* A file of 3 GiB without blocks costs nothing, and is too much for the disk. */
static void what_is_too_large_is_said(void)
{
	struct own_system s;
	struct fs_tree t;
	struct err e = ERR_INIT;

	if (!there())
		return;
	ASSERT_OK(
		own_system_open(copy("truncate -s 3G $E/AppleExampleGraphics.bundle/gpu"),
				&s, &e),
		&e);
	ASSERT_OK(fs_tree_init(&t, 0, &e), &e);
	ASSERT_FAILS(own_system_import(&s, &t, PATH_SYSTEM_EXTENSIONS, 2ull << 30, &e),
		     E_NOSPC);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(e.msg, "hold 3072 MiB, on the disk there is room for 2048"));
	fs_tree_release(&t);
	own_system_release(&s);
}

static void the_key_follows_the_system(void)
{
	static const char *const changes[] = {"true",
					      "printf x >>$E/System.kext/Info.plist",
					      "printf x >>$K", "touch $E/new"};
	char source[512], build[512];
	struct image_env env = {.source_dir = source, .build_dir = build};
	struct disk_spec spec = {.release = release_by_name("10.15.0")};
	char key[4][CACHE_KEY_LEN];
	struct err e = ERR_INIT;

	if (!there() || !fsio_exists(test_source("build/guest/kextd")))
		return;
	snprintf(source, sizeof(source), "%s", test_source("."));
	snprintf(build, sizeof(build), "%s", test_source("build"));
	for (size_t i = 0; i < 4; i++) {
		spec.system = copy(changes[i]);
		ASSERT_OK(image_cache_key(&env, &spec, key[i], &e), &e);
		for (size_t k = 0; k < i; k++)
			CU_ASSERT_STRING_NOT_EQUAL(key[i], key[k]);
	}
	spec.system = copy("touch -d yesterday $K"); /* the time is none of it */
	ASSERT_OK(image_cache_key(&env, &spec, key[1], &e), &e);
	CU_ASSERT_STRING_EQUAL(key[0], key[1]);
}

/* ---- who is Apple ---- */

/* The laboratory's root by its hash, since nothing of Apple's can be here. */
static void the_root_is_known_by_its_hash(void)
{
	struct signing_authority a = {.store = {.n = 0}};
	uint8_t hash[1][OWN_SYSTEM_HASH_LEN];
	struct buf der = BUF_INIT;
	struct own_system s;
	struct err e = ERR_INIT;
	struct span root;

	if (!there())
		return;
	ASSERT_OK(signing_authority_load(test_source(SIGNING_KEYS_DIR), &a, &e), &e);
	ASSERT_OK(signing_cert(&a, SIGNING_ROOT, &root, &e), &e);
	CU_ASSERT_TRUE(EVP_Digest(root.p, root.len, hash[0], NULL, EVP_sha256(), NULL));
	ASSERT_OK(own_system_open(copy("true"), &s, &e), &e);
	ASSERT_OK(own_system_root(&s, hash, 1, &der, &e), &e);
	CU_ASSERT_EQUAL(der.len, root.len);
	CU_ASSERT_TRUE(der.len && !memcmp(der.data, root.p, der.len));
	buf_clear(&der);
	hash[0][0] ^= 1;
	ASSERT_OK(own_system_root(&s, hash, 1, &der, &e), &e);
	CU_ASSERT_EQUAL(der.len, 0);
	/* Nobody but Apple is Apple. */
	ASSERT_OK(own_system_root(&s, NULL, 0, &der, &e), &e);
	CU_ASSERT_EQUAL(der.len, 0);
	own_system_release(&s);
	signing_authority_release(&a);
	buf_release(&der);
}

TEST_MAIN("own system", {"a system is opened", a_system_is_opened},
	  {"a real kernel is no stand-in", a_real_kernel_is_no_stand_in},
	  {"what is none is refused", what_is_none_is_refused},
	  {"a prelinked kernel is none", a_prelinked_kernel_is_none},
	  {"a fat kernel is made thin", a_fat_kernel_is_made_thin},
	  {"releases are chosen with care", releases_are_chosen_with_care},
	  {"it is installed", it_is_installed},
	  {"links are followed", links_are_followed},
	  {"what is too large is said", what_is_too_large_is_said},
	  {"the key follows the system", the_key_follows_the_system},
	  {"the root is known by its hash", the_root_is_known_by_its_hash})
